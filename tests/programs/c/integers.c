/* Integer arithmetic the compiler makes of C: 128 bits, overflow checks, bit fields, shifts, divisions, structures by value. */
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef unsigned __int128 u128;
static uint64_t state = 1;
static uint64_t next(void) {
  state ^= state << 7;
  state ^= state >> 9;
  return state * 0x2545f4914f6cdd1dull;
}
static uint64_t hash = 14695981039346656037ull;
static void mix(uint64_t value) { hash = (hash ^ value) * 1099511628211ull; }

struct fields {
  unsigned a : 3;
  int b : 5;
  unsigned long long c : 40;
  int d : 16;
};
struct large {
  long x[5];
  double y;
};
struct pair {
  int i;
  float f;
};
static struct large twice(struct large value) {
  for (int i = 0; i < 5; i++) value.x[i] *= 2;
  value.y *= 2;
  return value;
}
static struct pair swap(struct pair p, int n, ...) {
  va_list list;
  va_start(list, n);
  for (int i = 0; i < n; i++) {
    p.i += va_arg(list, int);
    p.f += (float)va_arg(list, double);
  }
  va_end(list);
  return p;
}
static int choose(unsigned n) {
  switch (n) {
    case 0: return 5;
    case 1: return 17;
    case 2: return -4;
    case 3: return 99;
    case 4: return 1000;
    case 5: return 3;
    case 100: return 8;
    case 1000000: return 9;
    default: return (int)n;
  }
}

int main(void) {
  for (int i = 0; i < 3000; i++) {
    uint64_t a = next() >> (i % 60), b = next() >> (i % 53);
    int64_t s = (int64_t)a, t = (int64_t)b;
    if (b == 0) b = t = 1;
    u128 product = (u128)a * b;
    __int128 signed_product = (__int128)s * t;
    mix((uint64_t)(product >> 64)), mix((uint64_t)product), mix((uint64_t)(signed_product >> 64));
    mix((uint64_t)((product + i) / b)), mix((uint64_t)(product % (b | 1)));
    mix(a / b), mix(a % b);
    if (!(s == INT64_MIN && t == -1)) mix((uint64_t)(s / t)), mix((uint64_t)(s % t));
    if ((int32_t)t != 0 && (int32_t)t != -1) mix((uint64_t)((int32_t)s / (int32_t)t)), mix((uint64_t)((int32_t)s % (int32_t)t));
    if ((int16_t)t != 0) mix((uint64_t)((int16_t)s / (int16_t)t)), mix((uint16_t)a / (uint16_t)(b | 1));
    if ((int8_t)t != 0) mix((uint64_t)((int8_t)s / (int8_t)t)), mix((uint8_t)a % (uint8_t)(b | 1));
    mix(a / 10), mix((uint32_t)a / 7), mix((uint64_t)(s / 1000)), mix((uint64_t)(s % 16)), mix(a % 641);
    mix(a << (b & 63)), mix(a >> (b & 63)), mix((uint64_t)(s >> (b & 63)));
    mix((uint32_t)a << (b & 31)), mix((uint32_t)a >> (b & 31)), mix((uint64_t)((int32_t)s >> (b & 31)));
    mix(a << (b & 63) | a >> (-b & 63)), mix((uint16_t)((uint16_t)a << (b & 15) | (uint16_t)a >> (-b & 15)));
    int64_t result;
    int32_t result32;
    mix(__builtin_add_overflow(s, t, &result)), mix((uint64_t)result);
    mix(__builtin_mul_overflow(s, t, &result)), mix((uint64_t)result);
    mix(__builtin_sub_overflow((int32_t)s, (int32_t)t, &result32)), mix((uint64_t)result32);
    mix((product << (i % 128)) >> 64), mix((uint64_t)(signed_product >> (i % 128)));
    mix(__builtin_popcountll(a)), mix(__builtin_parityll(a)), mix(a != 0 ? __builtin_clzll(a) + __builtin_ctzll(a) : 0);
    mix(__builtin_bswap32((uint32_t)a)), mix(__builtin_bswap16((uint16_t)a));
    mix(a < b), mix(s < t), mix((uint8_t)a > (uint8_t)b), mix((int8_t)a > (int8_t)b), mix((u128)a << 64 < product);
    mix((uint64_t)choose((unsigned)a % 8)), mix((uint64_t)choose((unsigned)(i == 7 ? 100 : i)));
    struct fields f = {.a = (unsigned)a & 7, .b = (int)(b & 15), .c = a & 0xffffffffff, .d = (int16_t)b};
    f.a += 3, f.b -= 9, f.c *= 3, f.d >>= 2;
    mix(f.a), mix((uint64_t)f.b), mix(f.c), mix((uint64_t)f.d);
  }
  printf("%016" PRIx64 "\n", hash);
  struct large value = {{1, 2, 3, 4, 5}, 0.5};
  value = twice(twice(value));
  printf("%ld %ld %g\n", value.x[0], value.x[4], value.y);
  struct pair p = swap((struct pair){1, 0.5f}, 3, 10, 1.5, 20, 2.5, 30, 3.5);
  printf("%d %g\n", p.i, p.f);
  printf("%d %d %d %d\n", INT_MAX / -1, choose(1000000), (int)(signed char)0x80, (unsigned short)-1);
  return (int)(hash & 0x7f);
}
