#define _GNU_SOURCE
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>
static volatile long ticks; static volatile int seen_mxcsr, seen_cw, magic, aligned; static volatile unsigned long seen_xmm;
static void tick(int s) { (void)s; volatile double x = ticks + 0.5; volatile long double y = x; for (int i = 0; i < 10; i++) { x = sqrt(x) + i; y = y * 1.5L; } __asm__ volatile("fninit; pxor %%xmm7, %%xmm7; pxor %%xmm15, %%xmm15" ::: "xmm7", "xmm15"); ticks++; }
static void look(int s, siginfo_t *i, void *u) {
  (void)s; (void)i; ucontext_t *c = u; char *f = (char *)c->uc_mcontext.fpregs; unsigned *words = (unsigned *)f;
  seen_mxcsr = words[6]; seen_cw = *(unsigned short *)f; magic = words[464 / 4] == 0x46505853; aligned = ((unsigned long)f % 64 == 0) && ((unsigned long)__builtin_frame_address(0) % 16 == 0);
  memcpy((void *)&seen_xmm, f + 160 + 16 * 9, 8); unsigned long changed = 0x1122334455667788; memcpy(f + 160 + 16 * 9, &changed, 8);
  c->uc_mcontext.gregs[REG_R12] = 4711; c->uc_mcontext.gregs[REG_EFL] |= 1; 
  unsigned mxcsr; unsigned short cw; __asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(mxcsr), "=m"(cw)); printf("inside mxcsr %x cw %x\n", mxcsr, cw);
}
static double work(int rounds) { double a = 1, b = 2, c = 3; long double d = 1; for (int i = 1; i < rounds; i++) { a = sin(a) + b / i; b = b * 0.999 + c; c = sqrt(c * c + a); d = d * 1.0000001L + a; } return a + b + c + (double)d; }
static void *worker(void *r) { *(double *)r = work(20000); return 0; }
static char alternate[16384]; static volatile int on_alternate;
static void where(int s) { (void)s; char here; on_alternate = &here >= alternate && &here < alternate + sizeof alternate; }
int main(void) {
  double expected = work(20000); struct sigaction a = {.sa_handler = tick, .sa_flags = SA_RESTART}; sigaction(SIGALRM, &a, 0);
  struct itimerval t = {{0, 50}, {0, 50}}; setitimer(ITIMER_REAL, &t, 0); double got = work(20000); t = (struct itimerval){0}; setitimer(ITIMER_REAL, &t, 0);
  printf("interrupted %d same %d\n", ticks > 10, got == expected);
  pthread_t threads[4]; double results[4]; for (int i = 0; i < 4; i++) pthread_create(&threads[i], 0, worker, &results[i]);
  int same = 1; for (int i = 0; i < 4; i++) { pthread_join(threads[i], 0); same &= results[i] == expected; } printf("threads same %d\n", same);
  a = (struct sigaction){.sa_sigaction = look, .sa_flags = SA_SIGINFO}; sigaction(SIGUSR1, &a, 0);
  unsigned mxcsr = 0x5f80; unsigned short cw = 0xb7f; unsigned long in = 0xcafe, out, r12, carry; int pid = getpid();
  __asm__ volatile("ldmxcsr %4; fldcw %5; movq %6, %%xmm9; mov $62, %%eax; mov %7, %%edi; mov $10, %%esi; syscall; setc %%al; movzbl %%al, %%eax; mov %%rax, %2; movq %%xmm9, %0; mov %%r12, %1; stmxcsr %3"
    : "=r"(out), "=r"(r12), "=r"(carry), "=m"(mxcsr) : "m"(mxcsr), "m"(cw), "r"(in), "r"(pid) : "rax", "rcx", "rdx", "rdi", "rsi", "r8", "r9", "r10", "r11", "r12", "xmm9", "cc", "memory");
  printf("mxcsr %x cw %x xmm %lx magic %d aligned %d\n", seen_mxcsr, seen_cw, seen_xmm, magic, aligned);
  printf("after: mxcsr %x xmm %lx r12 %ld carry %ld\n", mxcsr, out, r12, carry);
  stack_t st = {.ss_sp = alternate, .ss_size = sizeof alternate}, old; sigaltstack(&st, 0); a = (struct sigaction){.sa_handler = where, .sa_flags = SA_ONSTACK}; sigaction(SIGUSR2, &a, 0); raise(SIGUSR2); sigaltstack(0, &old);
  printf("alternate %d flags %d size %zu\n", on_alternate, old.ss_flags, old.ss_size); st.ss_flags = SS_DISABLE; sigaltstack(&st, 0); raise(SIGUSR2); printf("alternate %d\n", on_alternate);
  return 0;
}
