/*
 * A 32-bit multiboot kernel: repeats the lines typed at the serial port, which interrupts it through the 8259, until one
 * is "exit". Exit code 1: a write of 0 to port F4H.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;

__asm__(
  ".section .multiboot, \"a\"\n"
  ".align 4\n"
  ".long 0x1badb002, 0, -0x1badb002\n"
  ".text\n"
  ".globl _start\n"
  "_start:\n"
  "  mov $stack + 4096, %esp\n"
  "  call kernel_main\n"
  "serial_stub:\n"
  "  pusha\n"
  "  cld\n"
  "  call serial_interrupt\n"
  "  popa\n"
  "  iret\n");

extern u8 serial_stub[];
u8 stack[4096] __attribute__((used));

static inline void outb(u16 port, u8 v) { __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port)); }
static inline u8 inb(u16 port) {
  u8 v;
  __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
  return v;
}

static void text(const char *s) {
  while (*s) outb(0x3f8, *s++);
}

static char line[256];
static volatile u32 length, complete;

__attribute__((used)) void serial_interrupt(void) {
  inb(0x3fa);
  while (!complete && inb(0x3fd) & 1) {
    char c = inb(0x3f8);
    if (c == '\r' || c == '\n') {
      line[length] = 0;
      complete = 1;
      outb(0x3f9, 0); /* no more until this line is done */
    } else if (length < sizeof line - 1) {
      line[length++] = c;
    }
  }
  outb(0x20, 0x20);
}

static int is_exit(void) {
  return line[0] == 'e' && line[1] == 'x' && line[2] == 'i' && line[3] == 't' && !line[4];
}

__attribute__((used)) void kernel_main(void) {
  static struct { u16 limit; u32 base; } __attribute__((packed)) table;
  static u16 idt[4 * 0x30];
  static const u32 gdt[] = { 0, 0, 0x0000ffff, 0x00cf9b00, 0x0000ffff, 0x00cf9300 };
  table.limit = sizeof gdt - 1;
  table.base = (u32)gdt;
  __asm__ volatile("lgdt %0; ljmp $8, $1f; 1: mov %1, %%ds; mov %1, %%es; mov %1, %%ss" ::"m"(table), "r"(0x10));
  idt[4 * 0x24] = (u32)serial_stub;
  idt[4 * 0x24 + 1] = 8;
  idt[4 * 0x24 + 2] = 0x8e00;
  idt[4 * 0x24 + 3] = (u32)serial_stub >> 16;
  table.limit = sizeof idt - 1;
  table.base = (u32)idt;
  __asm__ volatile("lidt %0" ::"m"(table));
  static const u8 setup[] = { 0x11, 0x20, 4, 1, 0x11, 0x28, 2, 1 };
  for (int chip = 0; chip < 2; chip++) {
    u16 port = chip ? 0xa0 : 0x20;
    outb(port, setup[4 * chip]);
    for (int word = 1; word < 4; word++) outb(port + 1, setup[4 * chip + word]);
    outb(port + 1, chip ? 0xff : 0xef);
  }
  outb(0x3fc, 0xb); /* OUT2 lets the interrupt out */
  text("Type lines; exit ends this.\n");
  for (;;) {
    text("> ");
    outb(0x3f9, 1);
    while (!complete) __asm__ volatile("cli; cmpl $0, %0; jne 1f; sti; hlt; 1: sti" ::"m"(complete) : "memory", "cc");
    text(line);
    text("\n");
    if (is_exit()) __asm__ volatile("outl %0, $0xf4" ::"a"(0));
    length = 0;
    complete = 0;
  }
}
