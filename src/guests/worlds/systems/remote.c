/*
 * System calls executed by another machine. The request lies in the window that this machine shares with the server; what
 * differs between the paths is only how the processor gets from here to there and back.
 */
#include "remote.h"
#include "../world/world.h"

#define WINDOW_ROOM (WINDOW_SIZE - WINDOW_DATA)
/* Where paths and results are put, as offsets in the window. */
#define FIRST_BUFFER WINDOW_DATA
#define SECOND_BUFFER (WINDOW_DATA + 0x1000)

static u64 window;
static i64 view, callee;
static i64 (*send)(void);

static struct request *request(void) { return (struct request *)USER_WINDOW(window); }
static u8 *buffer(u64 offset) { return (u8 *)USER_WINDOW(window) + offset; }

/* Through this machine's kernel and the hypervisor. */
static i64 send_original(void) { return syscall(SYS_remote_call, SERVER, window, 0); }
/* Through this machine's kernel, which enters the server's by VMFUNC. */
static i64 send_vmfunc(void) { return syscall(SYS_view_call, view, window, 0); }
/* From here to the server's world, and back to here. */
static i64 send_crossover(void) { return world_call(callee, window, 0); }

i64 find_world(u64 machine, u64 cpl) { return syscall(SYS_world_find, machine, cpl, 0); }

static i64 connect_vmfunc(void) {
  view = syscall(SYS_view_open, SERVER, 0, 0);
  return view < 0 ? view : 0;
}

static i64 connect_crossover(u64 cpl) {
  i64 self = syscall(SYS_world_register, (u64)world_entry, WORLD_KEEP_IF, (u64)&this_world.call);
  if (self < 0) return self;
  callee = find_world(SERVER, cpl);
  return callee < 0 ? callee : 0;
}

i64 remote_connect(const char *path, u64 cpl) {
  i64 address;
  window = syscall(SYS_vm_id, 0, 0, 0); /* windows have the numbers of those who call through them */
  address = syscall(SYS_window_map, window, 0, 0);
  if (address < 0) return address;
  if (strcmp(path, "original") == 0) {
    send = send_original;
    return 0;
  }
  if (strcmp(path, "vmfunc") == 0) {
    send = send_vmfunc;
    return connect_vmfunc();
  }
  if (strcmp(path, "crossover") == 0) {
    send = send_crossover;
    return connect_crossover(cpl);
  }
  return -EINVAL;
}

i64 remote_request(u64 number, u64 a, u64 b, u64 c) {
  struct request *r = request();
  r->number = number;
  r->argument[0] = a;
  r->argument[1] = b;
  r->argument[2] = c;
  return send();
}

/* ---- The calls, with their buffers put into the window and taken out of it ---- */

static i64 put_path(const char *path) {
  u64 size = strlen(path) + 1;
  if (size > SECOND_BUFFER - FIRST_BUFFER) return -ENAMETOOLONG;
  memcpy(buffer(FIRST_BUFFER), path, size);
  return 0;
}

static i64 take(i64 result, u64 offset, void *to, u64 size) {
  if (result >= 0) memcpy(to, buffer(offset), size);
  return result;
}

static i64 remote_getpid(const struct calls *calls) {
  (void)calls;
  return remote_request(SYS_getpid, 0, 0, 0);
}

static i64 remote_read(const struct calls *calls, u64 fd, void *to, u64 size) {
  i64 count;
  (void)calls;
  if (size > WINDOW_ROOM) size = WINDOW_ROOM;
  count = remote_request(SYS_read, fd, FIRST_BUFFER, size);
  return count > (i64)size ? -EFAULT : take(count, FIRST_BUFFER, to, count);
}

static i64 remote_write(const struct calls *calls, u64 fd, const void *from, u64 size) {
  (void)calls;
  if (size > WINDOW_ROOM) size = WINDOW_ROOM;
  memcpy(buffer(FIRST_BUFFER), from, size);
  return remote_request(SYS_write, fd, FIRST_BUFFER, size);
}

static i64 remote_open(const struct calls *calls, const char *path, u32 flags) {
  i64 error = put_path(path);
  (void)calls;
  return error ? error : remote_request(SYS_open, FIRST_BUFFER, flags, 0);
}

static i64 remote_close(const struct calls *calls, u64 fd) {
  (void)calls;
  return remote_request(SYS_close, fd, 0, 0);
}

static i64 remote_stat(const struct calls *calls, const char *path, struct stat *stat) {
  i64 error = put_path(path);
  (void)calls;
  if (error) return error;
  return take(remote_request(SYS_stat, FIRST_BUFFER, SECOND_BUFFER, 0), SECOND_BUFFER, stat, sizeof *stat);
}

static i64 remote_fstat(const struct calls *calls, u64 fd, struct stat *stat) {
  (void)calls;
  return take(remote_request(SYS_fstat, fd, SECOND_BUFFER, 0), SECOND_BUFFER, stat, sizeof *stat);
}

static i64 remote_pipe(const struct calls *calls, i32 fds[2]) {
  (void)calls;
  return take(remote_request(SYS_pipe, SECOND_BUFFER, 0, 0), SECOND_BUFFER, fds, 2 * sizeof *fds);
}

static i64 remote_uname(const struct calls *calls, struct utsname *name) {
  (void)calls;
  return take(remote_request(SYS_uname, SECOND_BUFFER, 0, 0), SECOND_BUFFER, name, sizeof *name);
}

static i64 remote_getdents64(const struct calls *calls, u64 fd, void *to, u64 size) {
  i64 count;
  (void)calls;
  if (size > WINDOW_ROOM) size = WINDOW_ROOM;
  count = remote_request(SYS_getdents64, fd, FIRST_BUFFER, size);
  return count > (i64)size ? -EFAULT : take(count, FIRST_BUFFER, to, count);
}

static i64 remote_clock_gettime(const struct calls *calls, struct timespec *time) {
  (void)calls;
  return take(remote_request(SYS_clock_gettime, 0, SECOND_BUFFER, 0), SECOND_BUFFER, time, sizeof *time);
}

const struct calls remote_calls = {
    .getpid = remote_getpid,
    .read = remote_read,
    .write = remote_write,
    .open = remote_open,
    .close = remote_close,
    .stat = remote_stat,
    .fstat = remote_fstat,
    .pipe = remote_pipe,
    .uname = remote_uname,
    .getdents64 = remote_getdents64,
    .clock_gettime = remote_clock_gettime,
};
