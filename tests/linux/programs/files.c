#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sendfile.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>
#define SHOW(x) do { errno = 0; long r_ = (x); if (r_ < 0) printf("%s: errno %d\n", #x, errno); else printf("%s: %ld\n", #x, r_); } while (0)
static int compare(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }
int main(void) {
  char dir[] = "/tmp/causeway-files-XXXXXX"; if (!mkdtemp(dir) || chdir(dir)) return 1;
  int fd = open("a", O_CREAT | O_RDWR | O_TRUNC, 0640); SHOW(write(fd, "hello world", 11)); SHOW(lseek(fd, -5, SEEK_END)); char b[64] = {0}; SHOW(read(fd, b, 64)); puts(b);
  SHOW(pwrite(fd, "J", 1, 0)); SHOW(pread(fd, b, 5, 0)); puts(b); SHOW(ftruncate(fd, 20)); struct stat st; SHOW(fstat(fd, &st)); printf("%o %ld %ld\n", st.st_mode, (long)st.st_size, (long)st.st_nlink);
  struct iovec v[2] = {{"ab", 2}, {"cd", 2}}; SHOW(lseek(fd, 0, SEEK_SET)); SHOW(writev(fd, v, 2)); char x[3] = {0}, y[3] = {0}; struct iovec w[2] = {{x, 2}, {y, 2}}; SHOW(lseek(fd, 0, SEEK_SET)); SHOW(readv(fd, w, 2)); printf("%s %s\n", x, y);
  SHOW(open("a", O_CREAT | O_EXCL | O_RDWR, 0600)); SHOW(open("missing", O_RDONLY)); SHOW(open("a/b", O_RDONLY)); SHOW(open(".", O_WRONLY)); SHOW(open("a", O_DIRECTORY)); SHOW(mkdir("d", 0755)); SHOW(mkdir("d", 0755)); SHOW(rmdir("a")); SHOW(unlink("d"));
  SHOW(link("a", "hard")); SHOW(symlink("a", "soft")); SHOW(symlink("loop", "loop")); SHOW(open("loop", O_RDONLY)); SHOW(open("soft", O_RDONLY | O_NOFOLLOW)); SHOW(readlink("soft", b, 64)); SHOW(lstat("soft", &st)); printf("%o\n", st.st_mode & S_IFMT); SHOW(stat("hard", &st)); printf("%ld\n", (long)st.st_nlink);
  SHOW(rename("hard", "d/moved")); SHOW(rename("d", "a")); SHOW(syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "soft", 1)); SHOW(rmdir("d")); SHOW(chmod("a", 0400)); SHOW(stat("a", &st)); printf("%o\n", st.st_mode & 0777); SHOW(access("a", R_OK)); SHOW(access("a", X_OK)); SHOW(access("zz", F_OK));
  struct timespec ts[2] = {{1000, 0}, {2000, 500000000}}; SHOW(utimensat(AT_FDCWD, "a", ts, 0)); SHOW(stat("a", &st)); printf("%ld %ld.%09ld\n", (long)st.st_atime, (long)st.st_mtime, st.st_mtim.tv_nsec);
  int dfd = open("d", O_DIRECTORY); SHOW(openat(dfd, "moved", O_RDONLY) > 0); SHOW(openat(dfd, "../a", O_RDONLY) > 0); SHOW(openat(fd, "x", O_RDONLY)); SHOW(fchdir(dfd)); char *cwd = getcwd(0, 0); printf("%d\n", strcmp(cwd + strlen(cwd) - 2, "/d")); SHOW(chdir(".."));
  struct dirent **list; int n = scandir(".", &list, 0, compare); for (int i = 0; i < n; i++) printf("%s %d%c", list[i]->d_name, list[i]->d_type, i == n - 1 ? '\n' : ' ');
  int p[2]; SHOW(pipe2(p, O_NONBLOCK)); SHOW(read(p[0], b, 1)); long filled = 0; while (write(p[1], dir, 10) > 0) filled += 10; printf("filled %ld %d\n", filled, errno); SHOW(fcntl(p[1], F_GETPIPE_SZ)); SHOW(fcntl(p[0], F_GETFL)); struct pollfd pf[2] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}}; SHOW(poll(pf, 2, 0)); printf("%x %x\n", pf[0].revents, pf[1].revents); close(p[1]); while (read(p[0], b, 64) > 0); SHOW(poll(pf, 1, 0)); printf("%x\n", pf[0].revents);
  int ev = eventfd(3, 0); unsigned long long u; SHOW(read(ev, &u, 8)); printf("%llu\n", u); u = 9; SHOW(write(ev, &u, 8)); int ep = epoll_create1(0); struct epoll_event e = {EPOLLIN, {.u64 = 77}}; SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e)); SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e)); SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e)); e.data.u64 = 0; SHOW(epoll_wait(ep, &e, 1, -1)); printf("%llu\n", (unsigned long long)e.data.u64);
  int tf = timerfd_create(CLOCK_MONOTONIC, 0); struct itimerspec its = {{0, 1000000}, {0, 1000000}}; SHOW(timerfd_settime(tf, 0, &its, 0)); SHOW(read(tf, &u, 8)); printf("%d\n", u >= 1); fd_set r; FD_ZERO(&r); FD_SET(ev, &r); struct timeval tv = {1, 0}; SHOW(select(ev + 1, &r, 0, 0, &tv)); SHOW(read(ev, &u, 8)); tv = (struct timeval){0, 1000}; FD_SET(ev, &r); SHOW(select(ev + 1, &r, 0, 0, &tv));
  int sp[2]; SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, sp)); SHOW(send(sp[0], "message", 7, 0)); SHOW(recv(sp[1], b, 64, MSG_PEEK)); SHOW(recv(sp[1], b, 64, 0)); SHOW(shutdown(sp[0], SHUT_WR)); SHOW(recv(sp[1], b, 64, 0)); SHOW(socket(AF_UNIX, SOCK_STREAM, 0) > 0);
  int d2 = dup2(fd, 50); SHOW(d2); SHOW(fcntl(fd, F_DUPFD_CLOEXEC, 60)); SHOW(fcntl(60, F_GETFD)); SHOW(close(99)); SHOW(lseek(p[0], 0, SEEK_SET)); SHOW(read(dfd, b, 1)); SHOW(write(open("a", O_RDONLY), "x", 1)); SHOW(fcntl(fd, F_GETFL) & O_ACCMODE);
  int out = open("copy", O_CREAT | O_RDWR, 0600); off_t off = 0; SHOW(sendfile(out, fd, &off, 100)); SHOW(fstat(out, &st)); printf("%ld\n", (long)st.st_size); off_t o1 = 0, o2 = 5; SHOW(copy_file_range(fd, &o1, out, &o2, 4, 0)); SHOW(fallocate(out, 0, 0, 100)); SHOW(fstat(out, &st)); printf("%ld\n", (long)st.st_size);
  struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 10}; SHOW(fcntl(fd, F_SETLK, &fl)); fflush(stdout);
  if (fork() == 0) { fl.l_type = F_WRLCK; SHOW(fcntl(fd, F_SETLK, &fl)); SHOW(fcntl(fd, F_GETLK, &fl)); printf("%d\n", fl.l_pid == getppid()); SHOW(flock(open("a", O_RDONLY), LOCK_EX | LOCK_NB)); fflush(stdout); _exit(0); } wait(0); SHOW(flock(fd, LOCK_EX)); fflush(stdout); if (fork() == 0) { SHOW(flock(open("copy", O_RDONLY), LOCK_EX | LOCK_NB)); SHOW(flock(open("a", O_RDONLY), LOCK_EX | LOCK_NB)); fflush(stdout); _exit(0); } wait(0);
  int mf = memfd_create("name", 0); SHOW(write(mf, "memory", 6)); char *map = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, mf, 0); map[0] = 'M'; SHOW(pread(mf, b, 6, 0)); printf("%.6s\n", b); int of = open(dir, O_TMPFILE | O_RDWR, 0600); SHOW(of >= 0);
  SHOW(open("/dev/full", O_WRONLY) >= 0); SHOW(write(open("/dev/full", O_WRONLY), "x", 1)); SHOW(read(open("/dev/zero", O_RDONLY), b, 4)); SHOW(read(open("/dev/null", O_RDONLY), b, 4)); SHOW(isatty(fd)); SHOW(umask(0)); SHOW(umask(022)); SHOW(syncfs(fd)); SHOW(syscall(SYS_statx, AT_FDCWD, "a", 0, 0xfff, malloc(512))); 
  char self[64]; snprintf(self, 64, "/proc/self/fd/%d", fd); SHOW(open(self, O_RDONLY) >= 0); n = readlink(self, b, 63); b[n] = 0; printf("%s\n", strrchr(b, '/')); SHOW(access("/proc/self/maps", R_OK)); 
  SHOW(chmod("a", 0)); SHOW(access("a", R_OK)); SHOW(access("a", X_OK)); SHOW(chmod("a", 010)); SHOW(access("a", X_OK)); SHOW(mkdir("locked", 0)); if (geteuid() == 0) SHOW(chown("locked", 1, 1)); SHOW(open("locked", O_DIRECTORY) >= 0); SHOW(chdir("locked")); ts[1] = (struct timespec){981173106, 789000000}; SHOW(futimens(fd, ts)); SHOW(fstat(fd, &st)); printf("%ld\n", st.st_mtim.tv_nsec);
  SHOW(listxattr("a", b, 64)); SHOW(listxattr("none", b, 64)); SHOW(getxattr("a", "user.x", b, 64)); SHOW(flistxattr(99, b, 64)); SHOW(removexattr("a", "user.x"));
  if (chdir("/")) return 1; char cmd[100]; snprintf(cmd, 100, "rm -r %s", dir); return system(cmd);
}
