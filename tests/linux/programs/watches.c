#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#define SHOW(x) do { errno = 0; long r_ = (x); if (r_ < 0) printf("%s: errno %d\n", #x, errno); else printf("%s: %ld\n", #x, r_); } while (0)
static int in;
static void events(const char *after) {
  char b[4096]; ssize_t n = read(in, b, sizeof b); printf("%s:", after); unsigned cookie = 0;
  for (ssize_t at = 0; at < n;) { struct inotify_event *e = (void *)(b + at); printf(" %d/%x/%u%s%s", e->wd, e->mask, e->len, e->len ? "/" : "", e->len ? e->name : ""); if (e->cookie) { if (cookie) printf("/%s", cookie == e->cookie ? "same" : "other"); cookie = e->cookie; } at += sizeof *e + e->len; }
  puts("");
}
#define DO(x) do { if ((x) < 0) printf("%s: errno %d\n", #x, errno); events(#x); } while (0)
int main(void) {
  char dir[] = "/tmp/causeway-watches-XXXXXX", b[64]; if (!mkdtemp(dir) || chdir(dir)) return 1; int fd, n;
  in = inotify_init1(IN_NONBLOCK | IN_CLOEXEC); SHOW(fcntl(in, F_GETFL)); SHOW(inotify_add_watch(in, "none", IN_MODIFY)); SHOW(inotify_add_watch(in, ".", 0)); SHOW(inotify_add_watch(0, ".", IN_MODIFY)); SHOW(inotify_add_watch(in, ".", (IN_ALL_EVENTS & ~(IN_ACCESS)) | IN_ONLYDIR)); SHOW(read(in, b, 64)); SHOW(inotify_rm_watch(in, 99));
  DO(fd = open("a", O_CREAT | O_RDWR, 0644)); DO(write(fd, "12", 2)); write(fd, "3", 1); DO(write(fd, "4", 1)); DO(ftruncate(fd, 1)); SHOW(inotify_add_watch(in, "a", IN_ALL_EVENTS)); SHOW(inotify_add_watch(in, "a", IN_MODIFY | IN_MASK_CREATE)); SHOW(inotify_add_watch(in, "a", IN_ONLYDIR | IN_MODIFY)); DO(pread(fd, b, 1, 0)); DO(write(fd, "5", 1)); DO(fchmod(fd, 0600)); DO(close(fd));
  DO(fd = open("a", O_RDONLY)); SHOW(ioctl(in, FIONREAD, &n)); printf("%d\n", n); DO(close(fd)); DO(mkdir("d", 0755)); DO(symlink("a", "s")); DO(rename("a", "a_longer_name_than_sixteen")); DO(chmod("a_longer_name_than_sixteen", 0644)); DO(rename("d", "e")); close(creat("z", 0600)); events("z"); DO(truncate("z", 5)); DO(link("z", "y")); DO(unlink("y")); DO(unlink("z")); fd = open("a_longer_name_than_sixteen", O_RDONLY); events("open"); DO(unlink("a_longer_name_than_sixteen")); DO(close(fd)); DO(unlink("s"));
  SHOW(inotify_add_watch(in, "e", IN_ALL_EVENTS | IN_ONESHOT)); DO(rmdir("e")); SHOW(inotify_rm_watch(in, 1)); events("removed"); SHOW(inotify_add_watch(in, ".", IN_CREATE)); DO(fd = creat("x", 0600)); struct pollfd p = {in, POLLIN, 0}; SHOW(poll(&p, 1, 0)); close(fd); SHOW(mkfifo("f", 0600)); SHOW(poll(&p, 1, 0)); SHOW(read(in, b, 8)); events("fifo"); unlink("f"); unlink("x"); if (chdir("/")) return 1; SHOW(rmdir(dir)); events("folder");
  return 0;
}
