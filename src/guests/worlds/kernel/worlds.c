/*
 * Worlds. A process becomes a world at CPL 3 with an entry point of its own; the kernel becomes one at CPL 0, in the
 * address space of the proxy, and serves with the world library's entry code. Each has this kernel's system context: who is
 * called could leave behind descriptor tables of its own, and they are not to outlive the call.
 */
#include "../world/world.h"
#include "remote.h"

static u64 kernel_world; /* WID; 0: the kernel is no world */

static i64 register_world(const struct world_description *given) {
  static struct world_description description __attribute__((aligned(16)));
  static struct system_context context __attribute__((aligned(16)));
  tables_describe(&context);
  description = *given;
  description.cr3 = current->cr3;
  description.system_context = (u64)&context;
  return hypercall(HC_WORLD_REGISTER, (u64)&description, 0, 0);
}

i64 sys_world_register(u64 entry, u64 flags, u64 record) {
  if (flags & ~(u64)WORLD_KEEP_IF) return -EINVAL;
  if (!user_may(current->root, (void *)entry, 1, 0)) return -EFAULT;
  if (record && !user_may(current->root, (void *)record, sizeof(struct call_record), PAGE_WRITABLE)) return -EFAULT;
  if (current->world) return -EEXIST;
  i64 world = register_world(&(struct world_description){
    .flags = WORLD_CPL(3) | flags,
    .cs = USER_CS,
    .ss = USER_SS,
    .entry = entry,
    .call_record = record ? (u64)user_byte(current->root, record) : 0,
  });
  if (world > 0) current->world = world;
  return world;
}

i64 sys_world_serve(u64 a, u64 b, u64 c) {
  (void)a, (void)b, (void)c;
  if (current != remote.proxy) return -EPERM;
  if (kernel_world) return kernel_world;
  this_world.stack_top = (u64)remote_stack_top;
  this_world.allowed_machines = remote.allowed_machines;
  i64 world = register_world(&(struct world_description){
    .flags = WORLD_CPL(0),
    .cs = KERNEL_CS,
    .ss = KERNEL_SS,
    .entry = (u64)world_entry,
  });
  if (world > 0) kernel_world = world;
  return world;
}

i64 sys_world_allow(u64 world, u64 b, u64 c) {
  (void)b, (void)c;
  if (!have_hypervisor()) return -ENOSYS;
  return current == remote.proxy ? world_allow(world) : -EPERM;
}

i64 sys_world_drop(u64 world, u64 b, u64 c) {
  (void)b, (void)c;
  if (world == 0) return -EINVAL;
  if (world == current->world) current->world = 0;
  else if (world == kernel_world && current == remote.proxy) kernel_world = 0;
  else return -EPERM;
  return hypercall(HC_WORLD_DROP, world, 0, 0);
}

i64 sys_world_find(u64 machine, u64 cpl, u64 c) {
  (void)c;
  return hypercall(HC_WORLD_FIND, machine, cpl, 0);
}

void kernel_world_end(void) {
  if (kernel_world) hypercall(HC_WORLD_DROP, kernel_world, 0, 0);
  kernel_world = 0;
}

/* A call from a world that the policy allows; its request lies in the window of its machine. */
i64 world_service(u64 window, u64 unused, u64 caller) {
  (void)unused;
  return window == world_owner(caller) ? remote_serve(window, 0) : -EPERM;
}
