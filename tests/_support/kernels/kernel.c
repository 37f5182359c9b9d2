#include "kernel.h"

enum { COM1 = 0x3f8, LINE_STATUS = COM1 + 5, HOLDING_EMPTY = 0x20, ALL_SENT = 0x40 };

/* Bochs' serial port takes its time: who does not wait loses characters. */
void put(char c) {
  while (!(inb(LINE_STATUS) & HOLDING_EMPTY)) {}
  outb(COM1, c);
}
void text(const char *s) {
  while (*s) put(*s++);
}
void hex(u64 v) {
  int shift = 60;
  while (shift && !(v >> shift & 15)) shift -= 4;
  for (; shift >= 0; shift -= 4) put("0123456789abcdef"[v >> shift & 15]);
}
void item(const char *name, u64 v) {
  put(' ');
  text(name);
  put('=');
  hex(v);
}
void drain(void) {
  while (!(inb(LINE_STATUS) & ALL_SENT)) {}
}

void quit(u32 code) {
  drain();
  outl(0xf4, code);
  for (const char *c = "Shutdown"; *c; c++) outb(0x8900, *c);
  for (;;) __asm__ volatile("cli; hlt");
}

u64 argument(const u32 *information, const char *name, u64 otherwise) {
  for (const char *c = (const char *)(u64)information[4]; *c; c++) {
    const char *n = name, *at = c;
    while (*n && *at == *n) at++, n++;
    if (*n || *at != '=') continue;
    u64 v = 0;
    while (*++at >= '0' && *at <= '9') v = 10 * v + *at - '0';
    return v;
  }
  return otherwise;
}

static struct { u16 low, selector, flags, middle; u32 high, zero; } idt[256];

/* entry.S has stubs for the first 128 vectors; the last one is taken for all others. */
void install_handlers(void) {
  for (int vector = 0; vector < 256; vector++) {
    u64 at = (u64)stubs + 16 * (vector < 128 ? vector : 127);
    idt[vector].low = at;
    idt[vector].selector = 8;
    idt[vector].flags = 0x8e00;
    idt[vector].middle = at >> 16;
    idt[vector].high = at >> 32;
  }
  struct { u16 limit; u64 base; } __attribute__((packed)) pointer = {sizeof idt - 1, (u64)idt};
  __asm__ volatile("lidt %0" ::"m"(pointer));
}

/* entry.S wants one; none of these kernels has system calls. */
u64 system_call(void) { return 0; }
