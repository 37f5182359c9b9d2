#include "user.h"

static void put(struct sink *sink, const char *text, u64 length) {
  (void)sink;
  while (length > 0) {
    i64 count = write(1, text, length);
    if (count <= 0) return;
    text += count;
    length -= count;
  }
}

struct sink standard_output = { put };

/* A line is put together first, so that it reaches the console in one piece. */
void print(const char *pattern, ...) {
  char text[512];
  va_list values;
  va_start(values, pattern);
  u64 length = format_text_list(text, sizeof text, pattern, values);
  va_end(values);
  put(&standard_output, text, length);
}
