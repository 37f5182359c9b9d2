/*
 * The smallest world that serves: it adds two numbers for machine 2. Run it together with caller.c:
 * server=adder client=adder-caller path=crossover on the hypervisor's command line.
 */
#include "../../user/lib/user.h"
#include "../world.h"

/* Calls run on this stack, whatever the process was doing. */
static u8 stack[4096] __attribute__((aligned(16)));

/* world.S calls it, for callers that the policy allows. */
i64 world_service(u64 a, u64 b, u64 caller) {
  (void)caller;
  return a + b;
}

int main(int count, char **arguments) {
  i64 wid;
  (void)count, (void)arguments;
  /* First stack and policy, then the door: calls can come as soon as the world is registered. */
  this_world.stack_top = (u64)stack + sizeof stack;
  this_world.allowed_machines = 1 << 2;
  wid = syscall(SYS_world_register, (u64)world_entry, WORLD_KEEP_IF, 0);
  if (wid < 0) {
    print("adder: cannot become a world: error %ld\n", -wid);
    return 1;
  }
  /* Callers bring the processor's time with them. This process has nothing else to do, and neither has its machine. */
  machine_park(0);
  return 1;
}
