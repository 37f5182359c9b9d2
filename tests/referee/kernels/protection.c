/*
 * Runs many small cases of protected mode, and prints of each what ended it: the exception with its error code, where it
 * was, and what has become of flags, registers and tasks. Emulators must print the same. Each case begins with fresh
 * tables.
 */
#include "protection.h"

static unsigned long long gdt[SELECTORS], idt[0x50], ldt[4];
static u32 directory[1024] __attribute__((aligned(4096)));
static u32 tables[2][1024] __attribute__((aligned(4096)));
static u8 stacks[4][0x1000] __attribute__((aligned(16)));
struct task main_task, task, returning_task, other_task, fault_task;
static u16 task16[22];

static void outb(u16 port, u8 value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
static u8 inb(u16 port) {
  u8 value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static void print(const char *text) {
  for (; *text; text++) {
    while ((inb(0x3fd) & 0x20) == 0) {}
    outb(0x3f8, *text);
  }
}
static void print_hex(const char *name, u32 value) {
  char digits[9], *at = digits + 8;
  *at = 0;
  do *--at = "0123456789abcdef"[value & 15];
  while (value >>= 4);
  print(name);
  print(at);
}

static unsigned long long descriptor(u32 base, u32 limit, u32 attributes) {
  u32 low = (limit & 0xffff) | base << 16;
  u32 high = (base >> 16 & 0xff) | attributes << 8 | (limit & 0xf0000) | (base & 0xff000000);
  return (unsigned long long)high << 32 | low;
}
static unsigned long long gate(u32 selector, u32 offset, u32 attributes, u32 parameters) {
  u32 high = (offset & 0xffff0000) | attributes << 8 | parameters;
  return (unsigned long long)high << 32 | selector << 16 | (offset & 0xffff);
}

static void set_task(struct task *one, const u8 *code, int stack) {
  u8 *bytes = (u8 *)one;
  for (u32 i = 0; i < sizeof *one; i++) bytes[i] = 0;
  one->esp0 = one->esp = (u32)stacks[stack] + 0x1000;
  one->ss0 = one->ss = one->ds = one->es = KERNEL_DATA;
  one->cs = KERNEL_CODE;
  one->eip = (u32)code;
  one->eflags = 2;
  one->eax = 0x7a5c;
  one->cr3 = (u32)directory;
  one->io_map = 0x88;
  one->io[0x80 >> 3] = 2; /* port 81H is refused, 80H is not */
}

static void fill_gdt(void) {
  gdt[KERNEL_CODE >> 3] = descriptor(0, 0xfffff, 0xc09b);
  gdt[KERNEL_DATA >> 3] = descriptor(0, 0xfffff, 0xc093);
  gdt[USER_CODE >> 3] = descriptor(0, 0xfffff, 0xc0fb);
  gdt[USER_DATA >> 3] = descriptor(0, 0xfffff, 0xc0f3);
  gdt[MAIN_TASK >> 3] = descriptor((u32)&main_task, sizeof main_task - 1, 0x89);
  gdt[TASK >> 3] = descriptor((u32)&task, 0x67, 0x89);
  gdt[TASK_GATE >> 3] = gate(TASK, 0, 0xe5, 0);
  gdt[LDT >> 3] = descriptor((u32)ldt, sizeof ldt - 1, 0x82);
  gdt[CODE16 >> 3] = descriptor(CODE_AT, 0xffff, 0x9b);
  gdt[DATA16 >> 3] = descriptor(DATA_AT, 0xffff, 0x93);
  gdt[SMALL >> 3] = descriptor(DATA_AT, 0xfff, 0x4093);
  gdt[DOWN >> 3] = descriptor(DATA_AT, 0xfff, 0x4097);
  gdt[READ_ONLY >> 3] = descriptor(0, 0xfffff, 0xc091);
  gdt[EXECUTE_ONLY >> 3] = descriptor(0, 0xfffff, 0xc099);
  gdt[ABSENT >> 3] = descriptor(0, 0xfffff, 0xc013);
  gdt[SMALL_CODE >> 3] = descriptor(CODE_AT, 0x3f, 0x409b);
  gdt[GATE >> 3] = gate(KERNEL_CODE, (u32)gate_code, 0xec, 0);
  gdt[KERNEL_GATE >> 3] = gate(KERNEL_CODE, (u32)gate_code, 0x8c, 0);
  gdt[ABSENT_GATE >> 3] = gate(KERNEL_CODE, (u32)gate_code, 0x6c, 0);
  gdt[CONFORMING >> 3] = descriptor(0, 0xfffff, 0xc09f);
  gdt[TASK16 >> 3] = descriptor((u32)task16, sizeof task16 - 1, 0x81);
  gdt[USER_SMALL >> 3] = descriptor(DATA_AT, 0xfff, 0x40f3);
  gdt[RETURNING_TASK >> 3] = descriptor((u32)&returning_task, 0x67, 0x89);
  gdt[OTHER_TASK >> 3] = descriptor((u32)&other_task, 0x67, 0x89);
  gdt[SHORT_TASK >> 3] = descriptor((u32)&other_task, 0x66, 0x89);
  gdt[ABSENT_TASK >> 3] = descriptor((u32)&other_task, 0x67, 0x09);
  gdt[FAULT_TASK >> 3] = descriptor((u32)&fault_task, 0x67, 0x89);
  gdt[UNTOUCHED >> 3] = descriptor(0, 0xfffff, 0xc092);
  gdt[BAD_GATE >> 3] = gate(KERNEL_DATA, (u32)gate_code, 0xec, 0);
  gdt[PARAMETER_GATE >> 3] = gate(KERNEL_CODE, (u32)gate_code, 0xec, 2);
  gdt[DOWN16 >> 3] = descriptor(DATA_AT, 0xfff, 0x97);
  ldt[1] = descriptor(0, 0xfffff, 0xc093);
}

static void fill_idt(void) {
  for (u32 vector = 0; vector < 0x50; vector++) {
    u32 handler = (u32)stubs + 16 * vector;
    idt[vector] = gate(KERNEL_CODE, handler, vector < 0x20 && vector != 3 && vector != 4 ? 0x8e : 0xee, 0);
  }
  idt[8] = gate(FAULT_TASK, 0, 0x85, 0);
  idt[0x41] = gate(TASK, 0, 0xe5, 0);
  idt[0x42] = gate(KERNEL_CODE, (u32)stubs + 16 * 0x42, 0x8e, 0); /* only for the kernel */
  idt[0x43] = gate(KERNEL_CODE, (u32)stubs + 16 * 0x43, 0x6e, 0); /* absent */
  idt[0x44] = gate(0, 0, 0xee, 0);
  idt[0x45] = gate(KERNEL_DATA, 0, 0xee, 0);
  idt[0x46] = gate(KERNEL_CODE, 0, 0xec, 0); /* no gate of an IDT */
  idt[0x47] = gate(MAIN_TASK, 0, 0xe5, 0); /* a busy task */
}

/* Maps the first 8 MB one to one, for everybody. */
static void map_all(void) {
  for (u32 i = 0; i < 1024; i++) {
    tables[0][i] = i << 12 | 7;
    tables[1][i] = (i + 1024) << 12 | 7;
  }
  directory[0] = (u32)tables[0] | 7;
  directory[1] = (u32)tables[1] | 7;
}

/* Tables, tasks and control registers as each case finds them. */
static void prepare(const struct test_case *one) {
  struct {
    u16 limit;
    void *base;
  } __attribute__((packed)) gdtr = {sizeof gdt - 1, gdt}, idtr = {sizeof idt - 1, idt};
  set_task(&main_task, 0, 0);
  set_task(&task, task_code, 1);
  set_task(&returning_task, returning_task_code, 2);
  set_task(&other_task, task_code, 1);
  set_task(&fault_task, fault_task_code, 3);
  task16[7] = 2; /* IP, in CODE16, whose base is CODE_AT */
  task16[8] = 2;
  task16[13] = 0x1000;
  task16[17] = task16[19] = task16[20] = DATA16;
  task16[18] = CODE16;
  fill_gdt();
  fill_idt();
  tables[0][PAGE_AT >> 12] = one->entry;
  for (u32 i = 0; i < 0x220; i++) ((u8 *)DATA_AT)[i] = i;
  __asm__ volatile("mov %0, %%cr3" : : "r"(directory) : "memory");
  __asm__ volatile("mov %0, %%cr0" : : "r"(0x80010031));
  __asm__ volatile("mov %0, %%cr4" : : "r"(one->mode == VIRTUAL_VME ? 1 : 0));
  __asm__ volatile("lgdt %0; lidt %1" : : "m"(gdtr), "m"(idtr));
  __asm__ volatile("ljmp %0, $1f; 1:" : : "i"(KERNEL_CODE));
  __asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%ss" : : "r"(KERNEL_DATA));
  __asm__ volatile("lldt %w0; ltr %w1" : : "r"(0), "r"(MAIN_TASK));
}

static void report(const char *name) {
  u32 cr0, cr2, tr = 0;
  __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
  __asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
  __asm__ volatile("str %w0" : "+r"(tr));
  print(name);
  print_hex(": #", caught->vector);
  print_hex(" error=", caught->error);
  if (caught->vector != 8) {
    print_hex(" cs=", caught->cs & 0xffff);
    /* Addresses in this image are none of the emulator's business. */
    if (caught->eip < 0x400000) print_hex(" eip=", caught->eip);
    print_hex(" flags=", caught->eflags & 0x3a7200); /* IF IOPL NT VM AC VIF VIP ID */
    print_hex(" eax=", caught->eax);
    if ((caught->cs & 3) != 0 || (caught->eflags & 0x20000) != 0) {
      print_hex(" ss=", caught->ss & 0xffff);
      print_hex(" esp=", caught->esp);
    }
    if (caught->vector == 14) print_hex(" cr2=", cr2);
  }
  print_hex(" tr=", tr);
  print_hex(" busy=", (gdt[MAIN_TASK >> 3] >> 41 & 1) | (gdt[TASK >> 3] >> 41 & 1) << 1 | (gdt[OTHER_TASK >> 3] >> 41 & 1) << 2);
  print_hex(" ts=", cr0 >> 3 & 1);
  print_hex(" link=", task.link);
  print_hex(" page=", tables[0][PAGE_AT >> 12] & 0xfff);
  print("\n");
}

static int begins_with(const char *text, const char *start) {
  while (*start) if (*text++ != *start++) return 0;
  return 1;
}

/* Whether the command line wants the cases of segment limits left out: emulators that do not check them run astray. */
static int leaves_out_limits(const u32 *multiboot) {
  if ((multiboot[0] & 4) == 0) return 0;
  for (const char *at = (const char *)multiboot[4]; *at; at++)
    if (begins_with(at, "nolimits")) return 1;
  return 0;
}

void kernel_main(const u32 *multiboot) {
  int without_limits = leaves_out_limits(multiboot);
  map_all();
  for (const struct test_case *one = cases; one < cases_end; one++) {
    u8 *to = (u8 *)CODE_AT;
    if (without_limits && begins_with(one->name, "limit")) continue;
    prepare(one);
    for (u32 i = 0; i < 0x100; i++) to[i] = 0xcc; /* INT3, should a jump go astray */
    for (const u8 *from = one->begin; from < one->end; from++) *to++ = *from;
    switch (one->mode) {
      case KERNEL:
        enter(CODE_AT, KERNEL_CODE, 2, 0, 0, KERNEL_DATA);
        break;
      case USER:
      case USER_IOPL:
        enter(CODE_AT, USER_CODE, one->mode == USER ? 2 : 0x3002, USER_STACK, USER_DATA, USER_DATA);
        break;
      default:
        enter(0, CODE_AT >> 4, one->mode == VIRTUAL_IOPL ? 0x23002 : 0x20002, 0x1000, VIRTUAL_STACK, DATA_AT >> 4);
    }
    report(one->name);
  }
  print("end\n");
  __asm__ volatile("outl %0, %w1" : : "a"(0), "Nd"(0xf4));
}
