/* The smallest guest worth having: greets whoever its arguments name, with the exit code of how many there were. */
#include <stdio.h>

int main(int argc, char **argv) {
  if (argc < 2) puts("Hello, world!");
  for (int i = 1; i < argc; i++) printf("Hello, %s!\n", argv[i]);
  return argc - 1;
}
