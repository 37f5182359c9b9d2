/* A process that executes system calls for other machines. */
#include "serve.h"
#include "../world/world.h"

#define FILE_TEXT_LINES 40

static i64 make_file(void) {
  static const char *const words[] = {"root", "mail", "web", "time"};
  char line[64];
  i64 fd = open("/notes", O_CREAT | O_WRONLY | O_TRUNC);
  if (fd < 0) return fd;
  for (int n = 0; n < FILE_TEXT_LINES; n++) {
    u64 size = format_text(line, sizeof line, "line %d is about %s\n", n, words[n % 4]);
    if (write(fd, line, size) != (i64)size) return -ENOSPC;
  }
  return close(fd);
}

/* Processes that do nothing but be there. */
static i64 start_daemons(void) {
  static const char *const names[] = {"httpd", "crond"};
  for (int n = 0; n < 2; n++) {
    const char *const arguments[] = {names[n], "1000000", NULL};
    i64 pid = spawn("/bin/sleep", arguments, NULL);
    if (pid < 0) return pid;
  }
  return sched_yield();
}

i64 serve_prepare(u64 machines) {
  i64 error = make_file();
  if (!error) error = start_daemons();
  for (u64 id = 0; id <= MAX_VMS && !error; id++) {
    if (!(machines & MACHINE(id))) continue;
    i64 address = syscall(SYS_window_map, id, 0, 0);
    if (address < 0) error = address;
  }
  if (!error) error = syscall(SYS_serve_allow, machines, 0, 0);
  if (!error) {
    i64 world = syscall(SYS_world_serve, 0, 0, 0);
    if (world < 0 && world != -ENOSYS) error = world; /* no world calls: the other paths are there */
  }
  return error;
}

/* A buffer of the request. */
static void *in_window(struct request *request, u64 offset, u64 size) {
  if (offset < WINDOW_DATA || offset > WINDOW_SIZE || size > WINDOW_SIZE - offset) return NULL;
  return (u8 *)request + offset;
}

static const char *path_in_window(struct request *request, u64 offset) {
  for (u64 end = offset; in_window(request, end, 1); end++) {
    if (!*(char *)in_window(request, end, 1)) return in_window(request, offset, 1);
  }
  return NULL;
}

i64 serve_by_system_call(u64 window) {
  struct request *r = (struct request *)USER_WINDOW(window);
  u64 a = r->argument[0], b = r->argument[1], c = r->argument[2];
  const char *path;
  void *buffer;
  switch (r->number) {
  case SYS_getpid: return getpid();
  case SYS_close: return close(a);
  case SYS_read: return (buffer = in_window(r, b, c)) ? read(a, buffer, c) : -EFAULT;
  case SYS_write: return (buffer = in_window(r, b, c)) ? write(a, buffer, c) : -EFAULT;
  case SYS_getdents64: return (buffer = in_window(r, b, c)) ? getdents64(a, buffer, c) : -EFAULT;
  case SYS_open: return (path = path_in_window(r, a)) ? open(path, b) : -EFAULT;
  case SYS_stat:
    path = path_in_window(r, a);
    buffer = in_window(r, b, sizeof(struct stat));
    return path && buffer ? stat(path, buffer) : -EFAULT;
  case SYS_fstat: return (buffer = in_window(r, b, sizeof(struct stat))) ? fstat(a, buffer) : -EFAULT;
  case SYS_pipe: return (buffer = in_window(r, a, 2 * sizeof(i32))) ? pipe(buffer) : -EFAULT;
  case SYS_uname: return (buffer = in_window(r, a, sizeof(struct utsname))) ? uname(buffer) : -EFAULT;
  case SYS_clock_gettime: return (buffer = in_window(r, b, sizeof(struct timespec))) ? clock_gettime(buffer) : -EFAULT;
  default: return -ENOSYS;
  }
}

i64 serve_in_ring_3(u64 machines) {
  i64 result = 0;
  for (;;) {
    i64 call = machine_park(result);
    if (call < 0) return call;
    result = machines & MACHINE(CALL_FROM(call)) ? serve_by_system_call(CALL_WINDOW(call)) : -EPERM;
  }
}
