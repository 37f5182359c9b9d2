/*
 * The workloads. Each runs as many times to warm up as it is measured. An OUT to the mark port stands before and after
 * what is measured; nothing else of the machine notices it, since this program may use ports.
 */
#include "workloads.h"

#define SCRATCH "/scratch"
#define UTILITY_SHARE 10 /* utilities run that many times less often */
#define FNV_OFFSET 0xcbf29ce484222325
#define FNV_PRIME 0x100000001b3

/* Descriptors that the workloads use. */
struct context {
  const struct calls *calls;
  i64 file;
  i32 pipe[2];
};

/* Once over the workload; what it computes, or -errno. */
typedef i64 work(struct context *);

static i64 work_empty(struct context *context) {
  (void)context;
  return 0;
}
static i64 work_getpid(struct context *context) { return context->calls->getpid(context->calls); }
static i64 work_read1(struct context *context) {
  u8 byte = 0;
  i64 count = context->calls->read(context->calls, context->file, &byte, 1);
  return count == 1 ? byte : count;
}
static i64 work_write1(struct context *context) {
  static u8 byte;
  byte = byte % 251 + 1;
  return context->calls->write(context->calls, context->file, &byte, 1);
}
static i64 work_stat(struct context *context) {
  struct stat stat;
  i64 error = context->calls->stat(context->calls, "/notes", &stat);
  return error ? error : stat.st_size;
}
static i64 work_open_close(struct context *context) {
  i64 fd = context->calls->open(context->calls, "/notes", O_RDONLY);
  i64 error = fd < 0 ? fd : context->calls->close(context->calls, fd);
  return error ? error : fd;
}
static i64 work_pipe(struct context *context) {
  static u8 byte;
  u8 sent = byte = byte % 251 + 1, received = 0;
  i64 count = context->calls->write(context->calls, context->pipe[1], &sent, 1);
  if (count == 1) count = context->calls->read(context->calls, context->pipe[0], &received, 1);
  return count < 0 ? count : received;
}

/* Utilities write into a hash. */
struct hash {
  struct sink sink;
  u64 value;
};
static void put_hash(struct sink *sink, const char *text, u64 length) {
  struct hash *hash = (struct hash *)sink;
  for (u64 n = 0; n < length; n++) hash->value = (hash->value ^ (u8)text[n]) * FNV_PRIME;
}

static void run_ps(const struct calls *calls, struct sink *sink) { utility_ps(calls, sink); }
static void run_ls(const struct calls *calls, struct sink *sink) { utility_ls(calls, sink, "/"); }
static void run_uptime(const struct calls *calls, struct sink *sink) { utility_uptime(calls, sink); }
static void run_grep(const struct calls *calls, struct sink *sink) { utility_grep(calls, sink, "mail", "/notes"); }

static u64 hash_of(const struct calls *calls, void (*utility)(const struct calls *, struct sink *)) {
  struct hash hash = {{put_hash}, FNV_OFFSET};
  utility(calls, &hash.sink);
  return hash.value;
}

static void mark(u32 workload, u32 iterations) {
  __asm__ volatile("outl %0, %1" ::"a"(workload << 16 | iterations), "d"((u16)MARK_PORT) : "memory");
}

/* Not inlined, so that the loop costs the same around every workload. */
static __attribute__((noinline)) i64 measure(u32 id, work *work, struct context *context, u64 iterations) {
  i64 result = 0;
  for (u64 n = 0; n < iterations; n++) result = work(context);
  mark(id, iterations);
  for (u64 n = 0; n < iterations; n++) result = work(context);
  mark(id, 0);
  return result;
}

static __attribute__((noinline)) u64 measure_utility(u32 id, void (*utility)(const struct calls *, struct sink *),
                                                     const struct calls *calls, u64 iterations) {
  u64 hash = 0;
  for (u64 n = 0; n < iterations; n++) hash = hash_of(calls, utility);
  mark(id, iterations);
  for (u64 n = 0; n < iterations; n++) hash = hash_of(calls, utility);
  mark(id, 0);
  return hash;
}

/* The file that write1 fills is read by read1 from its beginning. */
static i64 reopen(struct context *context, u32 flags) {
  const struct calls *calls = context->calls;
  if (context->file >= 0) calls->close(calls, context->file);
  context->file = calls->open(calls, SCRATCH, flags);
  return context->file;
}

void run_workloads(const struct calls *calls, u64 iterations) {
  static const struct {
    const char *name;
    u32 id;
    work *work;
  } works[] = {
      {"getpid", WORK_GETPID, work_getpid},
      {"write1", WORK_WRITE1, work_write1},
      {"read1", WORK_READ1, work_read1},
      {"stat", WORK_STAT, work_stat},
      {"openclose", WORK_OPEN_CLOSE, work_open_close},
      {"pipe", WORK_PIPE, work_pipe},
  };
  static const struct {
    const char *name;
    u32 id;
    void (*run)(const struct calls *, struct sink *);
  } utilities[] = {
      {"ps", WORK_PS, run_ps}, {"ls", WORK_LS, run_ls}, {"uptime", WORK_UPTIME, run_uptime}, {"grep", WORK_GREP, run_grep},
  };
  struct context context = {.calls = calls, .file = -1};
  u64 few = iterations < UTILITY_SHARE ? 1 : iterations / UTILITY_SHARE;
  syscall(SYS_iopl, 3, 0, 0);
  measure(WORK_EMPTY, work_empty, &context, iterations);
  if (calls->pipe(calls, context.pipe) < 0) print("the server has no pipes\n");
  reopen(&context, O_CREAT | O_TRUNC | O_WRONLY);
  for (u64 n = 0; n < sizeof works / sizeof *works; n++) {
    if (works[n].id == WORK_READ1) reopen(&context, O_RDONLY);
    print("result %s %ld\n", works[n].name, measure(works[n].id, works[n].work, &context, iterations));
  }
  calls->close(calls, context.file);
  for (u64 n = 0; n < sizeof utilities / sizeof *utilities; n++) {
    u64 hash = measure_utility(utilities[n].id, utilities[n].run, calls, few);
    print("result %s %08x%08x\n", utilities[n].name, (u32)(hash >> 32), (u32)hash);
  }
}

u64 number(const char *text) {
  u64 value = 0;
  while (*text >= '0' && *text <= '9') value = value * 10 + *text++ - '0';
  return *text ? 0 : value;
}
