#define _GNU_SOURCE
#include <errno.h>
#include <fenv.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
static volatile sig_atomic_t got, depth; static sigjmp_buf back; static volatile int code, trapno;
static void note(int s) { got = s; }
static void info(int s, siginfo_t *i, void *u) { (void)u; printf("signal %d code %d value %d self %d\n", s, i->si_code, i->si_value.sival_int, i->si_pid == getpid()); }
static void nested(int s) { depth++; if (depth < 3) raise(s); }
static void fix(int s, siginfo_t *i, void *u) { (void)s; ucontext_t *c = u; code = i->si_code; trapno = c->uc_mcontext.gregs[REG_TRAPNO]; c->uc_mcontext.gregs[REG_RIP] += 2; }
static void leave(int s, siginfo_t *i, void *u) { code = i->si_code; trapno = ((ucontext_t *)u)->uc_mcontext.gregs[REG_TRAPNO]; siglongjmp(back, s); }
static void trap(int s, siginfo_t *i, void *u) { (void)s; (void)u; code = i->si_code; }
/* musl has no unmask: unmasks in the x87 control word and in MXCSR. */
static void unmask(int exceptions) {
  unsigned short cw; unsigned mxcsr; __asm__ volatile("fnclex; fnstcw %0; stmxcsr %1" : "=m"(cw), "=m"(mxcsr));
  cw = (cw | 0x3f) & ~exceptions; mxcsr = (mxcsr & ~0x3f) | 0x1f80; mxcsr &= ~(exceptions << 7); __asm__ volatile("fldcw %0; ldmxcsr %1" ::"m"(cw), "m"(mxcsr));
}
int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  struct sigaction a = {.sa_handler = note}; sigaction(SIGUSR1, &a, 0); kill(getpid(), SIGUSR1); printf("got %d\n", got);
  a.sa_flags = SA_SIGINFO; a.sa_sigaction = info; sigaction(SIGUSR2, &a, 0); sigqueue(getpid(), SIGUSR2, (union sigval){.sival_int = 123});
  sigaction(SIGRTMIN + 1, &a, 0); sigset_t m; sigemptyset(&m); sigaddset(&m, SIGRTMIN + 1); sigprocmask(SIG_BLOCK, &m, 0);
  for (int i = 0; i < 3; i++) sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = i});
  sigset_t p; sigpending(&p); printf("pending %d\n", sigismember(&p, SIGRTMIN + 1)); sigprocmask(SIG_UNBLOCK, &m, 0);
  a = (struct sigaction){.sa_handler = nested, .sa_flags = SA_NODEFER}; sigaction(SIGUSR1, &a, 0); raise(SIGUSR1); printf("depth %d\n", depth);
  a = (struct sigaction){.sa_handler = note, .sa_flags = SA_RESETHAND}; sigaction(SIGUSR1, &a, 0); raise(SIGUSR1); sigaction(SIGUSR1, 0, &a); printf("reset %d\n", a.sa_handler == SIG_DFL);
  a = (struct sigaction){.sa_sigaction = fix, .sa_flags = SA_SIGINFO}; sigaction(SIGILL, &a, 0); __asm__ volatile("ud2"); printf("ud2 code %d trap %d\n", code, trapno);
  a = (struct sigaction){.sa_sigaction = trap, .sa_flags = SA_SIGINFO}; sigaction(SIGTRAP, &a, 0); __asm__ volatile("int3"); printf("int3 code %d\n", code);
  __asm__ volatile("pushf; orl $0x100,(%%rsp); popf; nop" ::: "cc"); printf("single step code %d\n", code);
  a = (struct sigaction){.sa_sigaction = leave, .sa_flags = SA_SIGINFO}; sigaction(SIGFPE, &a, 0); sigaction(SIGSEGV, &a, 0);
  volatile int zero = 0; if (!sigsetjmp(back, 1)) zero = 1 / zero; printf("divide code %d trap %d\n", code, trapno);
  unmask(FE_DIVBYZERO | FE_INVALID); volatile double d = 0; if (!sigsetjmp(back, 1)) d = 1 / d; printf("sse code %d trap %d\n", code, trapno); unmask(0);
  unmask(FE_DIVBYZERO); volatile long double l = 0; if (!sigsetjmp(back, 1)) { l = 1 / l; l = l + 1; } printf("x87 code %d trap %d\n", code, trapno); unmask(0); __asm__ volatile("fninit");
  if (!sigsetjmp(back, 1)) *(volatile char *)0x8000000000000000 = 1; printf("non-canonical code %d trap %d\n", code, trapno);
  if (!sigsetjmp(back, 1)) __asm__ volatile("hlt"); printf("hlt code %d trap %d\n", code, trapno);
  a = (struct sigaction){.sa_handler = note}; sigaction(SIGALRM, &a, 0); got = 0; struct itimerval t = {{0, 0}, {0, 200000}}; setitimer(ITIMER_REAL, &t, 0); errno = 0; int r = pause(); printf("pause %d %d got %d\n", r, errno, got);
  t.it_value.tv_usec = 200000; setitimer(ITIMER_REAL, &t, 0); struct timespec w = {5, 0}, left; r = nanosleep(&w, &left); printf("nanosleep %d %d left %ld\n", r, errno, (long)left.tv_sec);
  int fds[2]; pipe(fds); t.it_value.tv_usec = 200000; setitimer(ITIMER_REAL, &t, 0); char c; r = read(fds[0], &c, 1); printf("read %d %d\n", r, errno);
  a.sa_flags = SA_RESTART; sigaction(SIGALRM, &a, 0); t.it_value.tv_usec = 200000; setitimer(ITIMER_REAL, &t, 0); if (fork() == 0) { usleep(500000); write(fds[1], "x", 1); _exit(0); } r = read(fds[0], &c, 1); printf("restarted %d %c\n", r, c); wait(0);
  t.it_value.tv_usec = 200000; setitimer(ITIMER_REAL, &t, 0); struct pollfd pf = {fds[0], POLLIN, 0}; r = poll(&pf, 1, 5000); printf("poll %d %d\n", r, errno);
  sigset_t all, none; sigfillset(&all); sigemptyset(&none); sigprocmask(SIG_SETMASK, &all, 0); raise(SIGALRM); got = 0; r = sigsuspend(&none); printf("sigsuspend %d got %d\n", r, got); raise(SIGUSR2); siginfo_t si; sigemptyset(&m); sigaddset(&m, SIGUSR2); r = sigtimedwait(&m, &si, &w); printf("sigtimedwait %d code %d\n", r, si.si_code);
  w = (struct timespec){0, 1000000}; r = sigtimedwait(&m, &si, &w); printf("sigtimedwait %d %d\n", r, errno);
  int sfd = signalfd(-1, &m, 0); raise(SIGUSR2); struct signalfd_siginfo ssi; r = read(sfd, &ssi, sizeof ssi); printf("signalfd %d signal %d\n", r, ssi.ssi_signo);
  sigprocmask(SIG_SETMASK, &none, 0); signal(SIGPIPE, note); close(fds[0]); got = 0; r = write(fds[1], "x", 1); printf("write %d %d got %d\n", r, errno, got);
  int status, hold[2]; pipe(hold); pid_t pid = fork(); if (pid == 0) { close(hold[1]); raise(SIGSTOP); read(hold[0], &c, 1); _exit(9); } close(hold[0]); waitpid(pid, &status, WUNTRACED); printf("stopped %d\n", WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP); kill(pid, SIGCONT); waitpid(pid, &status, WCONTINUED); printf("continued %d\n", WIFCONTINUED(status)); close(hold[1]); waitpid(pid, &status, 0); printf("exited %d\n", WEXITSTATUS(status));
  pid = fork(); if (pid == 0) { signal(SIGSEGV, SIG_DFL); *(volatile int *)8 = 1; } waitpid(pid, &status, 0); printf("died of %d core %d\n", WTERMSIG(status), 0);
  pid = fork(); if (pid == 0) for (;;) pause(); kill(pid, SIGKILL); waitpid(pid, &status, 0); printf("killed by %d\n", WTERMSIG(status));
  signal(SIGCHLD, SIG_IGN); pid = fork(); if (pid == 0) _exit(0); r = waitpid(pid, &status, 0); printf("reaped %d %d\n", r, errno);
  timer_t timer; struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 2, .sigev_value.sival_int = 55}; a = (struct sigaction){.sa_flags = SA_SIGINFO, .sa_sigaction = info}; sigaction(SIGRTMIN + 2, &a, 0); timer_create(CLOCK_MONOTONIC, &ev, &timer);
  struct itimerspec its = {{0, 0}, {0, 200000000}}; timer_settime(timer, 0, &its, 0); pause(); puts("timer"); abort();
}
