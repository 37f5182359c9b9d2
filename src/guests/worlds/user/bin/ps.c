#include "../lib/calls.h"

int main(int count, char **arguments) {
  (void)count, (void)arguments;
  return utility_ps(&local_calls, &standard_output);
}
