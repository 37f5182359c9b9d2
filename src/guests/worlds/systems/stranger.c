/* Somebody whom no server's policy lists. It tries to call over the path that it is told, and must be refused. */
#include "remote.h"

#define KERNEL_LEVEL 0
#define USER_LEVEL 3

int main(int count, char **arguments) {
  i64 result = count < 2 ? -EINVAL : remote_connect(arguments[1], KERNEL_LEVEL);
  if (result == -ENOENT) result = remote_connect(arguments[1], USER_LEVEL);
  if (!result) result = remote_request(SYS_getpid, 0, 0, 0);
  if (result != -EPERM) {
    print("the stranger was not refused: %ld\n", result);
    return 1;
  }
  print("refused stranger EPERM\n");
  return 0;
}
