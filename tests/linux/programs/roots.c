#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#define SHOW(x) do { errno = 0; long r_ = (x); if (r_ < 0) printf("%s: errno %d\n", #x, errno); else printf("%s: %ld\n", #x, r_); } while (0)
int main(void) {
  char dir[] = "/tmp/causeway-roots-XXXXXX", b[256]; if (!mkdtemp(dir) || chdir(dir)) return 1; struct stat outside, st;
  mkdir("r", 0755); mkdir("r/d", 0755); close(creat("r/f", 0600)); close(creat("out", 0600)); symlink("/f", "r/link"); symlink("../../../out", "r/d/up"); stat("out", &outside);
  SHOW(chroot("none")); SHOW(chroot("out")); if (geteuid() != 0) { SHOW(chroot("r")); return 0; } int old = open(".", O_DIRECTORY);
  SHOW(chroot("r")); SHOW(chdir("/")); puts(getcwd(b, sizeof b)); SHOW(access("/f", F_OK)); SHOW(access("../../f", F_OK)); SHOW(access("/link", F_OK)); SHOW(access("/d/up", F_OK)); SHOW(access("/etc/passwd", F_OK)); SHOW(access("/proc/self", F_OK)); SHOW(chdir("d")); puts(getcwd(b, sizeof b)); SHOW(open("/new", O_CREAT | O_EXCL, 0600) >= 0); SHOW(readlink("/link", b, 64)); SHOW(stat("/..", &st)); printf("%d\n", st.st_ino == outside.st_ino); SHOW(execl("/bin/true", "true", (char *)0));
  SHOW(chroot("/d")); SHOW(access("/up", F_OK)); SHOW(fchdir(old)); SHOW(access("out", F_OK)); SHOW(access("r/new", F_OK)); SHOW(chroot("../..")); SHOW(access("/etc/passwd", F_OK)); SHOW(chdir(dir)); SHOW(unlink("r/d/up") | unlink("r/link") | unlink("r/new") | unlink("r/f") | rmdir("r/d") | rmdir("r") | unlink("out")); SHOW(chdir("/")); SHOW(rmdir(dir));
  return 0;
}
