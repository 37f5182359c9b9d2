/*
 * The native side of the oracle: runs machine-code cases on the processor of this machine, in user mode.
 *
 * Freestanding (no libc, no TLS), because a case owns every register including FS and GS. One signal per case
 * does all the work: the case ends in a signal (INT3 padding, a fault, the timer), the signal frame holds its final
 * state; the code here records it, writes the next case's state into the same frame and returns into it.
 *
 * Input, little-endian, after the memory image (MEMORY_BYTES) at the start:
 *   batch:    u32 byteLength, u32 count, then the cases
 *   case:     u64 gpr[16], u64 rflags, u8 fxsave[512], u16 codeOffset, u16 codeLength, u16 patchCount,
 *             u16 compatibility (1: 32-bit code), code, then patches: u16 offset, u16 length, bytes
 * Output:
 *   batch:    u32 byteLength, u32 count, then the results
 *   result:   u64 gpr[16], u64 rflags, u8 fxsave[416], u64 rip, u64 cr2, u32 error, u8 end, u8 vector, u16 changeCount,
 *             then changes: u16 offset, u16 length, bytes
 * Offsets count through the flat memory image: three low data pages (the third read-only), the high page, two code
 * pages. See layout.ts.
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>

#define PAGE 0x1000ul
#define LOW_DATA 0x10000000ul
#define LOW_BYTES (3 * PAGE)
#define READ_ONLY (LOW_DATA + 2 * PAGE)
#define HIGH_DATA 0x123410000000ul
#define CODE 0x20000000ul
#define CODE_BYTES (2 * PAGE)
#define FS_BASE (LOW_DATA + 0x800)
#define GS_BASE (HIGH_DATA + 0x800)
#define MEMORY_BYTES (LOW_BYTES + PAGE + CODE_BYTES)
#define BUFFER_BYTES (96ul << 20)
#define TICK_MICROSECONDS 20000
#define TICKS 3

enum { COMPLETED, FAULT, TIMEOUT, SYSTEM_CALL };

static uint8_t *input, *output, *in, *out;
static uint32_t casesLeft, casesDone;
static int running, ticks;
static struct patch { uint16_t offset, length; } patches[256];
static int patchCount;
static uint8_t base[MEMORY_BYTES] __attribute__((aligned(64)));
static uint8_t expected[MEMORY_BYTES] __attribute__((aligned(64)));
static uint8_t altStack[1 << 18] __attribute__((aligned(64)));

void *memcpy(void *to, const void *from, size_t n) {
  void *start = to;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
  return start;
}
void *memset(void *to, int value, size_t n) {
  void *start = to;
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(value) : "memory");
  return start;
}

static long call(long n, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
static void quit(long code) {
  for (;;) call(SYS_exit_group, code, 0, 0, 0, 0, 0);
}

static void readAll(void *to, size_t n) {
  for (uint8_t *p = to; n > 0;) {
    long got = call(SYS_read, 0, (long)p, n, 0, 0, 0);
    if (got == -4) continue; /* EINTR */
    if (got <= 0) quit(got == 0 ? 0 : 3);
    p += got;
    n -= got;
  }
}
static void writeAll(const void *from, size_t n) {
  for (const uint8_t *p = from; n > 0;) {
    long put = call(SYS_write, 1, (long)p, n, 0, 0, 0);
    if (put == -4) continue;
    if (put <= 0) quit(4);
    p += put;
    n -= put;
  }
}

/* Where a byte of the flat image is mapped. */
static uint8_t *place(uint32_t offset) {
  if (offset < LOW_BYTES) return (uint8_t *)(LOW_DATA + offset);
  if (offset < LOW_BYTES + PAGE) return (uint8_t *)(HIGH_DATA + (offset - LOW_BYTES));
  return (uint8_t *)(CODE + (offset - LOW_BYTES - PAGE));
}

