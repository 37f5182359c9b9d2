#include "format.h"

/* How a field is padded. */
struct field {
  u64 width;
  char left, zeros;
};

static void pad(struct sink *sink, u64 count, char with) {
  while (count-- > 0) sink->put(sink, &with, 1);
}

static void put_field(struct sink *sink, const struct field *field, const char *text, u64 length) {
  u64 missing = field->width > length ? field->width - length : 0;
  if (!field->left) pad(sink, missing, field->zeros ? '0' : ' ');
  sink->put(sink, text, length);
  if (field->left) pad(sink, missing, ' ');
}

static void put_number(struct sink *sink, const struct field *field, u64 value, u32 base, int negative) {
  char digits[24];
  u64 at = sizeof digits;
  do {
    digits[--at] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value);
  if (negative) digits[--at] = '-';
  put_field(sink, field, digits + at, sizeof digits - at);
}

void format_list(struct sink *sink, const char *pattern, va_list values) {
  for (;;) {
    const char *start = pattern;
    while (*pattern && *pattern != '%') pattern++;
    if (pattern > start) sink->put(sink, start, pattern - start);
    if (!*pattern++) return;
    struct field field = { 0, 0, 0 };
    int wide = 0;
    if (*pattern == '-') field.left = 1, pattern++;
    if (*pattern == '0') field.zeros = 1, pattern++;
    while (*pattern >= '0' && *pattern <= '9') field.width = 10 * field.width + (*pattern++ - '0');
    if (*pattern == 'l') wide = 1, pattern++;
    switch (*pattern++) {
    case 'd': {
      i64 value = wide ? va_arg(values, i64) : va_arg(values, int);
      put_number(sink, &field, value < 0 ? -(u64)value : (u64)value, 10, value < 0);
      break;
    }
    case 'u':
      put_number(sink, &field, wide ? va_arg(values, u64) : va_arg(values, u32), 10, 0);
      break;
    case 'x':
      put_number(sink, &field, wide ? va_arg(values, u64) : va_arg(values, u32), 16, 0);
      break;
    case 's': {
      const char *text = va_arg(values, const char *);
      put_field(sink, &field, text, strlen(text));
      break;
    }
    case 'c': {
      char c = va_arg(values, int);
      put_field(sink, &field, &c, 1);
      break;
    }
    default:
      sink->put(sink, "%", 1);
    }
  }
}

void format(struct sink *sink, const char *pattern, ...) {
  va_list values;
  va_start(values, pattern);
  format_list(sink, pattern, values);
  va_end(values);
}

struct buffer {
  struct sink sink;
  char *at, *end;
};

static void put_buffer(struct sink *sink, const char *text, u64 length) {
  struct buffer *buffer = (struct buffer *)sink;
  while (length-- > 0 && buffer->at < buffer->end) *buffer->at++ = *text++;
}

u64 format_text_list(char *text, u64 size, const char *pattern, va_list values) {
  struct buffer buffer = { { put_buffer }, text, text + size - 1 };
  format_list(&buffer.sink, pattern, values);
  *buffer.at = 0;
  return buffer.at - text;
}

u64 format_text(char *text, u64 size, const char *pattern, ...) {
  va_list values;
  va_start(values, pattern);
  u64 length = format_text_list(text, size, pattern, values);
  va_end(values);
  return length;
}

void copy_text(char *to, const char *from, u64 size) {
  while (size > 1 && *from) *to++ = *from++, size--;
  if (size) *to = 0;
}
