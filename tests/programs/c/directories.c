/* Folders, links, renames, status, getdents, nftw, glob, realpath, access, umask, times, locks. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }
static int files, folders;
static int visit(const char *path, const struct stat *status, int type, struct FTW *place) {
  (void)path, (void)status, (void)place;
  if (type == FTW_F) files++;
  else folders++;
  return 0;
}

int main(void) {
  umask(022);
  mkdir("tree", 0755);
  mkdir("tree/sub", 0700);
  for (int i = 0; i < 200; i++) {
    char name[40];
    sprintf(name, "tree/file%03d", i);
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (fd < 0 || write(fd, name, i) != i) return 1;
    close(fd);
  }
  printf("exclusive %d\n", open("tree/file000", O_WRONLY | O_CREAT | O_EXCL, 0644) == -1 && errno == EEXIST);
  symlink("file007", "tree/link");
  symlink("nowhere", "tree/dangling");
  symlink("loop", "tree/loop");
  link("tree/file010", "tree/sub/hard");
  struct dirent **list;
  int count = scandir("tree", &list, NULL, by_name);
  printf("%d entries, %s, %s, %s\n", count, list[0]->d_name, list[2]->d_name, list[count - 1]->d_name);
  int types = 0;
  for (int i = 0; i < count; i++) types = types * 3 % 1000007 + list[i]->d_type;
  printf("types %d\n", types);
  char buffer[2000];
  int fd = open("tree", O_RDONLY | O_DIRECTORY), calls = 0;
  while (syscall(SYS_getdents64, fd, buffer, sizeof buffer) > 0) calls++;
  printf("several calls %d\n", calls > 1);
  struct stat a, b;
  stat("tree/file010", &a);
  fstatat(fd, "sub/hard", &b, 0);
  printf("same inode %d, links %d, size %d, mode %o\n", a.st_ino == b.st_ino, (int)a.st_nlink, (int)a.st_size, a.st_mode);
  lstat("tree/link", &a);
  stat("tree/link", &b);
  printf("link %d size %d, target size %d\n", S_ISLNK(a.st_mode), (int)a.st_size, (int)b.st_size);
  printf("dangling %d, loop %d\n", stat("tree/dangling", &a) == -1 && errno == ENOENT, stat("tree/loop", &a) == -1 && errno == ELOOP);
  ssize_t length = readlink("tree/link", buffer, sizeof buffer);
  printf("%.*s\n", (int)length, buffer);
  printf("rename %d, then %d\n", rename("tree/file011", "tree/sub/moved"), access("tree/file011", F_OK) == -1);
  printf("rename of a folder %d\n", rename("tree/sub", "tree/renamed"));
  printf("not empty %d, no folder %d\n", rmdir("tree/renamed") == -1 && errno == ENOTEMPTY,
         open("tree/file000/x", O_RDONLY) == -1 && errno == ENOTDIR);
  printf("is a folder %d\n", open("tree", O_WRONLY) == -1 && errno == EISDIR);
  nftw("tree", visit, 10, FTW_PHYS);
  printf("files %d, others %d\n", files, folders);
  glob_t found;
  glob("tree/file1[0-4]?", 0, NULL, &found);
  printf("glob %d %s\n", (int)found.gl_pathc, found.gl_pathv[0]);
  char *path = realpath("tree/../tree/./link", NULL);
  printf("realpath ...%s\n", path + strlen(path) - 13);
  chdir("tree/renamed");
  char *cwd = getcwd(NULL, 0);
  printf("cwd ...%s\n", cwd + strlen(cwd) - 13);
  chdir("../..");
  fd = open("tree/file150", O_RDWR | O_APPEND);
  struct iovec parts[3] = {{"abc", 3}, {"", 0}, {"defg", 4}};
  printf("writev %d\n", (int)writev(fd, parts, 3));
  printf("seek %d %d\n", (int)lseek(fd, -7, SEEK_END), (int)read(fd, buffer, 100));
  printf("read back %.7s, end %d\n", buffer, (int)read(fd, buffer, 100));
  ftruncate(fd, 10);
  fstat(fd, &a);
  printf("truncated %d\n", (int)a.st_size);
  struct timespec times[2] = {{1000000000, 0}, {1234567890, 500000000}};
  futimens(fd, times);
  fstat(fd, &a);
  printf("times %ld %ld\n", (long)a.st_atime, (long)a.st_mtime);
  chmod("tree/file150", 0400);
  stat("tree/file150", &a);
  printf("mode %o\n", a.st_mode & 07777);
  printf("flock %d, F_DUPFD %d\n", flock(fd, LOCK_EX | LOCK_NB), fcntl(fd, F_DUPFD, 50) == 50);
  printf("flags %d\n", (fcntl(fd, F_GETFL) & (O_APPEND | O_ACCMODE)) == (O_APPEND | O_RDWR));
  printf("unlinked file lives: %d", unlink("tree/file150"));
  printf(" %d %d\n", (int)pread(fd, buffer, 4, 0), fstat(fd, &a) == 0 && a.st_nlink == 0);
  int sparse = open("sparse", O_RDWR | O_CREAT, 0600);
  pwrite(sparse, "end", 3, 1000000);
  fstat(sparse, &a);
  printf("sparse %d, hole reads %d\n", (int)a.st_size, pread(sparse, buffer, 10, 500000) == 10 && buffer[0] == 0);
  struct statvfs system;
  printf("statvfs %d\n", statvfs(".", &system) == 0 && system.f_bsize > 0);
  printf("bad descriptor %d\n", close(900) == -1 && errno == EBADF);
  return 0;
}
