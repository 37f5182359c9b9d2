#include "string.h"

void *memcpy(void *to, const void *from, u64 size) {
  void *at = to;
  __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size)::"memory");
  return to;
}

void *memmove(void *to, const void *from, u64 size) {
  if (to <= from) return memcpy(to, from, size);
  for (u8 *t = to; size-- > 0;) t[size] = ((const u8 *)from)[size];
  return to;
}

void *memset(void *to, int value, u64 size) {
  void *at = to;
  __asm__ volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(value) : "memory");
  return to;
}

int memcmp(const void *a, const void *b, u64 size) {
  const u8 *x = a, *y = b;
  for (u64 n = 0; n < size; n++) {
    if (x[n] != y[n]) return x[n] - y[n];
  }
  return 0;
}

u64 strlen(const char *text) {
  u64 length = 0;
  while (text[length]) length++;
  return length;
}

int strcmp(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return (u8)*a - (u8)*b;
}
