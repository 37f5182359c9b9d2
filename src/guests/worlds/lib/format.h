/* Formatted output, as printf's. */
#ifndef WORLDS_FORMAT_H
#define WORLDS_FORMAT_H
#include <stdarg.h>
#include "string.h"

/* Where text goes. Those who need more than a function put a sink at the beginning of a structure of theirs. */
struct sink {
  void (*put)(struct sink *, const char *text, u64 length);
};

/* %s %c %d %u %x %%, with a width, `-` to align left, `0` to fill with zeros, `l` for 64 bits. */
void format(struct sink *, const char *pattern, ...) __attribute__((format(printf, 2, 3)));
void format_list(struct sink *, const char *pattern, va_list);
/* Into a buffer, with a 0 at the end. Gives the length; what does not fit is left out. */
u64 format_text(char *buffer, u64 size, const char *pattern, ...) __attribute__((format(printf, 3, 4)));
u64 format_text_list(char *buffer, u64 size, const char *pattern, va_list);
/* Copies a text and its end, as much as fits into `size` bytes. */
void copy_text(char *to, const char *from, u64 size);
#endif
