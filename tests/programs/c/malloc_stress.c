/* malloc, realloc, calloc, aligned_alloc and free in random order; each block keeps its pattern. */
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 256, ROUNDS = 12000 };
static unsigned char *block[SLOTS];
static size_t size[SLOTS];
static uint64_t state = 42;
static unsigned next(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(state >> 33);
}

static int intact(int slot) {
  for (size_t i = 0; i < size[slot]; i += size[slot] / 16 + 1) {
    if (block[slot][i] != (unsigned char)(slot + i * 7)) return 0;
  }
  return 1;
}
static void fill(int slot) {
  for (size_t i = 0; i < size[slot]; i += size[slot] / 16 + 1) block[slot][i] = (unsigned char)(slot + i * 7);
}

int main(void) {
  unsigned long total = 0, broken = 0, moved = 0;
  for (int i = 0; i < ROUNDS; i++) {
    int slot = next() % SLOTS;
    size_t wanted = next() % 100 == 0 ? next() % 300000 : 1 + next() % 2000;
    if (block[slot] != NULL) broken += !intact(slot);
    switch (next() % 4) {
      case 0:
        free(block[slot]);
        block[slot] = malloc(wanted);
        break;
      case 1: {
        size_t kept = size[slot] < wanted ? size[slot] : wanted;
        unsigned char *grown = realloc(block[slot], wanted);
        for (size_t k = 0; k < kept; k += size[slot] / 16 + 1) moved += grown[k] != (unsigned char)(slot + k * 7);
        block[slot] = grown;
        break;
      }
      case 2:
        free(block[slot]);
        block[slot] = calloc(wanted, 1);
        for (size_t k = 0; k < wanted; k += 97) broken += block[slot][k] != 0;
        break;
      default:
        free(block[slot]);
        block[slot] = aligned_alloc(64, (wanted + 63) / 64 * 64);
        broken += (uintptr_t)block[slot] % 64 != 0;
    }
    if (block[slot] == NULL) return 1;
    size[slot] = wanted;
    total += wanted;
    fill(slot);
  }
  for (int i = 0; i < SLOTS; i++) free(block[i]);
  printf("allocated %lu, broken %lu, wrongly moved %lu\n", total, broken, moved);
  volatile size_t huge = (size_t)1 << 60;
  printf("huge %d\n", malloc(huge) == NULL);
  char *large = malloc(20 << 20);
  memset(large, 1, 20 << 20);
  large = realloc(large, 40 << 20);
  printf("%d\n", large[(20 << 20) - 1]);
  free(large);
  return 0;
}
