#include "../lib/calls.h"

int main(int count, char **arguments) {
  (void)count, (void)arguments;
  return utility_uptime(&local_calls, &standard_output);
}
