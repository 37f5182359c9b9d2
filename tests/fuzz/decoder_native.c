/*
 * What the processor makes of bytes: for each slot of 16 bytes on stdin, the length of the instruction at its start and
 * the vector it raises, as two bytes on stdout.
 *
 * The bytes are put at the end of a page whose successor cannot be read. If one byte more than those before the end is
 * needed, the fetch faults at the page's end; the smallest number of bytes for which it does not is the length, also of
 * instructions that fault. They run one at a time with RFLAGS.TF, all general registers 0, and vector 1 (#DB) means
 * that nothing else happened. The caller leaves out what would harm this program: system calls, and what changes FS.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define SLOT 16
#define MAX_LENGTH 15
#define PAGE 4096
#define TRAP_FLAG 0x100
#define PAGE_FAULT 14
#define FETCH 0x10

static uint8_t *end;
static greg_t saved[NGREG];
static volatile uint64_t start;
static volatile int inside;
static volatile uint64_t vector, error, rip, address;

/* The first signal is the UD2 of run(), and starts the instruction; the second is what that raised, and goes back. */
static void on_signal(int number, siginfo_t *info, void *context) {
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  (void)number, (void)info;
  if (!inside) {
    inside = 1;
    memcpy(saved, registers, sizeof saved);
    for (int i = REG_R8; i <= REG_RSP; i++) registers[i] = 0;
    registers[REG_EFL] = 0x202 | TRAP_FLAG;
    registers[REG_RIP] = (greg_t)start;
    return;
  }
  inside = 0;
  vector = (uint64_t)registers[REG_TRAPNO], error = (uint64_t)registers[REG_ERR];
  rip = (uint64_t)registers[REG_RIP], address = (uint64_t)registers[REG_CR2];
  memcpy(registers, saved, sizeof saved);
  registers[REG_RIP] += 2;
}

static void run(const uint8_t *bytes, int length) {
  memcpy(end - length, bytes, (size_t)length);
  start = (uint64_t)(end - length);
  __asm__ volatile("ud2" ::: "memory", "cc");
}

int main(void) {
  int access = PROT_READ | PROT_WRITE;
  stack_t stack = {.ss_size = 1 << 16};
  stack.ss_sp = mmap(NULL, stack.ss_size, access, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  sigaltstack(&stack, NULL);
  /* Far from everything else, so that an address relative to RIP reaches nothing of this program. */
  uint8_t *page = mmap((void *)0x300000000000, 2 * PAGE, access | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  if (page == MAP_FAILED) return 1;
  end = page + PAGE;
  mprotect(end, PAGE, PROT_NONE);
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  const int signals[] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE};
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, NULL);

  uint8_t slot[SLOT];
  while (fread(slot, SLOT, 1, stdin) == 1) {
    uint8_t result[2] = {0, 0};
    for (int length = 1; length <= MAX_LENGTH; length++) {
      run(slot, length);
      if (vector == PAGE_FAULT && (error & FETCH) && address == (uint64_t)end && rip == start) continue;
      result[0] = (uint8_t)length, result[1] = (uint8_t)vector;
      break;
    }
    fwrite(result, 2, 1, stdout);
  }
  return 0;
}
