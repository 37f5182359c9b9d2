/* Timers and clocks: their order and that time goes forward, never how long it was. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t alarms, posix;
static void on_alarm(int number) { (void)number, alarms++; }
static void on_timer(int number, siginfo_t *info, void *context) { (void)number, (void)context, posix += info->si_value.sival_int; }

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + time.tv_nsec / 1e9;
}

int main(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_alarm;
  sigaction(SIGALRM, &action, NULL);
  double start = now();
  struct timespec nap = {0, 5000000}, left;
  int result = nanosleep(&nap, NULL);
  printf("nanosleep %d, long enough %d\n", result, now() - start >= 0.005);
  struct itimerval timer = {{0, 2000}, {0, 3000}};
  setitimer(ITIMER_REAL, &timer, NULL);
  while (alarms < 5) pause();
  printf("alarms %d\n", alarms >= 5);
  memset(&timer, 0, sizeof timer);
  setitimer(ITIMER_REAL, &timer, NULL);
  alarms = 0;
  timer.it_value.tv_usec = 5000;
  setitimer(ITIMER_REAL, &timer, NULL);
  struct timespec long_nap = {30, 0};
  result = nanosleep(&long_nap, &left);
  printf("interrupted %d, some left %d\n", result == -1 && errno == EINTR, left.tv_sec >= 28);
  timer.it_value.tv_usec = 0;
  timer.it_value.tv_sec = 50;
  setitimer(ITIMER_REAL, &timer, NULL);
  printf("alarm had some left %d\n", alarm(0) > 45);

  action.sa_sigaction = on_timer;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGRTMIN, &action, NULL);
  struct sigevent event;
  memset(&event, 0, sizeof event);
  event.sigev_notify = SIGEV_SIGNAL, event.sigev_signo = SIGRTMIN, event.sigev_value.sival_int = 3;
  timer_t id;
  printf("timer_create %d\n", timer_create(CLOCK_MONOTONIC, &event, &id));
  struct itimerspec spec = {{0, 0}, {0, 3000000}};
  timer_settime(id, 0, &spec, NULL);
  while (posix == 0) pause();
  printf("posix %d\n", posix);
  timer_delete(id);
  volatile unsigned long spin = 0;
  timer.it_value.tv_sec = 0;
  timer.it_value.tv_usec = 2000;
  alarms = 0;
  setitimer(ITIMER_REAL, &timer, NULL);
  while (alarms == 0) spin++; /* a loop without system calls is interrupted */
  printf("spun %d\n", spin > 0);
  struct timespec a, b, resolution;
  clock_gettime(CLOCK_REALTIME, &a);
  clock_gettime(CLOCK_REALTIME, &b);
  printf("forward %d, after 2020 %d\n", b.tv_sec > a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec >= a.tv_nsec), a.tv_sec > 1577836800);
  printf("clocks %d %d %d %d\n", clock_getres(CLOCK_MONOTONIC, &resolution), clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a),
         clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a), clock_gettime(CLOCK_BOOTTIME, &a));
  printf("bad clock %d\n", clock_gettime(1000, &a) == -1 && errno == EINVAL);
  clock_gettime(CLOCK_MONOTONIC, &a);
  a.tv_nsec += 1000000;
  if (a.tv_nsec >= 1000000000) a.tv_sec++, a.tv_nsec -= 1000000000;
  printf("until %d\n", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &a, NULL));
  time_t second = 1700000000;
  char text[100];
  strftime(text, sizeof text, "%A %d %B %Y %H:%M:%S %j %U", gmtime(&second));
  puts(text);
  struct tm broken = {.tm_year = 100, .tm_mon = 14, .tm_mday = -5, .tm_hour = 30};
  printf("%ld %d\n", (long)timegm(&broken), broken.tm_wday);
  return 0;
}
