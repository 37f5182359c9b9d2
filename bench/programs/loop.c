/* The hot loop of ARCHITECTURE.md: ten instructions a turn, with one 64-bit load and one store. Argument: turns. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t words[1024];

int main(int argc, char **argv) {
  uint64_t turns = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000, sum = 1, index = 0, value = 0;
  for (int i = 0; i < 1024; i++) words[i] = i * 0x9e3779b97f4a7c15u;
  __asm__ volatile(
      "1: mov (%[words],%[index],8), %[value]\n"
      "   add %[sum], %[value]\n"
      "   lea 13(%[value],%[value],4), %[sum]\n"
      "   shr $7, %[value]\n"
      "   xor %[value], %[sum]\n"
      "   mov %[sum], (%[words],%[index],8)\n"
      "   inc %[index]\n"
      "   and $1023, %[index]\n"
      "   dec %[turns]\n"
      "   jnz 1b\n"
      : [sum] "+r"(sum), [index] "+r"(index), [value] "+r"(value), [turns] "+r"(turns)
      : [words] "r"(words)
      : "memory", "cc");
  printf("%016llx\n", (unsigned long long)sum);
  return 0;
}
