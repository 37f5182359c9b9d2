/* cat [FILE]: a file, or descriptor 0, to descriptor 1. */
#include "../lib/user.h"

int main(int count, char **arguments) {
  i64 fd = count > 1 ? open(arguments[1], O_RDONLY) : 0;
  if (fd < 0) {
    print("cat: %s: error %ld\n", arguments[1], -fd);
    return 1;
  }
  char buffer[512];
  i64 length;
  while ((length = read(fd, buffer, sizeof buffer)) > 0) {
    if (write(1, buffer, length) != length) return 1;
  }
  return length < 0;
}
