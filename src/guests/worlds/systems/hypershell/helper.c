/*
 * Hyper-Shell's helper in the machine that is managed: over the original path the hypervisor enters it in ring 3, and it
 * makes the system calls that the shell asks for.
 */
#include "../serve.h"

int main(int count, char **arguments) {
  u64 machines = MACHINE(HOST_ID) | MACHINE(CLIENT);
  i64 error = serve_prepare(machines);
  (void)count, (void)arguments;
  if (!error) error = serve_in_ring_3(machines);
  print("hypershell-helper: error %ld\n", -error);
  return 1;
}
