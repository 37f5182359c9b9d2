/* Deep and mutual recursion, function pointers, alloca, variable arrays, computed goto, tail calls, large frames. */
#define _GNU_SOURCE
#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int ackermann(int m, int n) { return m == 0 ? n + 1 : n == 0 ? ackermann(m - 1, 1) : ackermann(m - 1, ackermann(m, n - 1)); }
static int even(unsigned n);
static int odd(unsigned n) { return n == 0 ? 0 : even(n - 1); }
static int even(unsigned n) { return n == 0 ? 1 : odd(n - 1); }
static long fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
__attribute__((noinline)) static long depth(volatile int n) {
  volatile char frame[40];
  frame[n % 40] = 1;
  return n == 0 ? 0 : 1 + depth(n - 1) + frame[n % 40] - 1;
}
static void hanoi(int n, int from, int to, int via, long *moves) {
  if (n == 0) return;
  hanoi(n - 1, from, via, to, moves);
  *moves = *moves * 3 % 1000003 + from * 4 + to;
  hanoi(n - 1, via, to, from, moves);
}
static int twice(int x) { return x * 2; }
static int increment(int x) { return x + 1; }
static int square(int x) { return x * x % 10007; }

static int interpret(const char *program) {
  static void *labels[] = {&&add, &&twice, &&jump, &&stop};
  int value = 0, rounds = 0;
next:
  goto *labels[*program++ - '0'];
add:
  value += 3;
  goto next;
twice:
  value = value * 2 % 65537;
  goto next;
jump:
  if (++rounds < 2000) program -= 4;
  goto next;
stop:
  return value;
}

static long permutations(int *items, int n, int k) {
  if (k == n) return items[0] * 7 + items[n - 1];
  long sum = 0;
  for (int i = k; i < n; i++) {
    int t = items[k];
    items[k] = items[i], items[i] = t;
    sum += permutations(items, n, k + 1);
    t = items[k];
    items[k] = items[i], items[i] = t;
  }
  return sum;
}

int main(void) {
  printf("%d %d %d %ld %ld\n", ackermann(2, 60), even(1000), odd(777), fib(20), depth(50000));
  long moves = 1;
  hanoi(12, 0, 2, 1, &moves);
  printf("%ld\n", moves);
  int (*table[])(int) = {twice, increment, square};
  int value = 3;
  for (int i = 0; i < 5000; i++) value = table[(i * i + value) % 3](value) % 100000;
  printf("%d %d\n", value, interpret("01023"));
  long sum = 0;
  for (int n = 1; n < 300; n += 7) {
    char *space = alloca(n);
    int array[n];
    memset(space, n, n);
    for (int i = 0; i < n; i++) array[i] = space[i] + i;
    sum += array[n - 1];
  }
  printf("%ld\n", sum);
  char big[200000];
  memset(big, 3, sizeof big);
  for (unsigned i = 0; i < sizeof big; i += 1000) sum += big[i];
  int items[] = {1, 2, 3, 4, 5, 6, 7};
  printf("%ld %ld\n", sum, permutations(items, 7, 0));
  return 0;
}
