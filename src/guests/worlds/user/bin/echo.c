#include "../lib/user.h"

int main(int count, char **arguments) {
  for (int n = 1; n < count; n++) print(n + 1 < count ? "%s " : "%s\n", arguments[n]);
  return 0;
}
