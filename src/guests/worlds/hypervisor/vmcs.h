/* The VMX instructions, and the VMCS's fields that are used. SDM vol. 3C, chapter 31; vol. 3D, appendix B. */
#ifndef VMCS_H
#define VMCS_H
#include "../abi.h"

enum field {
  VPID = 0x0000,
  GUEST_ES = 0x0800, GUEST_CS = 0x0802, GUEST_SS = 0x0804, GUEST_LDTR = 0x080c, GUEST_TR = 0x080e,
  HOST_ES = 0x0c00, HOST_CS = 0x0c02, HOST_SS = 0x0c04, HOST_DS = 0x0c06, HOST_TR = 0x0c0c,
  IO_BITMAP_A = 0x2000, IO_BITMAP_B = 0x2002, MSR_BITMAPS = 0x2004,
  VMFUNC_CONTROLS = 0x2018, EPT_POINTER = 0x201a, EPTP_LIST = 0x2024, GUEST_PHYSICAL_ADDRESS = 0x2400,
  VMCS_LINK_POINTER = 0x2800, GUEST_EFER = 0x2806, HOST_EFER = 0x2c02,
  PIN_CONTROLS = 0x4000, PRIMARY_CONTROLS = 0x4002, EXIT_CONTROLS = 0x400c, ENTRY_CONTROLS = 0x4012,
  ENTRY_INTERRUPTION = 0x4016, SECONDARY_CONTROLS = 0x401e,
  INSTRUCTION_ERROR = 0x4400, EXIT_REASON = 0x4402, EXIT_INSTRUCTION_LENGTH = 0x440c,
  GUEST_ES_LIMIT = 0x4800, GUEST_TR_LIMIT = 0x480e, GUEST_GDTR_LIMIT = 0x4810, GUEST_IDTR_LIMIT = 0x4812,
  GUEST_ES_RIGHTS = 0x4814, GUEST_CS_RIGHTS = 0x4816, GUEST_SS_RIGHTS = 0x4818,
  GUEST_INTERRUPTIBILITY = 0x4824, PREEMPTION_TIMER = 0x482e,
  CR0_MASK = 0x6000, CR4_MASK = 0x6002, CR0_SHADOW = 0x6004, CR4_SHADOW = 0x6006,
  EXIT_QUALIFICATION = 0x6400, GUEST_LINEAR_ADDRESS = 0x640a,
  GUEST_CR0 = 0x6800, GUEST_CR3 = 0x6802, GUEST_CR4 = 0x6804,
  GUEST_ES_BASE = 0x6806, GUEST_FS_BASE = 0x680e, GUEST_GS_BASE = 0x6810, GUEST_TR_BASE = 0x6814,
  GUEST_GDTR_BASE = 0x6816, GUEST_IDTR_BASE = 0x6818,
  GUEST_DR7 = 0x681a, GUEST_RSP = 0x681c, GUEST_RIP = 0x681e, GUEST_RFLAGS = 0x6820,
  HOST_CR0 = 0x6c00, HOST_CR3 = 0x6c02, HOST_CR4 = 0x6c04, HOST_TR_BASE = 0x6c0a, HOST_GDTR_BASE = 0x6c0c,
  HOST_IDTR_BASE = 0x6c0e, HOST_RSP = 0x6c14, HOST_RIP = 0x6c16,
};

/* Controls. SDM vol. 3C, sections 25.6 to 25.8. */
#define PIN_EXTERNAL_INTERRUPT 1u
#define PIN_NMI 8u
#define PIN_PREEMPTION_TIMER 0x40u
#define PRIMARY_INTERRUPT_WINDOW (1u << 2)
#define PRIMARY_HLT (1u << 7)
#define PRIMARY_IO_BITMAPS (1u << 25)
#define PRIMARY_MSR_BITMAPS (1u << 28)
#define PRIMARY_SECONDARY (1u << 31)
#define SECONDARY_EPT (1u << 1)
#define SECONDARY_RDTSCP (1u << 3)
#define SECONDARY_VPID (1u << 5)
#define SECONDARY_UNRESTRICTED (1u << 7)
#define SECONDARY_VMFUNC (1u << 13)
#define EXIT_HOST_64 (1u << 9)
#define EXIT_ACKNOWLEDGE (1u << 15)
#define EXIT_SAVE_EFER (1u << 20)
#define EXIT_LOAD_EFER (1u << 21)
#define ENTRY_LOAD_EFER (1u << 15)
#define VMFUNC_EPTP 1u
#define VMFUNC_WORLDS 2u

