/*
 * Tahoma's browser operating system: a process of the manager machine that serves browser instances at user level.
 *   original   its kernel hands it the requests, one system call each
 *   vmfunc     the instance's kernel enters its kernel, which enters it at service() and comes back by a system call
 *   crossover  its address space at CPL 3 is a world: instances call it directly
 */
#include "../serve.h"
#include "../../world/world.h"
#include "os.h"

#define STACK_SIZE 0x4000

static u8 service_stack[STACK_SIZE], world_stack[STACK_SIZE] __attribute__((aligned(16)));

/* Entered by the kernel, for a call over VMFUNC. */
static void service(u64 window) {
  for (;;) syscall(SYS_service_return, serve_instance(window), 0, 0);
}

/* Entered by the world library. The window is the caller's own, or nothing is served. */
i64 world_service(u64 window, u64 unused, u64 caller) {
  (void)unused;
  return window == world_owner(caller) ? serve_instance(window) : -EPERM;
}

static i64 prepare(u64 machines) {
  i64 error = files_init();
  if (!error) error = serve_prepare(machines);
  /* One word below the end: as if a CALL had pushed a return address. */
  if (!error) error = syscall(SYS_service_entry, (u64)service, (u64)service_stack + STACK_SIZE - 8, 0);
  this_world.stack_top = (u64)world_stack + STACK_SIZE;
  this_world.allowed_machines = machines;
  if (!error) {
    i64 world = syscall(SYS_world_register, (u64)world_entry, WORLD_KEEP_IF, (u64)&this_world.call);
    if (world < 0 && world != -ENOSYS) error = world;
  }
  return error;
}

int main(int count, char **arguments) {
  i64 result = prepare(MACHINE(CLIENT));
  (void)count, (void)arguments;
  while (result >= 0) {
    static i64 answer;
    result = syscall(SYS_serve, answer, 0, 0);
    if (result >= 0) answer = serve_instance(CALL_WINDOW(result));
  }
  print("tahoma-os: error %ld\n", -result);
  return 1;
}
