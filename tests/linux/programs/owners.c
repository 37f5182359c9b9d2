#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#define SHOW(x) do { errno = 0; long r_ = (x); if (r_ < 0) printf("%s: errno %d\n", #x, errno); else printf("%s: %ld\n", #x, r_); } while (0)
static void owner(const char *path) { struct stat st; if (lstat(path, &st)) printf("%s: none\n", path); else printf("%s: %d %d %o\n", path, st.st_uid, st.st_gid, st.st_mode); }
int main(void) {
  char dir[] = "/tmp/causeway-owners-XXXXXX"; if (!mkdtemp(dir) || chdir(dir)) return 1; if (geteuid() != 0) { puts("not root"); return rmdir(dir); }
  chmod(".", 0777); close(open("secret", O_CREAT | O_RDWR, 0600)); close(open("open", O_CREAT | O_RDWR, 0644)); close(open("group", O_CREAT | O_RDWR, 0640)); if (chown("group", 0, 1234)) return 1; mkdir("closed", 0700); gid_t groups[1] = {1234}; SHOW(setgroups(1, groups)); SHOW(setresgid(4321, 4321, 4321)); SHOW(setresuid(1000, 1000, 1000));
  umask(022); close(open("mine", O_CREAT | O_RDWR, 0666)); mkdir("folder", 0777); SHOW(symlink("mine", "link")); SHOW(mkfifo("fifo", 0600)); owner("mine"); owner("folder"); owner("link"); owner("fifo"); SHOW(open("secret", O_RDONLY)); SHOW(open("open", O_RDONLY) >= 0); SHOW(open("open", O_WRONLY)); SHOW(open("group", O_RDONLY) >= 0); SHOW(open("group", O_RDWR)); SHOW(open("open", O_RDONLY | O_TRUNC)); SHOW(open("closed", O_DIRECTORY)); SHOW(chdir("closed")); SHOW(access("secret", R_OK)); SHOW(access("mine", W_OK)); SHOW(chmod("mine", 0)); SHOW(open("mine", O_RDONLY)); SHOW(execl("./open", "open", (char *)0));
  SHOW(unlink("mine") | unlink("link") | unlink("fifo") | rmdir("folder") | rmdir("closed") | unlink("secret") | unlink("open") | unlink("group")); return 0;
}
