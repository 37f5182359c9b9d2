/* Integer hashing: a 64-bit mixing hash over a buffer that each round rewrites. Argument: rounds. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define WORDS 8192
static uint64_t words[WORDS];

static uint64_t mix(uint64_t h, uint64_t w) {
  w *= 0x87c37b91114253d5u;
  w = (w << 31) | (w >> 33);
  h ^= w * 0x4cf5ad432745937fu;
  h = (h << 27) | (h >> 37);
  return h * 5 + 0x52dce729;
}

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 1;
  uint64_t h = 42;
  uint32_t small = 2166136261u;
  for (int i = 0; i < WORDS; i++) words[i] = i * 0x9e3779b97f4a7c15u;
  for (int r = 0; r < rounds; r++) {
    for (int i = 0; i < WORDS; i++) {
      h = mix(h, words[i]);
      small = (small ^ (uint32_t)(h >> 11)) * 16777619u;
      words[i] += h ^ (h >> 29);
    }
  }
  printf("%016llx %08x\n", (unsigned long long)h, small);
  return 0;
}