/* Basic exit reasons. SDM vol. 3D, appendix C; 240 is CrossOver's. */
enum exit_reason {
  EXTERNAL_INTERRUPT = 1, TRIPLE_FAULT = 2, INTERRUPT_WINDOW = 7, CPUID = 10, HLT = 12, VMCALL = 18,
  IO_INSTRUCTION = 30, EPT_VIOLATION = 48, PREEMPTION_TIMER_EXPIRED = 52, VMFUNC = 59, WORLD_CACHE_MISS = 240,
};

/* Capability MSRs. */
#define IA32_VMX_BASIC 0x480
#define IA32_VMX_PROCBASED_CTLS2 0x48b
#define IA32_VMX_TRUE_PINBASED_CTLS 0x48d
#define IA32_VMX_TRUE_PROCBASED_CTLS 0x48e
#define IA32_VMX_TRUE_EXIT_CTLS 0x48f
#define IA32_VMX_TRUE_ENTRY_CTLS 0x490
#define IA32_VMX_VMFUNC 0x491
#define IA32_CROSSOVER_CTL 0x4f00
#define EFER 0xc0000080
#define STAR 0xc0000081
#define LSTAR 0xc0000082
#define FMASK 0xc0000084
#define KERNEL_GS_BASE 0xc0000102

static inline u64 rdmsr(u32 index) {
  u32 lo, hi;
  __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(index));
  return (u64)hi << 32 | lo;
}
static inline void wrmsr(u32 index, u64 value) {
  __asm__ volatile("wrmsr" ::"c"(index), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}
static inline u64 rdtsc(void) {
  u32 lo, hi;
  __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
  return (u64)hi << 32 | lo;
}

static inline u64 vmread(enum field field) {
  u64 value;
  __asm__ volatile("vmread %1, %0" : "=r"(value) : "r"((u64)field) : "cc");
  return value;
}
static inline void vmwrite(enum field field, u64 value) {
  __asm__ volatile("vmwrite %0, %1" ::"r"(value), "r"((u64)field) : "cc");
}
/* The instructions with the physical address of a page. 1: they failed. */
static inline int vmxon(u64 page) {
  u8 failed;
  __asm__ volatile("vmxon %1; setbe %0" : "=q"(failed) : "m"(page) : "cc", "memory");
  return failed;
}
static inline int vmclear(u64 page) {
  u8 failed;
  __asm__ volatile("vmclear %1; setbe %0" : "=q"(failed) : "m"(page) : "cc", "memory");
  return failed;
}
static inline int vmptrld(u64 page) {
  u8 failed;
  __asm__ volatile("vmptrld %1; setbe %0" : "=q"(failed) : "m"(page) : "cc", "memory");
  return failed;
}
/* INVEPT of one EPTP. */
static inline void invept(u64 eptp) {
  struct { u64 eptp, reserved; } descriptor = {eptp, 0};
  __asm__ volatile("invept %0, %1" ::"m"(descriptor), "r"(1ul) : "cc", "memory");
}
/* MANAGE_WTC: 0 inserts the entry at `operand`; 1 drops the WID `operand`. 1: refused. */
static inline int manage_world_caches(u64 operation, u64 operand) {
  u8 carry;
  __asm__ volatile("vmfunc; setc %0"
                   : "=q"(carry)
                   : "a"(VMFUNC_MANAGE_WTC), "c"(operation), "d"(operand)
                   : "cc", "memory");
  return carry;
}
#endif
