/* The system calls that Linux does not have, and the table of all of these. */
#include "kernel.h"

/* Collects the arguments of a new program into one block, each with its 0. */
static i64 collect(u64 argv, char block[ARGUMENTS_SIZE], u64 *size) {
  *size = 0;
  for (;; argv += sizeof(u64)) {
    if (!user_may(current->root, (void *)argv, sizeof(u64), 0)) return -EFAULT;
    u64 argument = *(u64 *)argv;
    if (!argument) return 0;
    i64 error = copy_user_text(block + *size, argument, ARGUMENTS_SIZE - *size);
    if (error) return error;
    *size += strlen(block + *size) + 1;
  }
}

static i64 sys_spawn(u64 path, u64 argv, u64 fds) {
  char text[PATH_SIZE], arguments[ARGUMENTS_SIZE];
  u64 size;
  i64 error = copy_user_text(text, path, sizeof text);
  if (!error) error = collect(argv, arguments, &size);
  if (!error && fds && !user_may(current->root, (void *)fds, 3 * sizeof(i32), 0)) error = -EFAULT;
  return error ? error : process_spawn(text, arguments, size, (const i32 *)fds);
}

static i64 sys_vm_id(u64 a, u64 b, u64 c) {
  (void)a, (void)b, (void)c;
  return have_hypervisor() ? hypercall(HC_VM_ID, 0, 0, 0) : 0;
}

static i64 sys_window_map(u64 window, u64 b, u64 c) {
  (void)b, (void)c;
  if (!have_hypervisor()) return -ENOSYS;
  if (window >= WINDOWS) return -EINVAL;
  for (u64 at = 0; at < WINDOW_SIZE; at += PAGE_SIZE) {
    u64 entry = (WINDOW_GPA(window) + at) | PAGE_WRITABLE | PAGE_NO_EXECUTE | PAGE_KEPT;
    i64 error = map_page(current->root, USER_WINDOW(window) + at, entry);
    if (error && error != -EEXIST) return error;
  }
  return USER_WINDOW(window);
}

#define OWN(number) [number - OWN_SYSCALLS_START]
syscall_handler *const own_syscalls[OWN_SYSCALLS] = {
  OWN(SYS_spawn) = sys_spawn,
  OWN(SYS_vm_id) = sys_vm_id,
  OWN(SYS_window_map) = sys_window_map,
  OWN(SYS_serve_allow) = sys_serve_allow,
  OWN(SYS_serve) = sys_serve,
  OWN(SYS_service_entry) = sys_service_entry,
  OWN(SYS_service_return) = sys_service_return,
  OWN(SYS_remote_call) = sys_remote_call,
  OWN(SYS_view_open) = sys_view_open,
  OWN(SYS_view_call) = sys_view_call,
  OWN(SYS_world_register) = sys_world_register,
  OWN(SYS_world_serve) = sys_world_serve,
  OWN(SYS_world_allow) = sys_world_allow,
  OWN(SYS_world_drop) = sys_world_drop,
  OWN(SYS_world_find) = sys_world_find,
};
