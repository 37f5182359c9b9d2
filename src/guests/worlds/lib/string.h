/* The few functions of C's <string.h> that freestanding code needs; the compiler calls some of them by itself. */
#ifndef WORLDS_STRING_H
#define WORLDS_STRING_H
#include "../abi.h"

#define NULL ((void *)0)

void *memcpy(void *to, const void *from, u64 size);
void *memmove(void *to, const void *from, u64 size);
void *memset(void *to, int value, u64 size);
int memcmp(const void *a, const void *b, u64 size);
u64 strlen(const char *text);
int strcmp(const char *a, const char *b);
#endif
