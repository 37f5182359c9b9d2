/* What our small test kernels share: ports, the console, MSRs. They start with tests/machine/kernels/entry.S. */
#ifndef KERNEL_H
#define KERNEL_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

#define PAGE __attribute__((aligned(4096)))

static inline void outb(u16 port, u8 v) { __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port)); }
static inline void outl(u16 port, u32 v) { __asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port)); }
static inline u8 inb(u16 port) {
  u8 v;
  __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
  return v;
}
static inline u64 rdmsr(u32 index) {
  u32 lo, hi;
  __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(index));
  return (u64)hi << 32 | lo;
}
static inline void wrmsr(u32 index, u64 v) {
  __asm__ volatile("wrmsr" ::"c"(index), "a"((u32)v), "d"((u32)(v >> 32)));
}

/* From tests/machine/kernels/entry.S, which the linker puts before everything else. */
extern u64 level4[], gdt[], gdt_tss[];
extern u8 stubs[];

/* What its stubs leave on the stack. */
struct frame {
  u64 r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
  u64 vector, error, rip, cs, rflags, rsp, ss;
};

void put(char c);
void text(const char *s);
void hex(u64 v);
/* " name=value" */
void item(const char *name, u64 v);
/* Waits until everything has left the serial port. */
void drain(void);
/* Ends the machine: Causeway and QEMU through port F4H, Bochs through port 8900H. */
void quit(u32 code) __attribute__((noreturn));
/* Value of the word `name=` in the kernel's command line, or a default. */
u64 argument(const u32 *information, const char *name, u64 otherwise);
/* Exceptions and interrupts go to `interrupt`. */
void install_handlers(void);
#endif