#define GET(type) ({ type v_; __builtin_memcpy(&v_, in, sizeof v_); in += sizeof v_; v_; })
#define PUT(type, value) ({ type v_ = (value); __builtin_memcpy(out, &v_, sizeof v_); out += sizeof v_; })

static const uint8_t gregOf[16] = {
    REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
    REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
};

/* Reports what changed from `expected`, and brings memory and `expected` back to `base`. */
static int changes(void) {
  int count = 0;
  for (uint32_t page = 0; page < MEMORY_BYTES; page += PAGE) {
    if (page == READ_ONLY - LOW_DATA) continue;
    uint64_t *now = (uint64_t *)place(page), *was = (uint64_t *)(expected + page), *start = (uint64_t *)(base + page);
    for (int i = 0; i < (int)(PAGE / 8); i++) {
      if (now[i] == was[i]) continue;
      int end = i + 1;
      while (end < (int)(PAGE / 8) && now[end] != was[end]) end++;
      PUT(uint16_t, page + i * 8);
      PUT(uint16_t, (end - i) * 8);
      for (; i < end; i++) {
        PUT(uint64_t, now[i]);
        now[i] = start[i];
      }
      count++;
    }
  }
  for (int i = 0; i < patchCount; i++) {
    uint32_t offset = patches[i].offset;
    memcpy(place(offset), base + offset, patches[i].length);
    memcpy(expected + offset, base + offset, patches[i].length);
  }
  return count;
}

static void record(int signal, ucontext_t *uc) {
  greg_t *g = uc->uc_mcontext.gregs;
  for (int i = 0; i < 16; i++) PUT(uint64_t, g[gregOf[i]]);
  PUT(uint64_t, g[REG_EFL]);
  memcpy(out, uc->uc_mcontext.fpregs, 416);
  out += 416;
  PUT(uint64_t, g[REG_RIP]);
  PUT(uint64_t, g[REG_CR2]);
  PUT(uint32_t, g[REG_ERR]);
  int vector = g[REG_TRAPNO];
  int end = signal == SIGVTALRM ? TIMEOUT : signal == SIGSYS ? SYSTEM_CALL : vector == 3 ? COMPLETED : FAULT;
  PUT(uint8_t, end);
  PUT(uint8_t, vector);
  uint8_t *countAt = out;
  out += 2;
  uint16_t count = changes();
  __builtin_memcpy(countAt, &count, 2);
  casesDone++;
}

static void apply(uint32_t offset, uint32_t length) {
  if (patchCount == 256 || offset + length > MEMORY_BYTES) quit(5);
  patches[patchCount++] = (struct patch){offset, length};
  memcpy(place(offset), in, length);
  memcpy(expected + offset, in, length);
  in += length;
}

static void next(ucontext_t *uc) {
  while (casesLeft == 0) {
    if (out != output) {
      uint32_t header[2] = {out - output - 8, casesDone};
      memcpy(output, header, 8);
      writeAll(output, out - output);
    }
    uint32_t header[2];
    readAll(header, 8);
    if (header[0] > BUFFER_BYTES) quit(6);
    readAll(input, header[0]);
    in = input;
    out = output + 8;
    casesLeft = header[1];
    casesDone = 0;
  }
  casesLeft--;
  greg_t *g = uc->uc_mcontext.gregs;
  for (int i = 0; i < 16; i++) g[gregOf[i]] = GET(uint64_t);
  g[REG_EFL] = GET(uint64_t);
  uint8_t *fx = (uint8_t *)uc->uc_mcontext.fpregs;
  memcpy(fx, in, 464); /* bytes 464-511 are the kernel's own words */
  in += 512;
  /* XSAVE header: x87 and SSE from the image, everything else in its initial state. */
  uint64_t present = 3;
  __builtin_memcpy(fx + 512, &present, 8);
  uint16_t codeOffset = GET(uint16_t), codeLength = GET(uint16_t), count = GET(uint16_t);
  uint16_t compatibility = GET(uint16_t);
  patchCount = 0;
  apply(LOW_BYTES + PAGE + codeOffset, codeLength);
  for (int i = 0; i < count; i++) {
    uint16_t offset = GET(uint16_t), length = GET(uint16_t);
    apply(offset, length);
  }
  g[REG_RIP] = CODE + codeOffset;
  g[REG_CSGSFS] = (compatibility ? 0x23ull : 0x33ull) | 0x2bull << 48;
  unsigned selector = compatibility ? 0x2b : 0;
  __asm__ volatile("mov %0, %%ds\n mov %0, %%es\n mov %0, %%fs\n mov %0, %%gs" : : "r"(selector));
  if (!compatibility) {
    call(SYS_arch_prctl, ARCH_SET_FS, FS_BASE, 0, 0, 0, 0);
    call(SYS_arch_prctl, ARCH_SET_GS, GS_BASE, 0, 0, 0, 0);
  }
  ticks = 0;
  running = 1;
}

