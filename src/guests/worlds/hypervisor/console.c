/* Messages on the first serial port. */
#include "hypervisor.h"

#define COM1 0x3f8
#define PANIC_CODE 63

void text(const char *s) {
  while (*s) outb(COM1, *s++);
}

void hex(u64 value) {
  int shift = 60;
  while (shift && !(value >> shift & 15)) shift -= 4;
  for (; shift >= 0; shift -= 4) outb(COM1, "0123456789abcdef"[value >> shift & 15]);
}

/* Something went wrong that the hypervisor cannot lay on a machine. */
void panic(const char *why, u64 value) {
  text("hypervisor: ");
  text(why);
  text(" ");
  hex(value);
  text("\n");
  stop(PANIC_CODE);
}

/* The end of everything. On machines without the exit port the processor halts. */
void stop(u32 code) {
  outl(EXIT_PORT, code);
  for (;;) __asm__ volatile("cli; hlt");
}
