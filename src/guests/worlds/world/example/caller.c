/* Calls the world of adder.c. To call, a program must be a world itself: that is how the callee learns who it is. */
#include "../../user/lib/user.h"
#include "../world.h"

#define ADDERS_MACHINE 1
#define USER_LEVEL 3

int main(int count, char **arguments) {
  i64 adder = syscall(SYS_world_find, ADDERS_MACHINE, USER_LEVEL, 0);
  i64 self = syscall(SYS_world_register, (u64)world_entry, WORLD_KEEP_IF, (u64)&this_world.call);
  (void)count, (void)arguments;
  if (adder < 0 || self < 0) {
    print("caller: no world to call, or none to call from\n");
    return 1;
  }
  print("40 + 2 = %ld\n", world_call(adder, 40, 2));
  return 0;
}
