/* Takes memory until there is none: malloc fails, or the program is killed as Linux would. */
#include <stdlib.h>
#include <string.h>
static char *volatile kept;
int main(void) {
  for (;;) {
    kept = malloc(1 << 20);
    if (kept == NULL) return 77;
    memset(kept, 1, 1 << 20);
  }
}
