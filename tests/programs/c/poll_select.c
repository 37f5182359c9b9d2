/* poll, select, epoll, eventfd, timerfd, signalfd, non-blocking pipes, socket pairs. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  int p[2], s[2];
  char buffer[256] = {0};
  if (pipe2(p, O_NONBLOCK) != 0) return 1;
  printf("empty pipe %d\n", read(p[0], buffer, 1) == -1 && errno == EAGAIN);
  struct pollfd fds[2] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}};
  int n = poll(fds, 2, 0);
  printf("poll %d %x %x\n", n, fds[0].revents, fds[1].revents);
  if (write(p[1], "data", 4) != 4) return 1;
  n = poll(fds, 2, -1);
  printf("poll %d %x %x\n", n, fds[0].revents, fds[1].revents);
  long filled = 4;
  while ((n = write(p[1], buffer, sizeof buffer)) > 0) filled += n;
  printf("pipe holds %ld, %d\n", filled, errno == EAGAIN);
  fd_set reads, writes;
  FD_ZERO(&reads);
  FD_ZERO(&writes);
  FD_SET(p[0], &reads);
  FD_SET(p[1], &writes);
  struct timeval none = {0, 1000};
  n = select(p[1] + 1, &reads, &writes, NULL, &none);
  printf("select %d %d %d\n", n, FD_ISSET(p[0], &reads) != 0, FD_ISSET(p[1], &writes) != 0);
  close(p[1]);
  while (read(p[0], buffer, sizeof buffer) > 0) {}
  poll(fds, 1, 0);
  printf("closed %x\n", fds[0].revents);

  if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) != 0) return 1;
  if (fork() == 0) {
    close(s[0]);
    while ((n = read(s[1], buffer, sizeof buffer)) > 0) {
      for (int i = 0; i < n; i++) buffer[i] ^= 0x20;
      if (write(s[1], buffer, n) != n) _exit(1);
    }
    _exit(0);
  }
  close(s[1]);
  for (int i = 0; i < 3; i++) {
    if (send(s[0], "Hello", 5, 0) != 5) return 1;
    n = recv(s[0], buffer, 5, MSG_WAITALL);
    printf("socket %.*s\n", n, buffer);
  }
  shutdown(s[0], SHUT_WR);
  printf("end %d\n", (int)read(s[0], buffer, 10));
  wait(NULL);

  int e = eventfd(3, EFD_NONBLOCK);
  uint64_t value = 4;
  if (write(e, &value, 8) != 8 || read(e, &value, 8) != 8) return 1;
  printf("eventfd %d, then %d\n", (int)value, read(e, &value, 8) == -1 && errno == EAGAIN);
  int t = timerfd_create(CLOCK_MONOTONIC, 0);
  struct itimerspec when = {{0, 2000000}, {0, 3000000}};
  timerfd_settime(t, 0, &when, NULL);
  int ep = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = 7}, got[4];
  epoll_ctl(ep, EPOLL_CTL_ADD, t, &event);
  event.data.u32 = 8;
  epoll_ctl(ep, EPOLL_CTL_ADD, e, &event);
  n = epoll_wait(ep, got, 4, 1000);
  printf("epoll %d: %d\n", n, got[0].data.u32);
  if (read(t, &value, 8) != 8) return 1;
  printf("expired %d\n", value >= 1);
  value = 1;
  if (write(e, &value, 8) != 8) return 1;
  epoll_ctl(ep, EPOLL_CTL_DEL, t, NULL);
  n = epoll_wait(ep, got, 4, 0);
  printf("epoll %d: %d\n", n, got[0].data.u32);
  epoll_ctl(ep, EPOLL_CTL_DEL, e, NULL);
  printf("epoll times out %d\n", epoll_wait(ep, got, 4, 1));

  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  sigprocmask(SIG_BLOCK, &set, NULL);
  int sfd = signalfd(-1, &set, 0);
  kill(getpid(), SIGUSR2);
  struct signalfd_siginfo info;
  printf("signalfd %d", (int)read(sfd, &info, sizeof info));
  printf(" %d\n", info.ssi_signo == SIGUSR2);

  return 0;
}
