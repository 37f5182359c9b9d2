/* Recursive calls: Fibonacci numbers without memory of the last ones. Argument: which. */
#include <stdio.h>
#include <stdlib.h>

/* The empty assembly keeps the compiler from turning calls into a loop. */
__attribute__((noinline)) static unsigned long fib(unsigned n) {
  if (n < 2) return n;
  unsigned long first = fib(n - 1), second;
  __asm__ volatile("" : "+r"(first));
  second = fib(n - 2);
  __asm__ volatile("" : "+r"(second));
  return first + second;
}

int main(int argc, char **argv) {
  printf("%lu\n", fib(argc > 1 ? atoi(argv[1]) : 20));
  return 0;
}
