/* What programs have: system calls and output. */
#ifndef WORLDS_USER_H
#define WORLDS_USER_H
#include "../../lib/format.h"

/* A system call. The kernel keeps only the registers that a C function keeps. */
static inline i64 syscall(u64 number, u64 a, u64 b, u64 c) {
  i64 result = number;
  __asm__ volatile("syscall"
                   : "+a"(result), "+D"(a), "+S"(b), "+d"(c)
                   :
                   : "rcx", "r8", "r9", "r10", "r11", "memory");
  return result;
}

static inline i64 read(u64 fd, void *buffer, u64 size) { return syscall(SYS_read, fd, (u64)buffer, size); }
static inline i64 write(u64 fd, const void *buffer, u64 size) { return syscall(SYS_write, fd, (u64)buffer, size); }
static inline i64 open(const char *path, u32 flags) { return syscall(SYS_open, (u64)path, flags, 0644); }
static inline i64 close(u64 fd) { return syscall(SYS_close, fd, 0, 0); }
static inline i64 stat(const char *path, struct stat *stat) { return syscall(SYS_stat, (u64)path, (u64)stat, 0); }
static inline i64 fstat(u64 fd, struct stat *stat) { return syscall(SYS_fstat, fd, (u64)stat, 0); }
static inline i64 mmap(u64 size) { return syscall(SYS_mmap, 0, size, 0); }
static inline i64 pipe(i32 fds[2]) { return syscall(SYS_pipe, (u64)fds, 0, 0); }
static inline i64 sched_yield(void) { return syscall(SYS_sched_yield, 0, 0, 0); }
static inline i64 nanosleep(const struct timespec *time) { return syscall(SYS_nanosleep, (u64)time, 0, 0); }
static inline i64 getpid(void) { return syscall(SYS_getpid, 0, 0, 0); }
static inline i64 wait4(i64 pid, i32 *status) { return syscall(SYS_wait4, pid, (u64)status, 0); }
static inline i64 uname(struct utsname *name) { return syscall(SYS_uname, (u64)name, 0, 0); }
static inline i64 iopl(u64 level) { return syscall(SYS_iopl, level, 0, 0); }
static inline i64 getdents64(u64 fd, void *buffer, u64 size) { return syscall(SYS_getdents64, fd, (u64)buffer, size); }
static inline i64 clock_gettime(struct timespec *time) { return syscall(SYS_clock_gettime, 0, (u64)time, 0); }
static inline i64 spawn(const char *path, const char *const *arguments, const i32 *fds) {
  return syscall(SYS_spawn, (u64)path, (u64)arguments, (u64)fds);
}
static inline void exit(int code) {
  for (;;) syscall(SYS_exit, code, 0, 0);
}

/* How a child has ended, from its status. */
#define EXIT_CODE(status) ((status) >> 8 & 0xff)
#define SIGNAL(status) ((status) & 0x7f)

/* Output goes to descriptor 1. */
extern struct sink standard_output;
void print(const char *pattern, ...) __attribute__((format(printf, 1, 2)));

int main(int count, char **arguments);
#endif
