/*
 * A caller that is on the list and means harm: requests whose buffers lie outside the window, wrap around, or have no end;
 * calls that do not exist; wrong views and worlds. It prints what it gets, which is the same over all paths, and whether
 * the server still serves. Arguments: the path, how many random requests.
 */
#include "remote.h"
#include "workloads.h"

#define FNV_OFFSET 0xcbf29ce484222325
#define FNV_PRIME 0x100000001b3
#define FIRST_FD 3 /* the server's own console comes before */

static u8 *window;
static u64 seed = 88172645463325252;

static u64 random_below(u64 end) {
  seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
  return seed % end;
}

static void line(const char *what, i64 value) {
  print("%s: %ld\n", what, value);
}

static void put_path(u64 offset, const char *path) {
  memcpy(window + offset, path, strlen(path) + 1);
}

static void chosen_requests(void) {
  static const u64 bad[] = { 0, 8, WINDOW_DATA - 1, WINDOW_SIZE, WINDOW_SIZE - 1, 1ul << 32, 1ul << 63, -8ul };
  put_path(WINDOW_DATA, "/notes");
  i64 fd = remote_request(SYS_open, WINDOW_DATA, O_RDONLY, 0);
  line("a good open", fd >= FIRST_FD);
  for (u64 n = 0; n < sizeof bad / sizeof *bad; n++) {
    print("offset %lx: read %ld, stat %ld, open %ld, pipe %ld, name %ld, entries %ld\n", bad[n],
          remote_request(SYS_read, fd, bad[n], 8), remote_request(SYS_stat, WINDOW_DATA, bad[n], 0),
          remote_request(SYS_open, bad[n], O_RDONLY, 0), remote_request(SYS_pipe, bad[n], 0, 0),
          remote_request(SYS_uname, bad[n], 0, 0), remote_request(SYS_getdents64, fd, bad[n], 64));
  }
  line("a size that wraps around", remote_request(SYS_read, fd, WINDOW_DATA, -1ul));
  line("a size one too long", remote_request(SYS_read, fd, WINDOW_DATA, WINDOW_SIZE - WINDOW_DATA + 1));
  line("the longest", remote_request(SYS_read, fd, WINDOW_DATA, WINDOW_SIZE - WINDOW_DATA) > 0);
  memset(window + WINDOW_SIZE - 16, 'x', 16);
  line("a path without an end", remote_request(SYS_open, WINDOW_SIZE - 16, O_RDONLY, 0));
  memset(window + WINDOW_DATA, 'x', 1000);
  window[WINDOW_DATA + 1000] = 0;
  line("a long path", remote_request(SYS_open, WINDOW_DATA, O_RDONLY, 0));
  line("an address of the kernel's", remote_request(SYS_write, fd, 0x400000, 8));
  line("spawn", remote_request(SYS_spawn, WINDOW_DATA, WINDOW_DATA, 0));
  line("exit", remote_request(SYS_exit, 0, 0, 0));
  line("iopl", remote_request(SYS_iopl, 3, 0, 0));
  line("no call", remote_request(-1ul, 0, 0, 0));
  line("a descriptor that wraps around", remote_request(SYS_close, 1ul << 63, 0, 0));
  line("close", remote_request(SYS_close, fd, 0, 0));
  line("close again", remote_request(SYS_close, fd, 0, 0));
}

/* Requests of random numbers, of which many are almost right. Gives a hash of the results. */
static u64 random_requests(u64 count) {
  static const u64 numbers[] = { SYS_read, SYS_write, SYS_open, SYS_close, SYS_stat, SYS_fstat, SYS_getpid, SYS_uname,
                                 SYS_getdents64, SYS_serve, SYS_remote_call, 1u << 31 };
  static const char *const paths[] = { "/notes", "/scratch", "/proc/1/status", "/proc", "/none", "/notes/below" };
  u64 hash = FNV_OFFSET;
  for (u64 n = 0; n < count; n++) {
    u64 number = numbers[random_below(sizeof numbers / sizeof *numbers)];
    u64 offset = random_below(4) ? WINDOW_DATA + random_below(0x200) : random_below(WINDOW_SIZE + 64);
    u64 other = random_below(4) ? WINDOW_DATA + 0x1000 + random_below(0x200) : random_below(WINDOW_SIZE + 64);
    u64 size = random_below(4) ? random_below(300) : random_below(1ul << random_below(63));
    int takes_path = number == SYS_open || number == SYS_stat;
    u64 a = takes_path || number == SYS_uname ? offset : FIRST_FD + random_below(16);
    if (takes_path && offset >= WINDOW_DATA && offset < WINDOW_SIZE - 32) {
      put_path(offset, paths[random_below(sizeof paths / sizeof *paths)]);
    }
    u64 b = number == SYS_open ? random_below(4) : takes_path || number == SYS_fstat ? other : offset;
    hash = (hash ^ (u64)remote_request(number, a, b, size)) * FNV_PRIME;
  }
  return hash;
}

/* A hypercall from ring 3, past the kernel. */
static i64 hypercall(u64 number, u64 a, u64 b) {
  i64 result;
  __asm__ volatile("vmcall" : "=a"(result) : "a"(number), "D"(a), "S"(b) : "memory");
  return result;
}

static void hypercalls(void) {
  static const u64 numbers[] = { HC_VM_ID, HC_TIMER, HC_IDLE, HC_CALL, HC_WORLD_REGISTER,
                                 HC_WORLD_DROP, HC_VIEW_ALLOW, HC_VIEW, HC_EXIT };
  for (u64 n = 0; n < sizeof numbers / sizeof *numbers; n++) {
    print("hypercall %lu in ring 3: %ld\n", numbers[n], hypercall(numbers[n], 1, 1));
  }
}

static void wrong_callees(void) {
  line("a view that is not ours", syscall(SYS_view_call, 7, 0, 0) < 0);
  line("a view of nobody", syscall(SYS_view_open, 9, 0, 0) < 0);
  line("a call of nobody", syscall(SYS_remote_call, 9, 0, 0) < 0);
  line("somebody else's window", syscall(SYS_remote_call, SERVER, 3, 0) < 0);
  line("to be the proxy without being one", syscall(SYS_serve, 0, 0, 0));
  line("another's world", syscall(SYS_world_drop, 0x1000, 0, 0) < 0);
}

int main(int count, char **arguments) {
  i64 error = count < 3 ? -EINVAL : remote_connect(arguments[1], 0);
  if (error) {
    line("cannot connect", error);
    return 1;
  }
  window = (u8 *)USER_WINDOW(syscall(SYS_vm_id, 0, 0, 0));
  chosen_requests();
  print("random requests: %lx\n", random_requests(number(arguments[2])));
  wrong_callees();
  hypercalls();
  line("the server still serves", remote_request(SYS_getpid, 0, 0, 0));
  return 0;
}
