/* System calls with pointers to nowhere and numbers that do not exist; ends well. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void) {
  char *nowhere = (char *)0x7f0000000000, *kernel = (char *)0xffff800000000000;
  char *pointers[] = {nowhere, kernel, (char *)1, NULL};
  long calls[] = {SYS_write, SYS_read, SYS_openat, SYS_newfstatat, SYS_pipe2, SYS_execve, SYS_rt_sigaction, SYS_nanosleep, SYS_uname, SYS_getcwd, SYS_poll, SYS_writev};
  int faults = 0, others = 0;
  for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++) {
    for (int k = 0; k < 3; k++) {
      errno = 0;
      long result = syscall(calls[i], 1, pointers[k], 64, 0);
      if (result == -1 && errno == EFAULT) faults++;
      else others++;
    }
  }
  printf("faults %d of %d\n", faults, faults + others);
  printf("unknown %d %d\n", syscall(99999) == -1 && errno == ENOSYS, syscall(-5L) == -1 && errno == ENOSYS);
  return 0;
}
