/* Signals on faults: what siginfo and ucontext say, and going on at another instruction. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <fcntl.h>
#include <stdlib.h>

static sigjmp_buf back;
static volatile uintptr_t expected;
static volatile int skip;

static void on_fault(int number, siginfo_t *info, void *context) {
  ucontext_t *uc = context;
  greg_t *regs = uc->uc_mcontext.gregs;
  int has_address = number == SIGSEGV || number == SIGBUS;
  printf("signal %d code %d trap %d error %d", number, info->si_code, (int)regs[REG_TRAPNO], (int)regs[REG_ERR]);
  if (has_address && info->si_code > 0 && info->si_code < 128) {
    printf(" address %s cr2 %s", (uintptr_t)info->si_addr == expected ? "right" : "wrong",
           (uintptr_t)regs[REG_CR2] == expected ? "right" : "wrong");
  }
  if (number == SIGILL || number == SIGFPE) {
    printf(" at rip %d", (uintptr_t)info->si_addr == (uintptr_t)regs[REG_RIP]);
  }
  printf(" carry %d\n", (int)(regs[REG_EFL] & 1));
  if (skip > 0) {
    regs[REG_RIP] += skip;
    regs[REG_RAX] = 1234;
    return;
  }
  siglongjmp(back, 1);
}

#define TRY(what, code)                 \
  do {                                  \
    printf("%s: ", what);               \
    if (sigsetjmp(back, 1) == 0) {      \
      code;                             \
      puts("no fault");                 \
    }                                   \
  } while (0)

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO;
  int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
  for (int i = 0; i < 5; i++) sigaction(signals[i], &action, NULL);

  expected = 16;
  TRY("null read", (void)*(volatile int *)16);
  expected = 24;
  TRY("null write", *(volatile int *)24 = 1);
  char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  page[0] = (char)0xc3;
  mprotect(page, 4096, PROT_READ);
  expected = (uintptr_t)page + 5;
  TRY("write of read-only", page[5] = 1);
  expected = (uintptr_t)page;
  TRY("execute of no-execute", ((void (*)(void))page)());
  mprotect(page, 4096, PROT_NONE);
  TRY("read of PROT_NONE", (void)*(volatile char *)page);
  munmap(page + 4096, 4096);
  expected = (uintptr_t)page + 4096;
  TRY("read of unmapped", (void)*(volatile char *)(page + 4096));
  TRY("non-canonical", (void)*(volatile char *)0x800000000000);
  expected = 0x1000;
  TRY("jump to nowhere", ((void (*)(void))0x1000)());
  volatile int zero = 0, minimum = -2147483647 - 1;
  TRY("divide by zero", zero = 5 / zero);
  volatile int minus = -1;
  TRY("divide overflow", minimum = minimum / minus);
  TRY("ud2", __asm__ volatile("ud2"));
  TRY("int3", __asm__ volatile("int3"));
  TRY("hlt", __asm__ volatile("hlt"));
  TRY("cli", __asm__ volatile("cli"));
  TRY("in", __asm__ volatile("in $0x60, %%al" ::: "eax"));
  TRY("int 0x21", __asm__ volatile("int $0x21"));
  TRY("trap flag", __asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq; nop; nop" ::: "memory"));
  static char bytes[64] __attribute__((aligned(16)));
  TRY("movaps misaligned", __asm__ volatile("movaps 1(%0), %%xmm0" ::"r"(bytes) : "xmm0"));
  TRY("lock without memory", __asm__ volatile(".byte 0xf0, 0x90"));

  char name[] = "short_file_XXXXXX";
  int fd = mkstemp(name);
  unlink(name);
  if (write(fd, "x", 1) != 1) return 1;
  char *mapped = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fd, 0);
  expected = (uintptr_t)mapped + 4096;
  TRY("file beyond its end", (void)*(volatile char *)(mapped + 4096));

  skip = 2;
  uint64_t result = 0;
  __asm__ volatile("stc; ud2" : "=a"(result) : "a"(0));
  printf("went on with %d\n", (int)result);
  skip = 3;
  __asm__ volatile("xor %%edx, %%edx; xor %%ecx, %%ecx; clc; div %%rcx" : "=a"(result) : "a"(7) : "rcx", "rdx");
  printf("went on with %d\n", (int)result);
  skip = 0;
  signal(SIGSEGV, SIG_DFL);
  fflush(stdout);
  *(volatile int *)8 = 0;
  return 0;
}
