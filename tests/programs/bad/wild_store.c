/* Writes over its own stack and returns. */
#include <string.h>
int main(void) {
  volatile char here[8];
  memset((char *)here, 0x41, 200);
  return here[3];
}
