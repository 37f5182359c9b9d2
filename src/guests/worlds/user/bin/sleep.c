/* sleep MILLISECONDS */
#include "../lib/user.h"

int main(int count, char **arguments) {
  u64 milliseconds = 0;
  for (const char *c = count > 1 ? arguments[1] : ""; *c >= '0' && *c <= '9'; c++) {
    milliseconds = 10 * milliseconds + (*c - '0');
  }
  struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };
  return nanosleep(&time) != 0;
}
