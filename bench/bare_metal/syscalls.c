/* The system calls of Linux that the benchmark programs make: their numbers, arguments and error numbers are Linux's. */
#include "wrapper.h"

enum { EBADF = 9, ENOMEM = 12, ENOTTY = 25, ESPIPE = 29, ENOSYS = 38 };
enum { IA32_STAR = 0xc0000081, IA32_LSTAR, IA32_FMASK = 0xc0000084, IA32_FS_BASE = 0xc0000100 };
enum { KERNEL_CODE = 8, FLAGS_CLEARED = 0x700 /* TF, IF, DF */ };
enum { ARCH_SET_FS = 0x1002, MAP_FIXED = 0x10, PAGE_MASK = 4095 };
enum { STDIN, STDOUT, STDERR, FIRST_FREE };
enum { S_IFIFO = 0010000, S_IFCHR = 0020000, STAT_BYTES = 144, STAT_MODE = 24 };

/* What can be opened: one pipe, and /dev/zero. */
enum kind { CLOSED, CONSOLE, INPUT, PIPE_READ, PIPE_WRITE, ZERO };
enum { FILES = 8, PIPE_BYTES = 65536 };
static u8 files[FILES] = {INPUT, CONSOLE, CONSOLE};
static struct file input;
static u64 input_at;
static u8 pipe_bytes[PIPE_BYTES];
static u64 pipe_read, pipe_written;

static u64 heap_start, heap_end, mapped = MAPPINGS, signal_mask, nanoseconds;

struct vector {
  u8 *base;
  u64 length;
};

void prepare_system_calls(u64 heap, struct file standard_input) {
  heap_start = heap_end = heap;
  input = standard_input;
  wrmsr(IA32_STAR, (u64)KERNEL_CODE << 32);
  wrmsr(IA32_LSTAR, (u64)bare_syscall_entry);
  wrmsr(IA32_FMASK, FLAGS_CLEARED);
}

static long open_as(enum kind kind) {
  for (int n = FIRST_FREE; n < FILES; n++)
    if (files[n] == CLOSED) return files[n] = kind, n;
  return -EBADF;
}

static u64 least(u64 a, u64 b) { return a < b ? a : b; }

static long read(u64 file, u8 *to, u64 n) {
  switch (file < FILES ? files[file] : CLOSED) {
    case INPUT:
      n = least(n, input.size - input_at);
      copy(to, input.bytes + input_at, n);
      input_at += n;
      return n;
    case PIPE_READ:
      n = least(n, pipe_written - pipe_read);
      for (u64 k = 0; k < n; k++) to[k] = pipe_bytes[pipe_read++ % PIPE_BYTES];
      return n;
    case ZERO: zero(to, n); return n;
    default: return -EBADF;
  }
}

static long write(u64 file, const u8 *from, u64 n) {
  switch (file < FILES ? files[file] : CLOSED) {
    case CONSOLE:
      for (u64 k = 0; k < n; k++) put(from[k]);
      return n;
    case PIPE_WRITE:
      n = least(n, PIPE_BYTES - (pipe_written - pipe_read));
      for (u64 k = 0; k < n; k++) pipe_bytes[pipe_written++ % PIPE_BYTES] = from[k];
      return n;
    default: return -EBADF;
  }
}

typedef long transfer(u64 file, u8 *bytes, u64 n);
static long each(transfer *one, u64 file, const struct vector *v, u64 count) {
  long sum = 0;
  for (u64 n = 0; n < count; n++) {
    long done = one(file, v[n].base, v[n].length);
    if (done < 0) return sum ? sum : done;
    sum += done;
    if ((u64)done < v[n].length) break;
  }
  return sum;
}
static long write_bytes(u64 file, u8 *bytes, u64 n) { return write(file, bytes, n); }

static long stat(u64 file, u8 *to) {
  if (file >= FILES || files[file] == CLOSED) return -EBADF;
  zero(to, STAT_BYTES);
  *(u32 *)(to + STAT_MODE) = files[file] == PIPE_READ || files[file] == PIPE_WRITE ? S_IFIFO : S_IFCHR;
  return 0;
}

static long brk(u64 end) {
  if (end < heap_start || end > PROGRAM_END) return heap_end;
  if (end > heap_end) zero((void *)heap_end, end - heap_end);
  return heap_end = end;
}

/* Mappings are stacked; the last one is taken back when it is unmapped. */
static long map(u64 address, u64 size, u64 flags) {
  size = (size + PAGE_MASK) & ~(u64)PAGE_MASK;
  if (!(flags & MAP_FIXED)) {
    if (mapped + size > MAPPINGS_END) return -ENOMEM;
    address = mapped;
    mapped += size;
  }
  zero((void *)address, size);
  return address;
}
static long unmap(u64 address, u64 size) {
  size = (size + PAGE_MASK) & ~(u64)PAGE_MASK;
  if (address + size == mapped) mapped = address;
  return 0;
}

static long exchange_mask(u64 how, const u64 *set, u64 *old) {
  enum { SIG_BLOCK, SIG_UNBLOCK };
  if (old) *old = signal_mask;
  if (set) signal_mask = how == SIG_BLOCK ? signal_mask | *set : how == SIG_UNBLOCK ? signal_mask & ~*set : *set;
  return 0;
}

static long clock(u64 *to) {
  to[0] = 0;
  to[1] = ++nanoseconds;
  return 0;
}

static long make_pipe(u32 *ends) {
  ends[0] = open_as(PIPE_READ);
  ends[1] = open_as(PIPE_WRITE);
  return 0;
}

/* Called by entry.S. */
long bare_system_call(u64 number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f) {
  (void)e, (void)f;
  switch (number) {
    case 0: return read(a, (u8 *)b, c);
    case 1: return write(a, (const u8 *)b, c);
    case 2: case 257: return open_as(ZERO);                       /* open, openat: of /dev/zero */
    case 3: return a < FILES ? files[a] = CLOSED : -EBADF;        /* close */
    case 5: return stat(a, (u8 *)b);                              /* fstat */
    case 262: return stat(a, (u8 *)c);                            /* newfstatat, of an open file */
    case 8: return a < FILES && files[a] == ZERO ? 0 : -ESPIPE;   /* lseek */
    case 9: return map(a, b, d);
    case 10: return 0;                                            /* mprotect */
    case 11: return unmap(a, b);
    case 12: return brk(a);
    case 14: return exchange_mask(a, (const u64 *)b, (u64 *)c);   /* rt_sigprocmask */
    case 16: return -ENOTTY;                                      /* ioctl */
    case 19: return each(read, a, (const struct vector *)b, c);   /* readv */
    case 20: return each(write_bytes, a, (const struct vector *)b, c);
    case 22: return make_pipe((u32 *)a);
    case 60: case 231: end_program(a);                            /* exit, exit_group */
    case 110: return 1;                                           /* getppid */
    case 158:
      if (a == ARCH_SET_FS) wrmsr(IA32_FS_BASE, b);
      return a == ARCH_SET_FS ? 0 : -ENOSYS;
    case 201: return 0;                                           /* time */
    case 218: return 1;                                           /* set_tid_address */
    case 228: return clock((u64 *)b);                             /* clock_gettime */
    case 318: zero((void *)a, b); return b;                       /* getrandom: the same each time */
    default: return -ENOSYS;
  }
}
