/* The system calls that Linux has as well. */
#include "cpu.h"
#include "kernel.h"

struct syscall_frame *syscall_frame(void) {
  return (struct syscall_frame *)kernel_stack() - 1;
}

static int may_read(u64 address, u64 size) {
  return user_may(current->root, (void *)address, size, 0);
}

static int may_write(u64 address, u64 size) {
  return user_may(current->root, (void *)address, size, PAGE_WRITABLE);
}

i64 copy_user_text(char *to, u64 from, u64 size) {
  for (u64 n = 0; n < size; n++) {
    if ((n == 0 || (from + n) % PAGE_SIZE == 0) && !may_read(from + n, 1)) return -EFAULT;
    to[n] = ((const char *)from)[n];
    if (!to[n]) return 0;
  }
  return -ENAMETOOLONG;
}

/* Something has changed that somebody at the other end of a pipe may wait for. */
static void wake_pipe(const struct node *node) {
  if (node && (node->mode & S_IFMT) == S_IFIFO) wake(node);
}

static i64 sys_read(u64 fd, u64 buffer, u64 size) {
  if (!may_write(buffer, size)) return -EFAULT;
  i64 count;
  while ((count = fs_read(&current->fds, fd, (void *)buffer, size)) == -EAGAIN) wait(fs_node(&current->fds, fd), 0);
  if (count > 0) wake_pipe(fs_node(&current->fds, fd));
  return count;
}

static i64 sys_write(u64 fd, u64 buffer, u64 size) {
  if (!may_read(buffer, size)) return -EFAULT;
  i64 count;
  while ((count = fs_write(&current->fds, fd, (void *)buffer, size)) == -EAGAIN) wait(fs_node(&current->fds, fd), 0);
  if (count > 0) wake_pipe(fs_node(&current->fds, fd));
  return count;
}

static i64 sys_open(u64 path, u64 flags, u64 mode) {
  (void)mode;
  char text[PATH_SIZE];
  i64 error = copy_user_text(text, path, sizeof text);
  return error ? error : fs_open(&files, &current->fds, text, flags);
}

static i64 sys_close(u64 fd, u64 b, u64 c) {
  (void)b, (void)c;
  const struct node *node = fs_node(&current->fds, fd);
  wake_pipe(node);
  return fs_close(&current->fds, fd);
}

static i64 sys_stat(u64 path, u64 stat, u64 c) {
  (void)c;
  if (!may_write(stat, sizeof(struct stat))) return -EFAULT;
  char text[PATH_SIZE];
  i64 error = copy_user_text(text, path, sizeof text);
  return error ? error : fs_stat(&files, text, (struct stat *)stat);
}

static i64 sys_fstat(u64 fd, u64 stat, u64 c) {
  (void)c;
  return may_write(stat, sizeof(struct stat)) ? fs_fstat(&current->fds, fd, (struct stat *)stat) : -EFAULT;
}

static i64 sys_mmap(u64 address, u64 size, u64 c) {
  (void)address, (void)c;
  u64 start = current->memory_end;
  size = (size + PAGE_SIZE - 1) & -PAGE_SIZE;
  if (size == 0) return -EINVAL;
  if (size > USER_WINDOW(0) - start) return -ENOMEM;
  i64 error = map_memory(current->root, start, size, PAGE_WRITABLE | PAGE_NO_EXECUTE);
  if (error) return error;
  current->memory_end = start + size;
  return start;
}

static i64 sys_pipe(u64 fds, u64 b, u64 c) {
  (void)b, (void)c;
  return may_write(fds, 2 * sizeof(i32)) ? fs_pipe(&files, &current->fds, (i32 *)fds) : -EFAULT;
}

static i64 sys_sched_yield(u64 a, u64 b, u64 c) {
  (void)a, (void)b, (void)c;
  schedule();
  return 0;
}

static i64 sys_nanosleep(u64 time, u64 b, u64 c) {
  (void)b, (void)c;
  if (!may_read(time, sizeof(struct timespec))) return -EFAULT;
  const struct timespec *span = (const struct timespec *)time;
  if (span->tv_sec < 0 || span->tv_nsec < 0 || span->tv_nsec >= 1000000000) return -EINVAL;
  u64 end = uptime_milliseconds() + (u64)span->tv_sec * 1000 + (span->tv_nsec + 999999) / 1000000;
  while (uptime_milliseconds() < end) wait(&current->wake_at, end);
  return 0;
}

static i64 sys_getpid(u64 a, u64 b, u64 c) {
  (void)a, (void)b, (void)c;
  return current->pid;
}

static i64 sys_exit(u64 code, u64 b, u64 c) {
  (void)b, (void)c;
  process_exit(STATUS_EXIT(code));
}

static i64 sys_wait4(u64 pid, u64 status, u64 c) {
  (void)c;
  if (status && !may_write(status, sizeof(i32))) return -EFAULT;
  i32 unused;
  return process_wait(pid, status ? (i32 *)status : &unused);
}

static i64 sys_uname(u64 name, u64 b, u64 c) {
  (void)b, (void)c;
  if (!may_write(name, sizeof(struct utsname))) return -EFAULT;
  *(struct utsname *)name = system_name;
  return 0;
}

static i64 sys_iopl(u64 level, u64 b, u64 c) {
  (void)b, (void)c;
  if (level > 3) return -EINVAL;
  struct syscall_frame *frame = syscall_frame();
  frame->rflags = (frame->rflags & ~(u64)RFLAGS_IOPL) | level << 12;
  return 0;
}

static i64 sys_getdents64(u64 fd, u64 buffer, u64 size) {
  return may_write(buffer, size) ? fs_getdents64(&current->fds, fd, (void *)buffer, size) : -EFAULT;
}

static i64 sys_clock_gettime(u64 clock, u64 time, u64 c) {
  (void)clock, (void)c;
  if (!may_write(time, sizeof(struct timespec))) return -EFAULT;
  u64 now = uptime_nanoseconds();
  *(struct timespec *)time = (struct timespec){ now / 1000000000, now % 1000000000 };
  return 0;
}

static syscall_handler *const linux_syscalls[] = {
  [SYS_read] = sys_read,
  [SYS_write] = sys_write,
  [SYS_open] = sys_open,
  [SYS_close] = sys_close,
  [SYS_stat] = sys_stat,
  [SYS_fstat] = sys_fstat,
  [SYS_mmap] = sys_mmap,
  [SYS_pipe] = sys_pipe,
  [SYS_sched_yield] = sys_sched_yield,
  [SYS_nanosleep] = sys_nanosleep,
  [SYS_getpid] = sys_getpid,
  [SYS_exit] = sys_exit,
  [SYS_wait4] = sys_wait4,
  [SYS_uname] = sys_uname,
  [SYS_iopl] = sys_iopl,
  [SYS_getdents64] = sys_getdents64,
  [SYS_clock_gettime] = sys_clock_gettime,
};
#define LINUX_SYSCALLS (sizeof linux_syscalls / sizeof linux_syscalls[0])

i64 system_call(u64 a, u64 b, u64 c, u64 number) {
  syscall_handler *handler = NULL;
  if (number < LINUX_SYSCALLS) handler = linux_syscalls[number];
  else if (number - OWN_SYSCALLS_START < OWN_SYSCALLS) handler = own_syscalls[number - OWN_SYSCALLS_START];
  return handler ? handler(a, b, c) : -ENOSYS;
}