__attribute__((used)) static void onSignal(int signal, siginfo_t *info, ucontext_t *uc) {
  (void)info;
  if (signal == SIGVTALRM && (!running || ++ticks < TICKS)) return;
  if (running) record(signal, uc);
  running = 0;
  next(uc);
}

/* A case may have set AC: the code here is not aligned. */
void enter(void);
void restorer(void);
__asm__(".globl enter, restorer\n"
        "enter: pushfq\n andq $~0x244500, (%rsp)\n popfq\n jmp onSignal\n"
        "restorer: mov $15, %eax\n syscall\n");

static void map(unsigned long address, unsigned long size, int protection) {
  long at = call(SYS_mmap, address, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (at != (long)address) quit(7);
}

__attribute__((used)) static void start(void) {
  map(LOW_DATA, LOW_BYTES, PROT_READ | PROT_WRITE);
  map(HIGH_DATA, PAGE, PROT_READ | PROT_WRITE);
  map(CODE, CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC);
  readAll(base, MEMORY_BYTES);
  memcpy(expected, base, MEMORY_BYTES);
  for (uint32_t page = 0; page < MEMORY_BYTES; page += PAGE) memcpy(place(page), base + page, PAGE);
  call(SYS_mprotect, READ_ONLY, PAGE, PROT_READ, 0, 0, 0);
  input = (uint8_t *)call(SYS_mmap, 0, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  output = (uint8_t *)call(SYS_mmap, 0, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  out = output;
  if (call(SYS_arch_prctl, ARCH_SET_FS, FS_BASE, 0, 0, 0, 0) != 0) quit(8);
  if (call(SYS_arch_prctl, ARCH_SET_GS, GS_BASE, 0, 0, 0, 0) != 0) quit(8);

  /* System calls from the code area become SIGSYS. */
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer)),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, CODE + CODE_BYTES, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, CODE, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);
  if (call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, (long)&program, 0, 0, 0) != 0) quit(9);

  stack_t alternate = {.ss_sp = altStack, .ss_size = sizeof altStack};
  call(SYS_sigaltstack, (long)&alternate, 0, 0, 0, 0, 0);
  struct { void (*entry)(void); unsigned long flags; void (*restore)(void); uint64_t mask; } action;
  action.entry = enter;
  action.flags = SA_SIGINFO | SA_ONSTACK | 0x04000000 /* SA_RESTORER */;
  action.restore = restorer;
  action.mask = ~0ul;
  const uint8_t signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGVTALRM};
  for (unsigned i = 0; i < sizeof signals; i++) call(SYS_rt_sigaction, signals[i], (long)&action, 0, 8, 0, 0);
  struct itimerval tick = {{0, TICK_MICROSECONDS}, {0, TICK_MICROSECONDS}};
  call(SYS_setitimer, ITIMER_VIRTUAL, (long)&tick, 0, 0, 0, 0);
  for (;;) __asm__ volatile("int3");
}

__asm__(".globl _start\n_start: xor %ebp, %ebp\n and $-16, %rsp\n call start\n hlt\n");
