/*
 * A server that misbehaves as its caller asks: for tests of what the hypervisor does then. Over the paths that lead through
 * kernels it does not answer; as a world it does what `awkward.h` lists.
 */
#include "awkward.h"
#include "../world/world.h"
#include "serve.h"

static u8 service_stack[4096], world_stack[4096] __attribute__((aligned(16)));
static i64 wid;

static void spin(void) {
  for (;;) __asm__ volatile("pause");
}

static void service(u64 window) {
  (void)window;
  spin();
}

i64 world_service(u64 what, u64 unused, u64 caller) {
  (void)unused, (void)caller;
  switch (what) {
  case AWKWARD_ANSWER: return AWKWARD_VALUE;
  case AWKWARD_SPIN: spin(); return 0;
  case AWKWARD_CRASH: __asm__ volatile("ud2"); return 0;
  case AWKWARD_DROP: return syscall(SYS_world_drop, wid, 0, 0);
  default: return -ENOSYS;
  }
}

int main(int count, char **arguments) {
  i64 error = serve_prepare(MACHINE(CLIENT));
  (void)count, (void)arguments;
  if (!error) error = syscall(SYS_service_entry, (u64)service, (u64)service_stack + sizeof service_stack - 8, 0);
  this_world.stack_top = (u64)world_stack + sizeof world_stack;
  this_world.allowed_machines = MACHINE(CLIENT);
  wid = syscall(SYS_world_register, (u64)world_entry, WORLD_KEEP_IF, (u64)&this_world.call);
  if (!error) {
    i64 call = machine_park(0);
    const struct request *request = (const struct request *)USER_WINDOW(CALL_WINDOW(call));
    if (request->number == AWKWARD_END) return 0;
    spin();
  }
  return 1;
}
