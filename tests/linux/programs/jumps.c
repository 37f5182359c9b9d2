#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
static jmp_buf plain; static sigjmp_buf from_signal; static volatile int count;
static void deeper(int n) { if (n == 0) longjmp(plain, 42); deeper(n - 1); }
static void on_fault(int s) { count++; siglongjmp(from_signal, s); }
static int compare(const void *a, const void *b) { int x = *(const int *)a, y = *(const int *)b; return (x > y) - (x < y); }
int main(void) {
  volatile int local = 7;
  int v = setjmp(plain);
  if (v == 0) { local = 8; deeper(100); }
  printf("setjmp %d local %d\n", v, local);
  signal(SIGSEGV, on_fault); signal(SIGFPE, on_fault); signal(SIGILL, on_fault);
  for (int i = 0; i < 3; i++) { int s = sigsetjmp(from_signal, 1); if (s == 0) *(volatile int *)16 = 1; printf("fault %d\n", s); }
  volatile int zero = 0; int s = sigsetjmp(from_signal, 1); if (s == 0) printf("%d\n", 1 / zero); printf("fault %d\n", s);
  s = sigsetjmp(from_signal, 1); if (s == 0) __asm__ volatile("ud2"); printf("fault %d count %d\n", s, count);
  int n = 5000, *a = malloc(n * sizeof *a); unsigned x = 1;
  for (int i = 0; i < n; i++) { x = x * 1103515245 + 12345; a[i] = x >> 8; }
  qsort(a, n, sizeof *a, compare);
  int sorted = 1; for (int i = 1; i < n; i++) if (a[i - 1] > a[i]) sorted = 0;
  printf("sorted %d first %d last %d\n", sorted, a[0], a[n - 1]);
  return 3;
}
