/* sprintf and strtod of the same numbers, strtol, sscanf: what is printed is read back bit by bit. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 88172645463325252u;
static uint64_t next(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

int main(void) {
  int wrong = 0;
  uint64_t hash = 0;
  for (int i = 0; i < 60; i++) {
    uint64_t bits = next();
    if ((bits >> 52 & 0x7ff) == 0x7ff) continue;
    double value, again;
    memcpy(&value, &bits, 8);
    char text[64], hex[64];
    sprintf(text, "%.17g", value);
    sprintf(hex, "%a", value);
    again = strtod(text, NULL);
    wrong += memcmp(&value, &again, 8) != 0;
    again = strtod(hex, NULL);
    wrong += memcmp(&value, &again, 8) != 0;
    float single = strtof(text, NULL);
    uint32_t word;
    memcpy(&word, &single, 4);
    hash = hash * 31 + word;
    for (char *c = text; *c != 0; c++) hash = hash * 131 + (unsigned char)*c;
  }
  for (int i = 0; i < 6; i++) {
    uint64_t significand = next() | 1ull << 63;
    uint16_t exponent = (uint16_t)(next() % 0x7ffe + 1);
    long double value = 0, again;
    memcpy(&value, &significand, 8);
    memcpy((char *)&value + 8, &exponent, 2);
    char text[64];
    sprintf(text, "%.21Lg", value);
    again = strtold(text, NULL);
    wrong += value != again;
    for (char *c = text; *c != 0; c++) hash = hash * 131 + (unsigned char)*c;
  }
  printf("wrong %d, hash %016llx\n", wrong, (unsigned long long)hash);
  const char *texts[] = {"1e400", "-1e-400", "nan", "-inf", "0x1.8p3", "1.7976931348623159e308", "4.9e-324", "2.4e-324", "  12abc", "."};
  for (int i = 0; i < 10; i++) {
    char *end;
    errno = 0;
    double value = strtod(texts[i], &end);
    printf("%s -> %.17g, %d left, range %d\n", texts[i], value, (int)strlen(end), errno == ERANGE);
  }
  errno = 0;
  printf("%ld %lld %lu %ld %d\n", strtol("-0x7f", NULL, 0), strtoll("777", NULL, 8), strtoul("zz", NULL, 36),
         strtol("99999999999999999999", NULL, 10), errno == ERANGE);
  int a, n;
  double b;
  long double c;
  char word[16], set[16];
  n = sscanf("12 -3.25e2 1.125 word [xyz] tail", "%d %lf %Lf %15s [%15[x-z]]", &a, &b, &c, word, set);
  printf("%d: %d %g %Lg %s %s\n", n, a, b, c, word, set);
  return wrong != 0;
}
