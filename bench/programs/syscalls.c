/* System calls: pipes, files in memory, signals masks, time. Argument: rounds. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 1;
  int ends[2], zero = open("/dev/zero", O_RDONLY);
  char buffer[256];
  unsigned long sum = 0;
  if (pipe(ends) != 0 || zero < 0) return 1;
  for (int r = 0; r < rounds; r++) {
    memset(buffer, r, 64);
    sum += write(ends[1], buffer, 64);
    sum += read(ends[0], buffer + 64, 64) + buffer[100];
    sum += read(zero, buffer, 16) + buffer[0];
    sum += getppid() != 0;
    sum += lseek(zero, 0, SEEK_CUR);
    struct stat status;
    sum += fstat(ends[0], &status) + S_ISFIFO(status.st_mode);
    struct timespec now;
    sum += clock_gettime(CLOCK_MONOTONIC, &now) + (now.tv_nsec < 1000000000);
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sum += sigprocmask(r & 1 ? SIG_BLOCK : SIG_UNBLOCK, &set, &old);
    if (r % 16 == 0) {
      char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      page[4096] = r;
      sum += page[4096] + mprotect(page, 4096, PROT_READ) + munmap(page, 8192);
    }
  }
  printf("%lu\n", sum);
  return 0;
}
