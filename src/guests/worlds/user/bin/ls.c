#include "../lib/calls.h"

int main(int count, char **arguments) {
  return utility_ls(&local_calls, &standard_output, count > 1 ? arguments[1] : "/");
}
