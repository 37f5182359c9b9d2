#include "calls.h"

static i64 local_getpid(const struct calls *calls) {
  (void)calls;
  return getpid();
}
static i64 local_read(const struct calls *calls, u64 fd, void *buffer, u64 size) {
  (void)calls;
  return read(fd, buffer, size);
}
static i64 local_write(const struct calls *calls, u64 fd, const void *buffer, u64 size) {
  (void)calls;
  return write(fd, buffer, size);
}
static i64 local_open(const struct calls *calls, const char *path, u32 flags) {
  (void)calls;
  return open(path, flags);
}
static i64 local_close(const struct calls *calls, u64 fd) {
  (void)calls;
  return close(fd);
}
static i64 local_stat(const struct calls *calls, const char *path, struct stat *out) {
  (void)calls;
  return stat(path, out);
}
static i64 local_fstat(const struct calls *calls, u64 fd, struct stat *out) {
  (void)calls;
  return fstat(fd, out);
}
static i64 local_pipe(const struct calls *calls, i32 fds[2]) {
  (void)calls;
  return pipe(fds);
}
static i64 local_uname(const struct calls *calls, struct utsname *name) {
  (void)calls;
  return uname(name);
}
static i64 local_getdents64(const struct calls *calls, u64 fd, void *buffer, u64 size) {
  (void)calls;
  return getdents64(fd, buffer, size);
}
static i64 local_clock_gettime(const struct calls *calls, struct timespec *time) {
  (void)calls;
  return clock_gettime(time);
}

const struct calls local_calls = {
  .getpid = local_getpid,
  .read = local_read,
  .write = local_write,
  .open = local_open,
  .close = local_close,
  .stat = local_stat,
  .fstat = local_fstat,
  .pipe = local_pipe,
  .uname = local_uname,
  .getdents64 = local_getdents64,
  .clock_gettime = local_clock_gettime,
};
