/* What the parts of the protection kernel share: selectors, places, and what an exception leaves behind. */
#ifndef PROTECTION_H
#define PROTECTION_H

/* Selectors of the GDT. protection.c says what each describes. */
#define SELECTOR_CONSTANTS(X) \
  X(KERNEL_CODE, 0x08) X(KERNEL_DATA, 0x10) X(USER_CODE, 0x1b) X(USER_DATA, 0x23) X(MAIN_TASK, 0x28) \
  X(TASK, 0x30) X(TASK_GATE, 0x38) X(LDT, 0x40) X(CODE16, 0x48) X(DATA16, 0x50) X(SMALL, 0x58) X(DOWN, 0x60) \
  X(READ_ONLY, 0x68) X(EXECUTE_ONLY, 0x70) X(ABSENT, 0x78) X(SMALL_CODE, 0x80) X(GATE, 0x88) \
  X(KERNEL_GATE, 0x90) X(ABSENT_GATE, 0x98) X(CONFORMING, 0xa0) X(TASK16, 0xa8) X(USER_SMALL, 0xb3) \
  X(RETURNING_TASK, 0xb8) X(OTHER_TASK, 0xc0) X(SHORT_TASK, 0xc8) X(ABSENT_TASK, 0xd0) X(FAULT_TASK, 0xd8) \
  X(UNTOUCHED, 0xe0) X(BAD_GATE, 0xe8) X(PARAMETER_GATE, 0xf0) X(DOWN16, 0xf8) X(SELECTORS, 32)

/* Each case runs a copy of its code at CODE_AT, so that all its addresses are known. Segments with limits begin at DATA_AT;
 * a case chooses the page-table entry of PAGE_AT. */
#define PLACES(X) \
  X(CODE_AT, 0x20000) X(USER_STACK, 0x38000) X(VIRTUAL_STACK, 0x3000) X(DATA_AT, 0x40000) X(PAGE_AT, 0x50000)

/* In what a case runs: at CPL 0, at CPL 3 (with IOPL 3), in virtual-8086 mode (with IOPL 3; with CR4.VME). */
#define MODES(X) \
  X(KERNEL, 0) X(USER, 1) X(VIRTUAL, 2) X(USER_IOPL, 3) X(VIRTUAL_IOPL, 4) X(VIRTUAL_VME, 5)

#ifdef __ASSEMBLER__
#define SET(name, value) .set name, value;
SELECTOR_CONSTANTS(SET)
PLACES(SET)
MODES(SET)
#else
#define CONSTANT(name, value) name = value,
enum { SELECTOR_CONSTANTS(CONSTANT) PLACES(CONSTANT) MODES(CONSTANT) };

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;

/* One case: what it is called, its code, its mode, and the page-table entry of PAGE_AT. */
struct test_case {
  const char *name;
  const u8 *begin, *end;
  u32 mode, entry;
};
extern const struct test_case cases[], cases_end[];

/* The frame of an exception, as protection_entry.S leaves it. */
struct frame {
  u32 eax, vector, error, eip, cs, eflags, esp, ss;
};
extern struct frame *caught;

/* A 32-bit task-state segment. SDM vol. 3A, figure 8-2. */
struct task {
  u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags;
  u32 eax, ecx, edx, ebx, esp, ebp, esi, edi;
  u32 es, cs, ss, ds, fs, gs, ldt;
  u16 trap, io_map;
  u8 redirection[32], io[33];
};

/* Enters a case; comes back with the exception that ended it in `caught`. */
void enter(u32 eip, u32 cs, u32 eflags, u32 esp, u32 ss, u32 data);
extern const u8 stubs[], task_code[], returning_task_code[], fault_task_code[], gate_code[];
#endif
#endif
