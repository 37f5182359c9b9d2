#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#define SHOW(x) do { errno = 0; long r_ = (x); if (r_ < 0) printf("%s: errno %d\n", #x, errno); else printf("%s: %ld\n", #x, r_); } while (0)
static void revents(const char *what, int fd) { struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP, 0}; poll(&p, 1, 0); printf("%s: %x\n", what, p.revents); }
static int option(int fd, int level, int name) { int value = -1; socklen_t size = sizeof value; errno = 0; return getsockopt(fd, level, name, &value, &size) ? -errno : value; }
static void set(int fd, int level, int name, int value) { if (setsockopt(fd, level, name, &value, sizeof value)) printf("setsockopt %d %d: errno %d\n", level, name, errno); }
static struct sockaddr_un unix_name(const char *path) { struct sockaddr_un a = {AF_UNIX, {0}}; strcpy(a.sun_path, path); return a; }
static struct sockaddr_in inet_name(const char *host, int port) { struct sockaddr_in a = {AF_INET, htons(port), {inet_addr(host)}, {0}}; return a; }
static int inet_port(int fd) { struct sockaddr_in a; socklen_t size = sizeof a; getsockname(fd, (void *)&a, &size); return ntohs(a.sin_port); }
#define ADDRESS(a) (struct sockaddr *)&(a), sizeof(a)
static ssize_t send_fds(int fd, const char *text, int *fds, int count, int flags) {
  char control[CMSG_SPACE(16)]; memset(control, 0, sizeof control); struct iovec v = {(char *)text, strlen(text)};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(4 * count)};
  struct cmsghdr *c = CMSG_FIRSTHDR(&m); c->cmsg_level = SOL_SOCKET; c->cmsg_type = SCM_RIGHTS; c->cmsg_len = CMSG_LEN(4 * count); memcpy(CMSG_DATA(c), fds, 4 * count);
  return sendmsg(fd, &m, flags);
}
static int receive_fd(int fd, size_t bytes, size_t room, int flags) {
  char text[64] = {0}, control[128] = {0}; struct iovec v = {text, bytes}; int found = -1;
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room};
  ssize_t got = recvmsg(fd, &m, flags); printf("received %zd %s, control %zu, flags %x:", got, text, (size_t)m.msg_controllen, m.msg_flags);
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
    printf(" %d/%d/%zu", c->cmsg_level, c->cmsg_type, (size_t)c->cmsg_len); if (c->cmsg_type == SCM_RIGHTS) memcpy(&found, CMSG_DATA(c), 4);
    if (c->cmsg_type == SCM_CREDENTIALS) { struct ucred u; memcpy(&u, CMSG_DATA(c), sizeof u); printf(" %d", u.pid == getpid()); }
  }
  puts(""); return found;
}
static void local_streams(void) {
  char b[64] = {0}; struct sockaddr_un a = unix_name("s"); struct stat st; socklen_t size;
  int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0); revents("new", c); SHOW(connect(c, ADDRESS(a))); SHOW(listen(l, 1)); SHOW(read(l, b, 1));
  SHOW(bind(l, ADDRESS(a))); SHOW(connect(c, ADDRESS(a))); SHOW(bind(c, ADDRESS(a))); SHOW(stat("s", &st)); printf("%o\n", st.st_mode); SHOW(listen(l, 1)); SHOW(accept4(c, 0, 0, 0)); SHOW(option(l, SOL_SOCKET, SO_ACCEPTCONN)); revents("listening", l);
  SHOW(connect(c, ADDRESS(a))); SHOW(connect(c, ADDRESS(a))); revents("waiting", l); SHOW(write(c, "early", 5)); size = sizeof a; int s = accept(l, (void *)&a, &size); printf("%d %u %d\n", s >= 0, size, a.sun_family); revents("accepted", s); SHOW(read(s, b, 64)); puts(b);
  size = sizeof a; SHOW(getpeername(c, (void *)&a, &size)); printf("%u %s\n", size, a.sun_path); size = 5; SHOW(getsockname(s, (void *)&a, &size)); printf("%u\n", size); struct ucred u; size = sizeof u; SHOW(getsockopt(c, SOL_SOCKET, SO_PEERCRED, &u, &size)); printf("%d %u\n", u.pid == getpid(), size);
  int n = 0; SHOW(write(s, "four", 4)); SHOW(ioctl(c, FIONREAD, &n)); printf("%d\n", n); SHOW(recv(c, b, 64, MSG_PEEK)); SHOW(recv(c, b, 2, MSG_WAITALL)); SHOW(recv(c, b, 64, 0)); SHOW(recv(c, b, 64, 0)); SHOW(shutdown(s, SHUT_WR)); revents("half closed", c); SHOW(read(c, b, 1)); SHOW(write(c, "x", 1)); SHOW(send(s, "x", 1, MSG_NOSIGNAL));
  SHOW(close(s)); revents("closed", c); SHOW(read(c, b, 1)); SHOW(read(c, b, 1)); SHOW(send(c, "x", 1, MSG_NOSIGNAL)); close(c); close(l); a = unix_name("s"); c = socket(AF_UNIX, SOCK_STREAM, 0); SHOW(connect(c, ADDRESS(a))); SHOW(bind(c, ADDRESS(a))); SHOW(unlink("s")); SHOW(connect(c, ADDRESS(a))); SHOW(sendto(c, "x", 1, MSG_NOSIGNAL, ADDRESS(a)));
  a = unix_name("/dev/shm/causeway-socket"); unlink(a.sun_path); l = socket(AF_UNIX, SOCK_STREAM, 0); SHOW(bind(l, ADDRESS(a))); SHOW(listen(l, 1)); s = socket(AF_UNIX, SOCK_STREAM, 0); SHOW(connect(s, ADDRESS(a))); SHOW(unlink(a.sun_path)); close(l); SHOW(read(s, b, 1)); close(s);
  struct sockaddr_un abstract = {AF_UNIX, {0, 'n', 'a', 'm', 'e', 'd'}}; socklen_t part = offsetof(struct sockaddr_un, sun_path) + 6; l = socket(AF_UNIX, SOCK_SEQPACKET, 0); SHOW(bind(l, (void *)&abstract, part)); SHOW(listen(l, 5)); SHOW(connect(c, (void *)&abstract, part)); int q = socket(AF_UNIX, SOCK_SEQPACKET, 0); SHOW(connect(q, (void *)&abstract, part)); s = accept(l, 0, 0);
  SHOW(write(q, "one", 3)); SHOW(write(q, "second", 6)); SHOW(recv(s, b, 2, MSG_TRUNC)); SHOW(recv(s, b, 64, 0)); SHOW(send(q, "end", 3, MSG_EOR)); receive_fd(s, 64, 0, 0); close(q); SHOW(read(s, b, 64)); close(s); close(l); close(c);
}
static void asynchronous(void) {
  int sp[2], on = 1; SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, sp)); SHOW(ioctl(sp[0], FIOASYNC, &on)); SHOW(fcntl(sp[0], F_GETFL)); SHOW(fcntl(sp[0], F_GETOWN)); SHOW(fcntl(sp[0], F_SETOWN, getpid())); SHOW(fcntl(sp[0], F_GETOWN) == getpid()); on = 0; SHOW(ioctl(sp[0], FIOASYNC, &on)); SHOW(fcntl(sp[0], F_GETFL)); SHOW(ioctl(sp[0], FIONBIO, &sp[1])); SHOW(fcntl(sp[0], F_GETFL)); close(sp[0]); close(sp[1]);
}
static void descriptors(void) {
  int sp[2], p[2], p2[2]; char b[8] = {0}; SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, sp)); SHOW(pipe(p)); SHOW(pipe(p2)); SHOW(send_fds(sp[0], "fd", &p[1], 1, 0)); close(p[1]); int got = receive_fd(sp[1], 10, 64, MSG_CMSG_CLOEXEC); printf("%d\n", fcntl(got, F_GETFD)); SHOW(write(got, "hi", 2)); SHOW(read(p[0], b, 8)); close(got); SHOW(read(p[0], b, 8));
  int two[2] = {p2[0], p2[1]}; SHOW(write(sp[0], "before ", 7)); SHOW(send_fds(sp[0], "with", two, 2, 0)); SHOW(write(sp[0], " after", 6)); close(receive_fd(sp[1], 60, CMSG_LEN(4), 0)); receive_fd(sp[1], 60, 64, 0);
  close(p2[1]); SHOW(send_fds(sp[0], "lost", p2, 1, 0)); SHOW(read(sp[1], b, 8)); int bad = 99; SHOW(send_fds(sp[0], "bad", &bad, 1, 0)); set(sp[1], SOL_SOCKET, SO_PASSCRED, 1); SHOW(write(sp[0], "who", 3)); receive_fd(sp[1], 60, 64, 0);
  struct sigaction ignore = {.sa_handler = SIG_IGN}; sigaction(SIGPIPE, &ignore, 0); SHOW(shutdown(sp[0], SHUT_RD)); SHOW(write(sp[1], "x", 1)); revents("no reader", sp[1]); SHOW(write(sp[0], "unread", 6)); close(sp[1]); SHOW(read(sp[0], b, 8)); SHOW(write(sp[0], "x", 1));
}
static void local_datagrams(void) {
  struct sockaddr_un a = unix_name("d"), from = {0}; char b[64] = {0}; socklen_t size = sizeof from; int s = socket(AF_UNIX, SOCK_DGRAM, 0), c = socket(AF_UNIX, SOCK_DGRAM, 0); SHOW(bind(s, ADDRESS(a))); SHOW(sendto(c, "anonymous", 9, 0, ADDRESS(a))); SHOW(recvfrom(s, b, 4, MSG_TRUNC, (void *)&from, &size)); printf("%u\n", size);
  struct sockaddr_un mine = unix_name("e"); SHOW(bind(c, ADDRESS(mine))); SHOW(connect(c, ADDRESS(a))); SHOW(send(c, "", 0, 0)); SHOW(write(c, "named", 5)); revents("datagrams", s); size = sizeof from; SHOW(recvfrom(s, b, 64, 0, (void *)&from, &size)); printf("%u %s\n", size, from.sun_path); SHOW(read(s, b, 64)); SHOW(recv(s, b, 64, MSG_DONTWAIT)); SHOW(listen(s, 1)); SHOW(accept(s, 0, 0));
  int st = socket(AF_UNIX, SOCK_STREAM, 0); SHOW(connect(st, ADDRESS(a))); SHOW(send(s, "x", 1, 0)); close(s); SHOW(send(c, "x", 1, 0)); unlink("d"); unlink("e"); close(c); close(st);
}
static void *server(void *argument) {
  int l = *(int *)argument; char b[64]; struct sockaddr_in a; socklen_t size = sizeof a; int s = accept(l, (void *)&a, &size); size = sizeof a; ssize_t n;
  while ((n = read(s, b, 64)) > 0) { for (ssize_t i = 0; i < n; i++) b[i] ^= 0x20; if (write(s, b, n) != n) break; }
  close(s); return 0;
}
static void tcp(void) {
  struct sockaddr_in a = inet_name("127.0.0.1", 0), other = inet_name("127.0.0.1", 1); char b[64] = {0}; pthread_t t; int one = 1; int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);
  SHOW(connect(c, ADDRESS(other))); SHOW(option(c, SOL_SOCKET, SO_TYPE)); SHOW(option(c, SOL_SOCKET, SO_DOMAIN)); SHOW(option(c, SOL_SOCKET, SO_PROTOCOL)); SHOW(bind(l, ADDRESS(a))); a = inet_name("127.0.0.1", inet_port(l)); SHOW(bind(l, ADDRESS(a))); SHOW(listen(l, 5)); int second = socket(AF_INET, SOCK_STREAM, 0); SHOW(bind(second, ADDRESS(a))); set(second, SOL_SOCKET, SO_REUSEADDR, 1); SHOW(bind(second, ADDRESS(a))); SHOW(write(l, "x", 1)); close(c); c = socket(AF_INET, SOCK_STREAM, 0);
  pthread_create(&t, 0, server, &l); SHOW(connect(c, ADDRESS(a))); SHOW(write(c, "hello", 5)); SHOW(recv(c, b, 5, MSG_WAITALL)); puts(b); set(c, IPPROTO_TCP, TCP_NODELAY, one); SHOW(option(c, IPPROTO_TCP, TCP_NODELAY) != 0); SHOW(option(c, SOL_SOCKET, SO_KEEPALIVE)); SHOW(option(c, 999, 1)); SHOW(option(c, SOL_SOCKET, 999)); struct sockaddr_in peer; socklen_t size = sizeof peer; SHOW(getpeername(c, (void *)&peer, &size)); printf("%s %d %u\n", inet_ntoa(peer.sin_addr), peer.sin_port == a.sin_port, size);
  SHOW(shutdown(c, SHUT_WR)); SHOW(read(c, b, 64)); pthread_join(t, 0); close(c);
  int nb = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0); SHOW(connect(nb, ADDRESS(a))); struct pollfd p = {nb, POLLOUT, 0}; SHOW(poll(&p, 1, 1000)); SHOW(option(nb, SOL_SOCKET, SO_ERROR)); int s = accept4(l, 0, 0, SOCK_NONBLOCK); SHOW(read(s, b, 1)); SHOW(fcntl(s, F_GETFL)); SHOW(read(nb, b, 1)); close(s); p.events = POLLIN; SHOW(poll(&p, 1, 1000)); SHOW(read(nb, b, 1)); close(nb);
  nb = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0); SHOW(connect(nb, ADDRESS(other))); p = (struct pollfd){nb, POLLOUT, 0}; SHOW(poll(&p, 1, 1000)); printf("%x\n", p.revents); SHOW(option(nb, SOL_SOCKET, SO_ERROR)); SHOW(option(nb, SOL_SOCKET, SO_ERROR)); close(nb);
  c = socket(AF_INET, SOCK_STREAM, 0); SHOW(read(c, b, 1)); SHOW(getpeername(c, (void *)&peer, &size)); SHOW(send(c, "x", 1, MSG_NOSIGNAL)); struct timeval tv = {0, 20000}; SHOW(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv)); SHOW(accept(l, 0, 0)); close(c); close(l); close(second);
  int any = socket(AF_INET, SOCK_STREAM, 0); SHOW(listen(any, 1)); a = inet_name("127.0.0.5", inet_port(any)); c = socket(AF_INET, SOCK_STREAM, 0); SHOW(connect(c, ADDRESS(a))); size = sizeof peer; s = accept(any, (void *)&peer, &size); printf("%d %s\n", s >= 0, inet_ntoa(peer.sin_addr)); size = sizeof peer; SHOW(getsockname(s, (void *)&peer, &size)); printf("%s\n", inet_ntoa(peer.sin_addr)); SHOW(close(c)); SHOW(read(s, b, 1)); close(s); close(any); c = socket(AF_INET, SOCK_STREAM, 0); a = inet_name("192.0.2.1", 0); SHOW(bind(c, ADDRESS(a))); SHOW(bind(c, ADDRESS(a) - 8)); SHOW(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP)); SHOW(socket(AF_INET, SOCK_SEQPACKET, 0)); SHOW(socket(77, SOCK_STREAM, 0)); SHOW(socketpair(AF_INET, SOCK_STREAM, 0, (int[2]){0})); SHOW(listen(0, 1));
}
static void udp(void) {
  struct sockaddr_in a = inet_name("127.0.0.1", 0), from; socklen_t size = sizeof from; char b[64] = {0}; int s = socket(AF_INET, SOCK_DGRAM, 0), c = socket(AF_INET, SOCK_DGRAM, 0); SHOW(bind(s, ADDRESS(a))); a = inet_name("127.0.0.1", inet_port(s)); SHOW(send(c, "x", 1, 0)); SHOW(sendto(c, "datagram", 8, 0, ADDRESS(a))); SHOW(recvfrom(s, b, 64, 0, (void *)&from, &size)); printf("%s %s %d %u\n", b, inet_ntoa(from.sin_addr), ntohs(from.sin_port) == inet_port(c), size); SHOW(sendto(s, "back", 4, 0, ADDRESS(from))); SHOW(recv(c, b, 2, 0)); SHOW(recv(c, b, 64, MSG_DONTWAIT));
  SHOW(connect(c, ADDRESS(a))); SHOW(write(c, "a", 1)); SHOW(write(c, "bb", 2)); struct mmsghdr m[3]; struct iovec v[3]; char parts[3][8]; memset(m, 0, sizeof m); for (int i = 0; i < 3; i++) { v[i] = (struct iovec){parts[i], 8}; m[i].msg_hdr.msg_iov = &v[i]; m[i].msg_hdr.msg_iovlen = 1; } SHOW(recvmmsg(s, m, 3, MSG_DONTWAIT, 0)); printf("%u %u\n", m[0].msg_len, m[1].msg_len); for (int i = 0; i < 3; i++) v[i].iov_len = i + 1; SHOW(sendmmsg(c, m, 3, 0)); SHOW(recv(s, b, 64, 0)); SHOW(recv(s, b, 64, 0)); SHOW(recv(s, b, 64, 0)); int n; SHOW(write(c, "12345", 5)); SHOW(ioctl(s, FIONREAD, &n)); printf("%d\n", n); SHOW(write(c, b, 0)); close(s); SHOW(write(c, "gone", 4)); SHOW(write(c, "gone", 4)); char *big = calloc(1, 70000); SHOW(sendto(c, big, 70000, 0, ADDRESS(a))); struct sockaddr none = {AF_UNSPEC, {0}}; SHOW(connect(c, ADDRESS(none))); SHOW(write(c, "x", 1)); close(c);
}
static void edges(void) {
  int sp[2]; char b[8]; SHOW(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sp)); int ep = epoll_create1(0); struct epoll_event e = {EPOLLIN | EPOLLET, {.fd = 1}}, got; SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, sp[1], &e)); SHOW(epoll_wait(ep, &got, 1, 0));
  for (int i = 0; i < 3; i++) { SHOW(write(sp[0], "12", 2)); SHOW(epoll_wait(ep, &got, 1, 0)); SHOW(epoll_wait(ep, &got, 1, 0)); if (i != 1) SHOW(read(sp[1], b, 8)); } SHOW(write(sp[0], "345", 3)); SHOW(read(sp[1], b, 1)); SHOW(epoll_wait(ep, &got, 1, 0)); SHOW(epoll_wait(ep, &got, 1, 0)); SHOW(close(sp[0])); SHOW(epoll_wait(ep, &got, 1, 0)); printf("%x\n", got.events); close(sp[1]);
  int p[2]; SHOW(pipe2(p, O_NONBLOCK)); SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e)); for (int i = 0; i < 2; i++) { SHOW(write(p[1], "x", 1)); SHOW(epoll_wait(ep, &got, 1, 0)); SHOW(epoll_wait(ep, &got, 1, 0)); SHOW(read(p[0], b, 1)); SHOW(read(p[0], b, 1)); }
}
int main(void) {
  setvbuf(stdout, 0, _IONBF, 0); char dir[] = "/tmp/causeway-sockets-XXXXXX"; if (!mkdtemp(dir) || chdir(dir)) return 1; signal(SIGPIPE, SIG_IGN);
  local_streams(); asynchronous(); descriptors(); local_datagrams(); tcp(); udp(); edges();
  // Between processes, and SIGPIPE.
  int l = socket(AF_UNIX, SOCK_STREAM, 0); struct sockaddr_un a = unix_name("p"); SHOW(bind(l, ADDRESS(a))); SHOW(listen(l, 0)); char b[64] = {0};
  for (int i = 0; i < 3; i++) if (fork() == 0) { int c = socket(AF_UNIX, SOCK_STREAM, 0); if (connect(c, ADDRESS(a))) _exit(9); char x = 'a' + i; if (write(c, &x, 1) != 1) _exit(8); _exit(read(c, &x, 1)); }
  int sum = 0; for (int i = 0; i < 3; i++) { int s = accept(l, 0, 0); char x; if (read(s, &x, 1) == 1) sum += x; close(s); } for (int i = 0; i < 3; i++) { int status; wait(&status); sum += status; } printf("%d\n", sum);
  pid_t child = fork(); if (child == 0) { int sp[2]; signal(SIGPIPE, SIG_DFL); socketpair(AF_UNIX, SOCK_STREAM, 0, sp); close(sp[1]); send(sp[0], "x", 1, 0); _exit(0); } int status; waitpid(child, &status, 0); printf("%d\n", WTERMSIG(status)); unlink("p"); if (chdir("/")) return 1; return rmdir(dir);
}
