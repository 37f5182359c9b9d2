/* The processor's tables: TSS, IDT, and the registers of SYSCALL. SDM vol. 3A, chapters 6 and 8, section 5.8.8. */
#include "cpu.h"
#include "kernel.h"

struct gate {
  u16 low, selector, flags, middle;
  u32 high, reserved;
};
#define INTERRUPT_GATE 0x8e00
#define DOUBLE_FAULT_STACK 1
/* SYSRET takes CS from STAR[63:48] + 16 and SS from + 8. */
#define STAR_VALUE ((u64)(USER_CS - 16) << 48 | (u64)KERNEL_CS << 32)
/* NT has to go as well: an IRET of the kernel's would fault with it. */
#define FMASK_VALUE (RFLAGS_IF | RFLAGS_TF | RFLAGS_DF | RFLAGS_NT | RFLAGS_AC)
#define TSS_AVAILABLE (0x89ul << 40)

struct task_state {
  u32 reserved;
  u64 rsp[3], reserved2, ist[7], reserved3;
  u16 reserved4, io_map;
} __attribute__((packed));

struct table_pointer {
  u16 limit;
  u64 base;
} __attribute__((packed));

extern u64 gdt_tss[2];
struct task_state tss;
static struct gate idt[TRAP_VECTORS];
static u8 double_fault_stack[4096] __attribute__((aligned(16)));

static void gate(int vector, u64 address, int stack) {
  idt[vector] = (struct gate){
    .low = address,
    .selector = KERNEL_CS,
    .flags = INTERRUPT_GATE | stack,
    .middle = address >> 16,
    .high = address >> 32,
  };
}

void tables_init(void) {
  for (int vector = 0; vector < TRAP_VECTORS; vector++) {
    gate(vector, (u64)trap_stubs + TRAP_STUB_SIZE * vector, vector == VECTOR_DOUBLE_FAULT ? DOUBLE_FAULT_STACK : 0);
  }
  tss.ist[DOUBLE_FAULT_STACK - 1] = (u64)double_fault_stack + sizeof double_fault_stack;
  tss.io_map = sizeof tss; /* no ports for user code */
  u64 base = (u64)&tss;
  gdt_tss[0] = (sizeof tss - 1) | (base & 0xffffff) << 16 | TSS_AVAILABLE | (base >> 24 & 0xff) << 56;
  gdt_tss[1] = base >> 32;
  struct table_pointer pointer = { sizeof idt - 1, (u64)idt };
  __asm__ volatile("lidt %0; ltr %w1" ::"m"(pointer), "r"(TSS_SELECTOR));

  wrmsr(IA32_STAR, STAR_VALUE);
  wrmsr(IA32_LSTAR, (u64)syscall_entry);
  wrmsr(IA32_FMASK, FMASK_VALUE);
}

void tables_describe(struct system_context *context) {
  struct table_pointer gdt, idt_pointer;
  __asm__ volatile("sgdt %0; sidt %1" : "=m"(gdt), "=m"(idt_pointer));
  *context = (struct system_context){
    .gdtr_base = gdt.base,
    .gdtr_limit = gdt.limit,
    .idtr_base = idt_pointer.base,
    .idtr_limit = idt_pointer.limit,
    .tr_selector = TSS_SELECTOR,
    .tr_base = (u64)&tss,
    .tr_limit = sizeof tss - 1,
    .lstar = (u64)syscall_entry,
    .star = STAR_VALUE,
    .fmask = FMASK_VALUE,
  };
}

void set_kernel_stack(u64 top) {
  tss.rsp[0] = top;
}

u64 kernel_stack(void) {
  return tss.rsp[0];
}
