/*
 * System calls for callers in other machines. However a request gets here, kernel_remote_call executes it: with the file
 * descriptors of the proxy, and with buffers that lie in the window which both machines share.
 */
#include "remote.h"

struct remote remote;
static int active;

int remote_call_active(void) {
  return active;
}

/* Memory in the request's window, or NULL where it would leave it. */
static void *in_window(struct request *request, u64 offset, u64 size) {
  if (offset < WINDOW_DATA || offset > WINDOW_SIZE || size > WINDOW_SIZE - offset) return NULL;
  return (u8 *)request + offset;
}

/* Copies a path out of the window, so that nobody changes it any more. */
static i64 copy_path(char path[PATH_SIZE], struct request *request, u64 offset) {
  const char *from = in_window(request, offset, 1);
  if (!from) return -EFAULT;
  u64 room = WINDOW_SIZE - offset;
  for (u64 n = 0; n < PATH_SIZE; n++) {
    if (n == room) return -EFAULT;
    path[n] = from[n];
    if (!path[n]) return 0;
  }
  return -ENAMETOOLONG;
}

static i64 call_with_path(struct request *request, u64 number, u64 a, u64 b) {
  char path[PATH_SIZE];
  i64 error = copy_path(path, request, a);
  if (error) return error;
  if (number == SYS_open) return fs_open(&files, &remote.proxy->fds, path, b);
  struct stat *stat = in_window(request, b, sizeof *stat);
  return stat ? fs_stat(&files, path, stat) : -EFAULT;
}

/* Calls that move data, or wake who waits for it. */
static i64 call_with_buffer(struct request *request, u64 number, u64 fd, u64 offset, u64 size) {
  struct fd_table *fds = &remote.proxy->fds;
  void *buffer = in_window(request, offset, size);
  if (!buffer) return -EFAULT;
  if (number == SYS_getdents64) return fs_getdents64(fds, fd, buffer, size);
  i64 count = number == SYS_read ? fs_read(fds, fd, buffer, size) : fs_write(fds, fd, buffer, size);
  const struct node *node = fs_node(fds, fd);
  if (count > 0 && (node->mode & S_IFMT) == S_IFIFO) wake(node);
  return count;
}

i64 kernel_remote_call(struct request *request) {
  struct fd_table *fds = &remote.proxy->fds;
  u64 number = request->number, a = request->argument[0], b = request->argument[1], c = request->argument[2];
  switch (number) {
  case SYS_getpid:
    return remote.proxy->pid;
  case SYS_read: case SYS_write: case SYS_getdents64:
    return call_with_buffer(request, number, a, b, c);
  case SYS_open: case SYS_stat:
    return call_with_path(request, number, a, b);
  case SYS_close:
    return fs_close(fds, a);
  case SYS_fstat: {
    struct stat *stat = in_window(request, b, sizeof *stat);
    return stat ? fs_fstat(fds, a, stat) : -EFAULT;
  }
  case SYS_pipe: {
    i32 *pair = in_window(request, a, 2 * sizeof *pair);
    return pair ? fs_pipe(&files, fds, pair) : -EFAULT;
  }
  case SYS_uname: {
    struct utsname *name = in_window(request, a, sizeof *name);
    if (!name) return -EFAULT;
    *name = system_name;
    return 0;
  }
  case SYS_clock_gettime: {
    struct timespec *time = in_window(request, b, sizeof *time);
    if (!time) return -EFAULT;
    u64 now = uptime_nanoseconds();
    *time = (struct timespec){ now / 1000000000, now % 1000000000 };
    return 0;
  }
  default:
    return -ENOSYS;
  }
}

i64 remote_serve(u64 window, int at_user_level) {
  if (!remote.proxy) return -EPERM;
  if (window >= WINDOWS) return -EINVAL;
  struct process *before = current;
  u64 stack = kernel_stack();
  current = remote.proxy;
  active = 1;
  struct request *request = (struct request *)WINDOW_GPA(window);
  i64 result = at_user_level && remote.service_entry
    ? service_call(window, remote.service_entry, remote.service_stack)
    : kernel_remote_call(request);
  active = 0;
  set_kernel_stack(stack);
  current = before;
  return result;
}

void remote_forget(struct process *process) {
  if (process->world) hypercall(HC_WORLD_DROP, process->world, 0, 0);
  process->world = 0;
  if (process != remote.proxy) return;
  hypercall(HC_VIEW_ALLOW, (u64)process->root, 0, 0);
  kernel_world_end();
  remote = (struct remote){ 0 };
}

/* ---- The callee's side ---- */

i64 sys_serve_allow(u64 machines, u64 b, u64 c) {
  (void)b, (void)c;
  if (remote.proxy && remote.proxy != current) return -EBUSY;
  remote.proxy = current;
  remote.allowed_machines = machines;
  return hypercall(HC_VIEW_ALLOW, (u64)current->root, machines, 0);
}

/* The original path: the next request for the proxy, from somebody who may call. */
i64 sys_serve(u64 result, u64 b, u64 c) {
  (void)b, (void)c;
  if (current != remote.proxy) return -EPERM;
  for (;;) {
    i64 call = hypercall(HC_WAIT_CALL, result, 0, 0);
    if (call < 0 || remote.allowed_machines >> CALL_FROM(call) & 1) return call;
    result = -EPERM;
  }
}

i64 sys_service_entry(u64 entry, u64 stack, u64 c) {
  (void)c;
  if (current != remote.proxy) return -EPERM;
  if (!user_may(current->root, (void *)entry, 1, 0)) return -EFAULT;
  if (!user_may(current->root, (void *)(stack - 8), 8, PAGE_WRITABLE)) return -EFAULT;
  remote.service_entry = entry;
  remote.service_stack = stack;
  return 0;
}

i64 sys_service_return(u64 result, u64 b, u64 c) {
  (void)b, (void)c;
  if (!active) return -EPERM;
  service_leave(result);
}

void service_fault(void) {
  service_leave(-EFAULT);
}

/* ---- The caller's side ---- */

i64 sys_remote_call(u64 machine, u64 window, u64 c) {
  (void)c;
  return hypercall(HC_CALL, machine, window, 0);
}
