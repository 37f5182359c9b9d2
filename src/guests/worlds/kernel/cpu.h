/* Instructions that C has no words for. */
#ifndef WORLDS_CPU_H
#define WORLDS_CPU_H
#include "../abi.h"

#define IA32_APIC_BASE 0x1b
#define IA32_STAR 0xc0000081
#define IA32_LSTAR 0xc0000082
#define IA32_FMASK 0xc0000084

#define RFLAGS_FIXED 0x2
#define RFLAGS_TF 0x100
#define RFLAGS_IF 0x200
#define RFLAGS_DF 0x400
#define RFLAGS_IOPL 0x3000
#define RFLAGS_NT 0x4000
#define RFLAGS_AC 0x40000

static inline void outb(u16 port, u8 value) { __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port)); }
static inline void outl(u16 port, u32 value) { __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port)); }
static inline u8 inb(u16 port) {
  u8 value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
static inline void wrmsr(u32 index, u64 value) {
  __asm__ volatile("wrmsr" ::"c"(index), "a"((u32)value), "d"((u32)(value >> 32)));
}
static inline u64 rdtsc(void) {
  u32 low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (u64)high << 32 | low;
}
static inline u64 read_cr2(void) {
  u64 value;
  __asm__ volatile("mov %%cr2, %0" : "=r"(value));
  return value;
}
static inline void write_cr3(u64 root) { __asm__ volatile("mov %0, %%cr3" ::"r"(root) : "memory"); }
static inline void cpuid(u32 leaf, u32 out[4]) {
  __asm__ volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "a"(leaf), "c"(0));
}
/* Waits for an interrupt and takes it. */
static inline void halt_until_interrupt(void) { __asm__ volatile("sti; hlt; cli" ::: "memory"); }
/* Takes an interrupt that is pending: STI lets one instruction pass first. */
static inline void take_interrupt(void) { __asm__ volatile("sti; nop; nop; cli" ::: "memory"); }
#endif
