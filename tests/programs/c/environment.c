/* What a program finds when it starts: arguments, environment, auxiliary vector, limits, names; constructors and atexit. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

extern char **environ;
static int constructed;
__attribute__((constructor(101))) static void first(void) { constructed = 1; }
__attribute__((constructor(102))) static void second(void) { constructed = constructed * 10 + 2; }
__attribute__((destructor)) static void last(void) {
  if (write(1, "destructor\n", 11) < 0) _exit(1);
}
static void at_exit_a(void) { puts("atexit a"); }
static void at_exit_b(void) { puts("atexit b"); }

int main(int argc, char **argv) {
  atexit(at_exit_a);
  atexit(at_exit_b);
  printf("constructed %d, %d arguments:", constructed, argc);
  for (int i = 1; i < argc; i++) printf(" [%s]", argv[i]);
  puts(argv[argc] == NULL ? "" : "no end");
  int count = 0;
  for (char **entry = environ; *entry != NULL; entry++) count++;
  printf("%d variables, HOME=%s, none=%d\n", count, getenv("HOME"), getenv("NONE") == NULL);
  setenv("NEW", "value", 1);
  setenv("HOME", "kept", 0);
  putenv("PUT=1");
  unsetenv("LANG");
  printf("%s %s %s %d\n", getenv("NEW"), getenv("HOME"), getenv("PUT"), getenv("LANG") == NULL);
  printf("page %lu, clock %lu, secure %lu, random %d, entry %d, phnum %d, platform %s\n", getauxval(AT_PAGESZ),
         getauxval(AT_CLKTCK), getauxval(AT_SECURE), getauxval(AT_RANDOM) != 0, getauxval(AT_ENTRY) != 0,
         getauxval(AT_PHNUM) > 3, (char *)getauxval(AT_PLATFORM));
  printf("page by sysconf %ld, open files %d\n", sysconf(_SC_PAGESIZE), sysconf(_SC_OPEN_MAX) >= 256);
  struct utsname name;
  uname(&name);
  printf("%s %s\n", name.sysname, name.machine);
  printf("stack aligned %d, argv below environment %d\n", (uintptr_t)__builtin_frame_address(0) % 16 == 0, (void *)argv < (void *)environ || environ != argv + argc + 1);
  unsigned char random[32] = {0};
  int nonzero = 0;
  if (getrandom(random, sizeof random, 0) != 32) return 1;
  for (int i = 0; i < 32; i++) nonzero += random[i] != 0;
  printf("random %d\n", nonzero > 16);
  struct rlimit limit;
  getrlimit(RLIMIT_STACK, &limit);
  printf("stack limit %d\n", limit.rlim_cur >= 1 << 20);
  limit.rlim_cur = 100;
  limit.rlim_max = 200;
  printf("setrlimit %d", setrlimit(RLIMIT_NOFILE, &limit));
  getrlimit(RLIMIT_NOFILE, &limit);
  printf(" %d", (int)limit.rlim_cur);
  int opened = 0;
  while (open("/dev/null", O_RDONLY) >= 0) opened++;
  printf(" %d %d\n", opened > 90, errno == EMFILE);
  for (int fd = 3; fd < 100; fd++) close(fd);
  prctl(PR_SET_NAME, "renamed");
  char text[64] = {0};
  prctl(PR_GET_NAME, text);
  printf("%s\n", text);
  int fd = open("/proc/self/comm", O_RDONLY);
  printf("%.*s", (int)read(fd, text, 63), text);
  char path[512] = {0};
  printf("exe %d\n", readlink("/proc/self/exe", path, 511) > 0 && access(path, X_OK) == 0);
  fd = open("/proc/self/cmdline", O_RDONLY);
  ssize_t n = read(fd, path, 511);
  printf("cmdline %d\n", n > 0 && strcmp(path, argv[0]) == 0);
  printf("ids %d %d %d %d\n", getuid() == geteuid(), getgid() == getegid(), getpid() > 0, getppid() != getpid());
  printf("session %d, isatty %d %d\n", getpgrp() > 0, isatty(0), errno == ENOTTY || errno == EINVAL);
  struct stat null;
  stat("/dev/null", &null);
  printf("null %d, zero %d\n", S_ISCHR(null.st_mode), open("/dev/zero", O_RDONLY) >= 0);
  struct sysinfo info;
  printf("sysinfo %d\n", sysinfo(&info) == 0 && info.totalram > 0);
  return 37;
}
