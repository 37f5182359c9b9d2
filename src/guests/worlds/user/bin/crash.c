/* crash WAY: does what user programs may not do. The kernel ends them, and goes on. */
#include "../lib/user.h"

#define KERNEL_ADDRESS 0x400000ul

static void run(const char *way) {
  if (strcmp(way, "read") == 0) *(volatile u8 *)0x8000000000ul;
  if (strcmp(way, "kernel") == 0) *(volatile u8 *)KERNEL_ADDRESS = 0;
  if (strcmp(way, "code") == 0) *(volatile u8 *)(u64)main = 0xcc;
  if (strcmp(way, "stack") == 0) {
    u8 instruction = 0xc3; /* RET: data is not executable */
    ((void (*)(void))(u64)&instruction)();
  }
  if (strcmp(way, "divide") == 0) __asm__ volatile("div %%ecx" ::"a"(1), "c"(0), "d"(0));
  if (strcmp(way, "undefined") == 0) __asm__ volatile("ud2");
  if (strcmp(way, "privileged") == 0) __asm__ volatile("mov %%rax, %%cr3" ::"a"(0));
  if (strcmp(way, "port") == 0) __asm__ volatile("outb %%al, %%dx" ::"a"(0), "d"(EXIT_PORT));
  if (strcmp(way, "interrupts") == 0) __asm__ volatile("cli");
  if (strcmp(way, "address") == 0) __asm__ volatile("mov (%%rax), %%eax" ::"a"(1ul << 63));
  if (strcmp(way, "float") == 0) __asm__ volatile("fldz");
}

int main(int count, char **arguments) {
  if (count > 1) run(arguments[1]);
  print("crash: %s went well\n", count > 1 ? arguments[1] : "nothing");
  return 1;
}
