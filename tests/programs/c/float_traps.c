/* Unmasked floating-point exceptions of SSE and x87 end in SIGFPE with the right code. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static sigjmp_buf back;
static void on_fpe(int number, siginfo_t *info, void *context) {
  (void)context;
  printf("signal %d code %d\n", number, info->si_code);
  uint32_t mxcsr = 0x1f80;
  __asm__ volatile("fninit; ldmxcsr %0" ::"m"(mxcsr));
  siglongjmp(back, 1);
}

static void sse(const char *what, int masks, double a, double b) {
  uint32_t mxcsr = 0x1f80 & ~((uint32_t)masks << 7);
  printf("%s: ", what);
  if (sigsetjmp(back, 1) != 0) return;
  __asm__ volatile("ldmxcsr %0" ::"m"(mxcsr));
  __asm__ volatile("movsd %0, %%xmm0; divsd %1, %%xmm0; mulsd %%xmm0, %%xmm0" ::"m"(a), "m"(b) : "xmm0");
  mxcsr = 0x1f80;
  __asm__ volatile("ldmxcsr %0" ::"m"(mxcsr));
  puts("nothing");
}

static void x87(const char *what, int masks, double a, double b) {
  uint16_t control = 0x37f & ~(uint16_t)masks;
  printf("%s: ", what);
  if (sigsetjmp(back, 1) != 0) return;
  __asm__ volatile("fldcw %0" ::"m"(control));
  __asm__ volatile("fldl %0; fldl %1; fdivrp; fwait; fstp %%st(0)" ::"m"(b), "m"(a));
  __asm__ volatile("fninit");
  puts("nothing");
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_fpe;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGFPE, &action, NULL);
  sse("sse by zero", 4, 1, 0);
  sse("sse invalid", 1, 0, 0);
  sse("sse overflow", 8, 1e200, 1e-50);
  sse("sse underflow", 16, 1e-200, 1e50);
  sse("sse inexact", 32, 1, 3);
  sse("sse denormal", 2, 1e-310, 1);
  sse("sse masked", 0, 0, 0);
  sse("sse exact", 63, 6, 2);
  x87("x87 by zero", 4, 1, 0);
  x87("x87 invalid", 1, 0, 0);
  x87("x87 inexact", 32, 1, 3);
  x87("x87 denormal", 2, 1e-310, 1);
  x87("x87 masked", 0, 1, 0);
  x87("x87 exact", 63, 6, 2);
  uint16_t control = 0x37e;
  if (sigsetjmp(back, 1) == 0) {
    __asm__ volatile("fninit; fldcw %0; fstp %%st(0); fwait" ::"m"(control));
    puts("no stack fault");
  }
  return 0;
}
