/* sigaltstack: a stack overflow is caught on another stack, then the default action ends the program. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static char other[65536];
static sigjmp_buf back;
static volatile int depth;

static void on_overflow(int number, siginfo_t *info, void *context) {
  (void)context;
  char here;
  stack_t now;
  sigaltstack(NULL, &now);
  printf("signal %d code %d on the other stack %d %d\n", number, info->si_code, &here >= other && &here < other + sizeof other,
         (now.ss_flags & SS_ONSTACK) != 0);
  siglongjmp(back, 1);
}

static int overflow(int n) {
  volatile char frame[4000];
  frame[0] = (char)n;
  depth++;
  return overflow(n + 1) + frame[0];
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  struct rlimit limit = {1 << 20, RLIM_INFINITY};
  stack_t stack = {.ss_sp = other, .ss_size = sizeof other};
  sigaltstack(&stack, NULL);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_overflow;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &action, NULL);
  for (int i = 0; i < 3; i++) {
    depth = 0;
    if (sigsetjmp(back, 1) == 0) overflow(0);
    printf("overflow %d after many frames: %d\n", i, depth > 100);
  }
  stack.ss_flags = SS_DISABLE;
  printf("disabled %d\n", sigaltstack(&stack, NULL));
  setrlimit(RLIMIT_STACK, &limit);
  action.sa_handler = SIG_DFL;
  action.sa_flags = 0;
  sigaction(SIGSEGV, &action, NULL);
  fflush(stdout);
  return overflow(0);
}
