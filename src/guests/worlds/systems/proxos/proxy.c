/*
 * Proxos's process in the commodity machine. Over the original path its kernel wakes it for each request of the private
 * application, and it makes the system call. Over the other paths the kernel is entered directly, and works with this
 * process's descriptors.
 */
#include "../serve.h"

int main(int count, char **arguments) {
  i64 result = serve_prepare(MACHINE(CLIENT));
  (void)count, (void)arguments;
  while (result >= 0) {
    static i64 answer;
    result = syscall(SYS_serve, answer, 0, 0);
    if (result >= 0) answer = serve_by_system_call(CALL_WINDOW(result));
  }
  print("proxos-proxy: error %ld\n", -result);
  return 1;
}
