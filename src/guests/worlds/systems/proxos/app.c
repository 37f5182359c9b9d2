/*
 * Proxos (OSDI 2006): an application that trusts its own small operating system more than the commodity one beside it.
 * Routing rules, given by the application, say which system calls stay in the private machine and which go to the
 * commodity one.
 */
#include "../client.h"
#include "../remote.h"

/* Descriptors of the private machine are told by this bit. */
#define PRIVATE_FD 0x40000000

/* Files under these paths never leave the private machine; all others are the commodity system's. */
static const char *const private_paths[] = {"/etc/", "/bin/"};

static int is_private(const char *path) {
  for (u64 n = 0; n < sizeof private_paths / sizeof *private_paths; n++) {
    if (memcmp(path, private_paths[n], strlen(private_paths[n])) == 0) return 1;
  }
  return 0;
}

/* Where a descriptor leads, and its number there. */
static const struct calls *route(u64 *fd) {
  if (!(*fd & PRIVATE_FD)) return &remote_calls;
  *fd &= ~(u64)PRIVATE_FD;
  return &local_calls;
}

static i64 routed_getpid(const struct calls *calls) { return remote_calls.getpid(calls); }
static i64 routed_read(const struct calls *calls, u64 fd, void *buffer, u64 size) {
  calls = route(&fd);
  return calls->read(calls, fd, buffer, size);
}
static i64 routed_write(const struct calls *calls, u64 fd, const void *buffer, u64 size) {
  calls = route(&fd);
  return calls->write(calls, fd, buffer, size);
}
static i64 routed_open(const struct calls *calls, const char *path, u32 flags) {
  i64 fd;
  if (!is_private(path)) return remote_calls.open(calls, path, flags);
  fd = local_calls.open(calls, path, flags);
  return fd < 0 ? fd : fd | PRIVATE_FD;
}
static i64 routed_close(const struct calls *calls, u64 fd) {
  calls = route(&fd);
  return calls->close(calls, fd);
}
static i64 routed_stat(const struct calls *calls, const char *path, struct stat *stat) {
  return (is_private(path) ? &local_calls : &remote_calls)->stat(calls, path, stat);
}
static i64 routed_fstat(const struct calls *calls, u64 fd, struct stat *stat) {
  calls = route(&fd);
  return calls->fstat(calls, fd, stat);
}
static i64 routed_pipe(const struct calls *calls, i32 fds[2]) { return remote_calls.pipe(calls, fds); }
static i64 routed_uname(const struct calls *calls, struct utsname *name) { return remote_calls.uname(calls, name); }
static i64 routed_getdents64(const struct calls *calls, u64 fd, void *buffer, u64 size) {
  calls = route(&fd);
  return calls->getdents64(calls, fd, buffer, size);
}
static i64 routed_clock_gettime(const struct calls *calls, struct timespec *time) {
  return remote_calls.clock_gettime(calls, time);
}

static const struct calls routed_calls = {
    .getpid = routed_getpid,
    .read = routed_read,
    .write = routed_write,
    .open = routed_open,
    .close = routed_close,
    .stat = routed_stat,
    .fstat = routed_fstat,
    .pipe = routed_pipe,
    .uname = routed_uname,
    .getdents64 = routed_getdents64,
    .clock_gettime = routed_clock_gettime,
};

int main(int count, char **arguments) { return client(count, arguments, &routed_calls, 0); }
