/* setjmp and longjmp: out of deep recursion, back many times, with signal masks. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static jmp_buf place;
static sigjmp_buf masked;

static int deeper(int n) {
  volatile char frame[100];
  memset((void *)frame, n, sizeof frame);
  if (n == 0) longjmp(place, 42);
  return deeper(n - 1) + frame[n % 100];
}

static void on_signal(int number) { siglongjmp(masked, number); }

int main(void) {
  volatile int count = 0;
  int value = setjmp(place);
  if (value == 0) deeper(500);
  printf("back with %d\n", value);
  if (++count < 4) longjmp(place, count == 1 ? 0 : count * 100);
  signal(SIGUSR1, on_signal);
  volatile int rounds = 0;
  int number = sigsetjmp(masked, 1);
  if (rounds < 5) {
    rounds++;
    raise(SIGUSR1);
    puts("not reached");
  }
  sigset_t set;
  sigprocmask(SIG_SETMASK, NULL, &set);
  printf("rounds %d, signal %d, blocked %d\n", rounds, number == SIGUSR1, sigismember(&set, SIGUSR1));
  volatile double kept = 1.5;
  for (volatile int i = 0; i < 3; i++) {
    jmp_buf inner;
    int got = setjmp(inner);
    kept += 0.25;
    if (got < 3) longjmp(inner, got + 1);
    printf("%d %g\n", i, kept);
  }
  return count;
}
