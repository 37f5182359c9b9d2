/* mmap of files, private and shared; mremap, mprotect, madvise, msync, brk, mincore, /proc/self/maps. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
  int fd = open("mapped", O_RDWR | O_CREAT | O_TRUNC, 0600);
  char line[32];
  for (int i = 0; i < 3000; i++) {
    int n = sprintf(line, "line %d\n", i);
    if (write(fd, line, n) != n) return 1;
  }
  struct stat status;
  fstat(fd, &status);
  size_t size = status.st_size;
  char *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  char *private = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  unsigned hash = 0;
  for (size_t i = 0; i < size; i++) hash = hash * 31 + (unsigned char)shared[i];
  printf("size %zu hash %u\n", size, hash);
  memcpy(shared, "LINE", 4);
  memcpy(private + 8192, "mine", 4);
  msync(shared, size, MS_SYNC);
  char check[8] = {0};
  if (pread(fd, check, 4, 0) != 4) return 1;
  printf("file sees %s, private sees %.4s, file at 8192 unchanged %d\n", check, private, memcmp(shared + 8192, "mine", 4) != 0);
  if (pwrite(fd, "WRIT", 4, 100) != 4) return 1;
  printf("mapping sees %.4s, private sees %.4s\n", shared + 100, private + 100);
  size_t tail = size % 4096;
  printf("zeros after the end %d\n", shared[size] == 0 && shared[size - tail + 4095] == 0);

  char *part = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 4096);
  printf("at an offset %d\n", memcmp(part, shared + 4096, 4096) == 0);
  printf("bad offset %d\n", mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 5) == MAP_FAILED && errno == EINVAL);

  char *area = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < 16; i++) area[i * 4096] = (char)(i + 1);
  char *grown = mremap(area, 65536, 1 << 20, MREMAP_MAYMOVE);
  int kept = 0;
  for (int i = 0; i < 16; i++) kept += grown[i * 4096] == i + 1;
  printf("mremap grew, kept %d, new zero %d\n", kept, grown[500000] == 0);
  char *shrunk = mremap(grown, 1 << 20, 8192, 0);
  printf("shrunk in place %d\n", shrunk == grown && grown[4096] == 2);
  char *target = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *moved = mremap(shrunk, 8192, 8192, MREMAP_MAYMOVE | MREMAP_FIXED, target);
  printf("moved to %d %d\n", moved == target, moved[4096]);
  printf("unmapped is gone %d\n", msync(shrunk, 4096, MS_ASYNC) == -1 && errno == ENOMEM);

  madvise(moved, 4096, MADV_DONTNEED);
  printf("after DONTNEED %d %d\n", moved[0], moved[4096]);
  printf("fixed without replacing %d\n", mmap(moved, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED && errno == EEXIST);
  munmap(moved + 4096, 4096);

  int *counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < 3; i++) {
    if (fork() == 0) {
      *counter += 5;
      private[0] = 'X';
      shared[10 + i] = (char)('a' + i);
      _exit(0);
    }
    wait(NULL);
  }
  printf("shared with children %d %.3s, private not %c\n", *counter, shared + 10, private[0]);

  char *start = sbrk(0);
  char *got = sbrk(100000);
  memset(got, 7, 100000);
  printf("brk %d %d\n", start == got, got[99999]);
  printf("truncation %d\n", ftruncate(fd, 4096));
  printf("first page remains %.4s\n", shared);
  FILE *maps = fopen("/proc/self/maps", "r");
  char text[512];
  int lines = 0, stack = 0, ours = 0;
  while (fgets(text, sizeof text, maps) != NULL) {
    lines++;
    stack += strstr(text, "[stack]") != NULL;
    ours += strstr(text, "/mapped") != NULL;
  }
  printf("maps: some %d, stack %d, file %d\n", lines > 4, stack, ours > 0);
  return 0;
}
