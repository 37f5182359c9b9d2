/* Memory of the hypervisor's own, and the files of the initrd (a ustar archive). */
#include "hypervisor.h"

/* Above what multiboot loads, below the machines' RAM. */
#define HEAP_START 0x2000000ul
#define HEAP_END 0x4000000ul

const u8 *initrd;
u64 initrd_size;
static u64 next_page = HEAP_START;

void fill(void *to, u8 value, u64 size) {
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
}
void copy(void *to, const void *from, u64 size) {
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size)::"memory");
}
int is_equal(const char *a, const char *b, u64 size) {
  for (u64 n = 0; n < size; n++) {
    if (a[n] != b[n]) return 0;
  }
  return 1;
}
u64 length(const char *s) {
  u64 n = 0;
  while (s[n]) n++;
  return n;
}

/* Compilers call these by themselves. */
void *memset(void *to, int value, u64 size) {
  fill(to, value, size);
  return to;
}
void *memcpy(void *to, const void *from, u64 size) {
  copy(to, from, size);
  return to;
}

/* Pages full of zeros. */
void *allocate_pages(u64 count) {
  u64 at = next_page;
  next_page += count * PAGE;
  if (next_page > HEAP_END) panic("out of memory", count);
  fill((void *)at, 0, count * PAGE);
  return (void *)at;
}

#define TAR_BLOCK 512
#define TAR_NAME_SIZE 100
#define TAR_SIZE_FIELD 124

static u64 octal(const u8 *digits) {
  u64 value = 0;
  for (; *digits >= '0' && *digits <= '7'; digits++) value = value * 8 + *digits - '0';
  return value;
}

u64 find_file(const char *name, const u8 **data) {
  for (u64 at = 0; at + TAR_BLOCK <= initrd_size && initrd[at];) {
    const char *entry = (const char *)initrd + at;
    u64 size = octal(initrd + at + TAR_SIZE_FIELD);
    if (entry[0] == '.' && entry[1] == '/') entry += 2;
    if (length(name) < TAR_NAME_SIZE && is_equal(entry, name, length(name) + 1)) {
      *data = initrd + at + TAR_BLOCK;
      return size;
    }
    at += TAR_BLOCK + (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
  }
  return 0;
}
