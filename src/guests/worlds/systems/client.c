/* A caller: connects and measures. */
#include "client.h"
#include "remote.h"
#include "workloads.h"

int client(int count, char **arguments, const struct calls *calls, u64 cpl) {
  i64 error = count < 3 ? -EINVAL : remote_connect(arguments[1], cpl);
  if (error) {
    print("%s: cannot connect: error %ld\n", arguments[0], -error);
    return 1;
  }
  run_workloads(calls, number(arguments[2]));
  print("done\n");
  return 0;
}
