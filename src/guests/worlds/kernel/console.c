/* The console: the 16550 serial port at 3F8H, written byte by byte. */
#include "cpu.h"
#include "kernel.h"

#define COM1 0x3f8
#define LINE_STATUS (COM1 + 5)
#define TRANSMITTER_EMPTY 0x20

static void put(struct sink *sink, const char *text, u64 length) {
  (void)sink;
  while (length-- > 0) {
    while (!(inb(LINE_STATUS) & TRANSMITTER_EMPTY)) {}
    outb(COM1, *text++);
  }
}

static struct sink console = { put };

void print(const char *pattern, ...) {
  va_list values;
  va_start(values, pattern);
  format_list(&console, pattern, values);
  va_end(values);
}

void panic(const char *pattern, ...) {
  va_list values;
  va_start(values, pattern);
  print("kernel: ");
  format_list(&console, pattern, values);
  print("\n");
  va_end(values);
  machine_exit(0x7f);
}

/* ---- /dev/console: output only; who reads finds its end. ---- */

static i64 device_read(struct node *node, u64 offset, void *buffer, u64 size) {
  (void)node, (void)offset, (void)buffer, (void)size;
  return 0;
}

static i64 device_write(struct node *node, u64 offset, const void *buffer, u64 size) {
  (void)node, (void)offset;
  put(&console, buffer, size);
  return size;
}

static const struct operations operations = { .read = device_read, .write = device_write };

void console_mount(struct fs *fs) {
  struct node *directory;
  if (fs_create(fs, "/dev", S_IFDIR | 0755, &directory)) panic("no memory for /dev");
  struct node *device = node_new(fs, &operations, "console", 7, S_IFCHR | 0600);
  if (!device) panic("no memory for /dev/console");
  ram_attach(directory, device);
  node_release(directory);
}
