#include "../lib/calls.h"

int main(int count, char **arguments) {
  if (count < 3) {
    print("usage: grep TEXT FILE\n");
    return 2;
  }
  return utility_grep(&local_calls, &standard_output, arguments[1], arguments[2]);
}
