#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
static sigjmp_buf back; static volatile int code; static volatile void *where; static volatile long err;
static void on_fault(int s, siginfo_t *i, void *u) { code = i->si_code; where = i->si_addr; err = ((ucontext_t *)u)->uc_mcontext.gregs[19]; siglongjmp(back, s); }
static void probe(const char *what, volatile char *p, int write, char *base) {
  int s = sigsetjmp(back, 1);
  if (s == 0) { char c = *p; if (write) *p = c + 1; printf("%s ok %d\n", what, c); }
  else printf("%s signal %d code %d offset %ld error %ld\n", what, s, code, (long)((char *)where - base), err);
}
static int overflow(int n) { volatile char big[4096]; big[0] = n; return overflow(n + 1) + big[0]; }
int main(void) {
  struct sigaction a = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  stack_t alt = {.ss_sp = malloc(65536), .ss_size = 65536}; sigaltstack(&alt, 0);
  sigaction(SIGSEGV, &a, 0); sigaction(SIGBUS, &a, 0);
  char *p = mmap(0, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(p, 1, 4 * 4096); probe("private", p, 1, p);
  mprotect(p + 4096, 4096, PROT_READ); probe("read-only read", p + 4096, 0, p); probe("read-only write", p + 4096, 1, p);
  mprotect(p + 8192, 4096, PROT_NONE); probe("none", p + 8192, 0, p); mprotect(p + 8192, 4096, PROT_READ | PROT_WRITE); probe("again", p + 8192, 1, p);
  munmap(p + 4096, 4096); probe("unmapped", p + 4096, 0, p);
  char name[] = "/tmp/causeway-memory-XXXXXX"; int fd = mkstemp(name); unlink(name); write(fd, "file contents", 13);
  char *f = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0); printf("%s\n", f); f[0] = 'F'; char b[14] = {0}; pread(fd, b, 13, 0); printf("%s\n", b);
  pwrite(fd, "FILE", 4, 0); printf("%s\n", f); probe("beyond the end", f + 4096, 0, f); probe("tail", f + 100, 0, f);
  char *c = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0); c[0] = 'p'; pread(fd, b, 13, 0); printf("%s %s\n", c, b);
  int *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); int *own = malloc(4); *own = 5;
  if (fork() == 0) { *shared = 77; *own = 6; memcpy(f, "fork", 4); _exit(0); }
  wait(0); printf("shared %d own %d file %.4s\n", *shared, *own, f);
  char *m = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); strcpy(m, "moved"); m = mremap(m, 3 * 4096, 300 * 4096, MREMAP_MAYMOVE); printf("%s %d\n", m, m[299 * 4096]);
  madvise(m, 4096, MADV_DONTNEED); printf("[%s]\n", m);
  errno = 0; printf("fixed %d\n", mmap(p, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED && errno == EEXIST);
  char *old = (char *)syscall(SYS_brk, 0); syscall(SYS_brk, old + 10000); memset(old, 9, 10000); printf("brk %d\n", (char *)syscall(SYS_brk, old) == old);
  unsigned seed = 1; void *blocks[500] = {0}; size_t sizes[500] = {0}; int bad = 0;
  for (int i = 0; i < 20000; i++) { seed = seed * 1664525 + 1013904223; int k = (seed >> 8) % 500; 
    if (blocks[k]) { for (size_t j = 0; j < sizes[k]; j += 97) if (((unsigned char *)blocks[k])[j] != (unsigned char)k) bad++; }
    size_t n = (seed >> 16) % (i % 100 == 0 ? 300000 : 3000); blocks[k] = realloc(blocks[k], n + 1); sizes[k] = n; memset(blocks[k], k, n); }
  printf("malloc bad %d\n", bad);
  int s = sigsetjmp(back, 1); if (s == 0) overflow(0); printf("stack overflow signal %d\n", s);
  return 0;
}
