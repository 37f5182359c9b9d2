/*
 * ShadowContext's dummy process in the untrusted machine: the context in which the inspecting tool's system calls are
 * executed. Over the original path the hypervisor enters it in ring 3.
 */
#include "../serve.h"

int main(int count, char **arguments) {
  i64 error = serve_prepare(MACHINE(CLIENT));
  (void)count, (void)arguments;
  if (!error) error = serve_in_ring_3(MACHINE(CLIENT));
  print("shadow-dummy: error %ld\n", -error);
  return 1;
}
