/* What small controllers do all day: a linked list, a matrix, a state machine, a CRC. Argument: rounds. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node { struct node *next; int16_t key, value; };
#define NODES 600
static struct node nodes[NODES];

static struct node *sorted(struct node *list) {
  /* Merge sort of a list, by key, bottom-up. */
  for (int width = 1;; width *= 2) {
    struct node *p = list, *tail = NULL;
    int merges = 0;
    list = NULL;
    while (p) {
      struct node *q = p;
      int left = 0, right = width;
      merges++;
      while (q && left < width) q = q->next, left++;
      while (left > 0 || (right > 0 && q)) {
        struct node *e;
        if (left > 0 && (right == 0 || !q || p->key <= q->key)) e = p, p = p->next, left--;
        else e = q, q = q->next, right--;
        if (tail) tail->next = e;
        else list = e;
        tail = e;
      }
      p = q;
    }
    tail->next = NULL;
    if (merges <= 1) return list;
  }
}

static uint16_t crc(uint16_t c, uint32_t data) {
  for (int i = 0; i < 32; i++, data >>= 1) c = (c >> 1) ^ (((c ^ data) & 1) ? 0xa001 : 0);
  return c;
}

static uint32_t listRound(uint32_t seed) {
  for (int i = 0; i < NODES; i++) {
    seed = seed * 1664525u + 1013904223u;
    nodes[i].key = seed >> 16;
    nodes[i].value = i;
    nodes[i].next = i + 1 < NODES ? &nodes[i + 1] : NULL;
  }
  uint32_t sum = 0, at = 0;
  for (struct node *n = sorted(nodes); n; n = n->next) sum += n->value * ++at;
  return sum;
}

#define N 24
static int32_t a[N][N], b[N][N], c[N][N];
static uint32_t matrixRound(uint32_t seed) {
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) a[i][j] = (seed + i * j) & 0xff, b[i][j] = (seed ^ (i + 3 * j)) & 0x7f;
  uint32_t sum = 0;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      int32_t s = 0;
      for (int k = 0; k < N; k++) s += a[i][k] * b[k][j];
      c[i][j] = s;
      sum = sum * 31 + (s >> 3);
    }
  return sum;
}

enum state { START, SIGN, INTEGER, POINT, FRACTION, EXPONENT, EXPONENT_DIGITS, INVALID, STATES };
static enum state step(enum state s, char ch) {
  int digit = ch >= '0' && ch <= '9';
  switch (s) {
    case START: return digit ? INTEGER : ch == '+' || ch == '-' ? SIGN : ch == '.' ? POINT : INVALID;
    case SIGN: return digit ? INTEGER : ch == '.' ? POINT : INVALID;
    case INTEGER: return digit ? INTEGER : ch == '.' ? POINT : ch == 'e' ? EXPONENT : INVALID;
    case POINT: return digit ? FRACTION : INVALID;
    case FRACTION: return digit ? FRACTION : ch == 'e' ? EXPONENT : INVALID;
    case EXPONENT: return digit || ch == '-' ? EXPONENT_DIGITS : INVALID;
    case EXPONENT_DIGITS: return digit ? EXPONENT_DIGITS : INVALID;
    default: return INVALID;
  }
}
static uint32_t machineRound(uint32_t seed) {
  static const char *const pieces[] = {"123", "-4.5", "+.25e7", "1e-9", "abc", "99.", "7e", "0.001", "-", "5012.5e3"};
  uint32_t counts[STATES] = {0};
  for (int i = 0; i < 120; i++) {
    const char *text = pieces[(seed + i * 7) % 10];
    enum state s = START;
    for (; *text; text++) counts[s = step(s, *text)]++;
  }
  uint32_t sum = 0;
  for (int i = 0; i < STATES; i++) sum = sum * 17 + counts[i];
  return sum;
}

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 1;
  uint16_t result = 0xffff;
  uint32_t seed = 7;
  for (int r = 0; r < rounds; r++) {
    result = crc(result, listRound(seed));
    result = crc(result, matrixRound(seed));
    result = crc(result, machineRound(seed));
    seed = seed * 69069u + result;
  }
  printf("%04x %08x\n", result, seed);
  return 0;
}
