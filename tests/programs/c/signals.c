/* Signals between and inside programs: masks, queues, nesting, restarts, EINTR, children. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t seen[70], order[64], count, depth, deepest;
static volatile int values[16], queued;

static void note(int number) {
  depth++;
  if (depth > deepest) deepest = depth;
  seen[number]++;
  if (count < 64) order[count++] = number;
  if (number == SIGUSR1 && seen[SIGUSR2] == 0) raise(SIGUSR2);
  depth--;
}
static void on_queue(int number, siginfo_t *info, void *context) {
  (void)number, (void)context;
  values[queued++ % 16] = info->si_code == SI_QUEUE ? info->si_value.sival_int : -1;
}
static void on_child(int number, siginfo_t *info, void *context) {
  (void)context;
  seen[number]++;
  values[0] = info->si_status;
  values[1] = info->si_code;
}

static void install(int number, void (*function)(int), int flags) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = function;
  action.sa_flags = flags;
  sigaction(number, &action, NULL);
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  install(SIGUSR1, note, 0);
  install(SIGUSR2, note, 0);
  raise(SIGUSR1);
  printf("nested %d: %d %d\n", deepest, seen[SIGUSR1], seen[SIGUSR2]);
  sigset_t set, old, pending;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGUSR2);
  sigprocmask(SIG_BLOCK, &set, &old);
  kill(getpid(), SIGUSR2);
  kill(getpid(), SIGUSR1);
  kill(getpid(), SIGUSR1);
  sigpending(&pending);
  printf("pending %d %d, seen %d\n", sigismember(&pending, SIGUSR1), sigismember(&pending, SIGUSR2), seen[SIGUSR1]);
  sigprocmask(SIG_SETMASK, &old, NULL);
  printf("seen %d %d, last %d\n", seen[SIGUSR1], seen[SIGUSR2], count);

  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_queue;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGRTMIN + 1, &action, NULL);
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN + 1);
  sigprocmask(SIG_BLOCK, &set, &old);
  for (int i = 0; i < 5; i++) sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = i * i});
  sigprocmask(SIG_SETMASK, &old, NULL);
  printf("queued %d: %d %d %d %d %d\n", queued, values[0], values[1], values[2], values[3], values[4]);

  int p[2];
  char c;
  if (pipe(p) != 0) return 1;
  pid_t parent = getpid(), pid;
  if ((pid = fork()) == 0) {
    /* Again and again: on a busy machine the first may come before the parent reads. */
    for (;;) {
      usleep(3000);
      kill(parent, SIGUSR1);
    }
  }
  errno = 0;
  printf("read is interrupted %d\n", read(p[0], &c, 1) == -1 && errno == EINTR);
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  install(SIGUSR1, note, SA_RESTART);
  if ((pid = fork()) == 0) {
    usleep(3000);
    kill(parent, SIGUSR1);
    usleep(3000);
    if (write(p[1], "r", 1) != 1) _exit(1);
    _exit(0);
  }
  ssize_t n = read(p[0], &c, 1);
  printf("read is restarted %d %c\n", (int)n, c);
  waitpid(pid, NULL, 0);

  action.sa_sigaction = on_child;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigaction(SIGCHLD, &action, NULL);
  if ((pid = fork()) == 0) _exit(23);
  while (seen[SIGCHLD] == 0) usleep(500);
  printf("child %d %d\n", values[0], values[1] == CLD_EXITED);
  waitpid(pid, NULL, 0);
  signal(SIGCHLD, SIG_IGN);
  if (fork() == 0) _exit(1);
  printf("ignored children leave nothing %d\n", wait(NULL) == -1 && errno == ECHILD);
  signal(SIGCHLD, SIG_DFL);

  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, NULL);
  if ((pid = fork()) == 0) {
    usleep(2000);
    kill(parent, SIGTERM);
    _exit(0);
  }
  int got = 0;
  sigwait(&set, &got);
  printf("sigwait %d\n", got == SIGTERM);
  waitpid(pid, NULL, 0);
  struct timespec none = {0, 1000000};
  printf("timed out %d\n", sigtimedwait(&set, NULL, &none) == -1 && errno == EAGAIN);
  install(SIGALRM, note, SA_RESETHAND);
  sigprocmask(SIG_SETMASK, NULL, &old);
  sigset_t blocked = old;
  sigaddset(&blocked, SIGALRM);
  sigprocmask(SIG_SETMASK, &blocked, NULL);
  raise(SIGALRM);
  printf("suspended %d, alarms %d\n", sigsuspend(&old) == -1 && errno == EINTR, seen[SIGALRM]);
  struct sigaction now;
  sigaction(SIGALRM, NULL, &now);
  printf("reset %d\n", now.sa_handler == SIG_DFL);
  printf("bad signals %d %d\n", kill(getpid(), 100) == -1 && errno == EINVAL, sigaction(SIGKILL, &now, NULL) == -1);
  printf("nobody %d\n", kill(1 << 21, 0) == -1 && errno == ESRCH);
  install(SIGABRT, note, 0);
  fflush(stdout);
  abort();
}
