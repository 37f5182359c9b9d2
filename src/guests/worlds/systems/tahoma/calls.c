/*
 * What a browser instance may ask of the browser operating system, whichever path brings the request. A manifest tells
 * which files an instance may open.
 */
#include "../../user/lib/user.h"
#include "os.h"

#define PATH_SIZE 128
#define INSTANCE_PID 2

static const char *const manifest[] = {"/notes", "/scratch", "/proc"};

static int is_in_manifest(const char *path) {
  if (strcmp(path, "/") == 0) return 1; /* to look around, not to open what is there */
  for (u64 n = 0; n < sizeof manifest / sizeof *manifest; n++) {
    while (path[0] == '/' && path[1] == '/') path++;
    if (memcmp(path, manifest[n], strlen(manifest[n])) == 0) return 1;
  }
  return 0;
}

static void *in_window(struct request *request, u64 offset, u64 size) {
  if (offset < WINDOW_DATA || offset > WINDOW_SIZE || size > WINDOW_SIZE - offset) return NULL;
  return (u8 *)request + offset;
}

/* Takes a path out of the window before it is looked at. */
static i64 take_path(char path[PATH_SIZE], struct request *request, u64 offset) {
  for (u64 n = 0; n < PATH_SIZE; n++) {
    const char *c = in_window(request, offset + n, 1);
    if (!c) return -EFAULT;
    path[n] = *c;
    if (!path[n]) return is_in_manifest(path) ? 0 : -EACCES;
  }
  return -ENAMETOOLONG;
}

static i64 open_file(struct request *request, u64 offset, u64 flags) {
  char path[PATH_SIZE];
  i64 error = take_path(path, request, offset);
  return error ? error : fs_open(&files, &instance_fds, path, flags);
}

static i64 stat_file(struct request *request, u64 offset, struct stat *stat) {
  char path[PATH_SIZE];
  i64 error = stat ? take_path(path, request, offset) : -EFAULT;
  return error ? error : fs_stat(&files, path, stat);
}

static i64 tell_name(struct utsname *name) {
  if (!name) return -EFAULT;
  *name = (struct utsname){
      .sysname = "Tahoma", .nodename = "browser-os", .release = "1.0", .version = "1", .machine = "x86_64"};
  return 0;
}

i64 serve_instance(u64 window) {
  struct request *r = (struct request *)USER_WINDOW(window);
  u64 a = r->argument[0], b = r->argument[1], c = r->argument[2];
  void *buffer;
  switch (r->number) {
  case SYS_getpid: return INSTANCE_PID;
  case SYS_close: return fs_close(&instance_fds, a);
  case SYS_read: return (buffer = in_window(r, b, c)) ? fs_read(&instance_fds, a, buffer, c) : -EFAULT;
  case SYS_write: return (buffer = in_window(r, b, c)) ? fs_write(&instance_fds, a, buffer, c) : -EFAULT;
  case SYS_getdents64: return (buffer = in_window(r, b, c)) ? fs_getdents64(&instance_fds, a, buffer, c) : -EFAULT;
  case SYS_open: return open_file(r, a, b);
  case SYS_stat: return stat_file(r, a, in_window(r, b, sizeof(struct stat)));
  case SYS_fstat: return (buffer = in_window(r, b, sizeof(struct stat))) ? fs_fstat(&instance_fds, a, buffer) : -EFAULT;
  case SYS_pipe: return (buffer = in_window(r, a, 2 * sizeof(i32))) ? fs_pipe(&files, &instance_fds, buffer) : -EFAULT;
  case SYS_uname: return tell_name(in_window(r, a, sizeof(struct utsname)));
  default: return -ENOSYS;
  }
}
