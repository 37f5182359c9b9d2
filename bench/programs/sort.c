/* Sorting words with qsort through a comparison function, and searching strings. Argument: rounds. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 5000
static char text[WORDS][16];
static const char *order[WORDS];

static int compare(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }
static int compareNumbers(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 1;
  uint32_t seed = 1, sum = 0;
  static uint32_t numbers[WORDS];
  static char joined[WORDS * 16];
  for (int r = 0; r < rounds; r++) {
    for (int i = 0; i < WORDS; i++) {
      int length = 3 + (seed >> 28) % 11;
      for (int k = 0; k < length; k++) {
        seed = seed * 1664525u + 1013904223u;
        text[i][k] = 'a' + (seed >> 16) % 26;
      }
      text[i][length] = 0;
      order[i] = text[i];
      numbers[i] = seed;
    }
    qsort(order, WORDS, sizeof *order, compare);
    qsort(numbers, WORDS, sizeof *numbers, compareNumbers);
    char *end = joined;
    for (int i = 0; i < WORDS; i++) {
      size_t length = strlen(order[i]);
      memcpy(end, order[i], length);
      end += length;
      *end++ = ' ';
    }
    *end = 0;
    for (char *at = joined; (at = strstr(at, "ab")); at++) sum = sum * 31 + (uint32_t)(at - joined);
    for (int i = 0; i < WORDS; i += 97) sum = sum * 31 + numbers[i] + order[i][0];
    seed += sum;
  }
  printf("%08x\n", sum);
  return 0;
}
