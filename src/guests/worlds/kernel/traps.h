/* What is on the kernel stack while a process is in the kernel. */
#ifndef WORLDS_TRAPS_H
#define WORLDS_TRAPS_H

#define TRAP_VECTORS 49
#define TRAP_STUB_SIZE 16
/* Vectors 8, 10 to 14 and 17. SDM vol. 3A, table 6-1. */
#define EXCEPTIONS_WITH_ERROR_CODE 0x27d00
#define TSS_RSP0 4

#define VECTOR_DIVIDE 0
#define VECTOR_DOUBLE_FAULT 8
#define VECTOR_PAGE_FAULT 14
#define VECTOR_FLOATING_POINT 16
#define VECTOR_TIMER 32
#define VECTOR_SPURIOUS 48

#ifndef __ASSEMBLER__
#include "../abi.h"

/* After an exception or interrupt. */
struct trap_frame {
  u64 r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
  u64 vector, error, rip, cs, rflags, rsp, ss;
};

/* After SYSCALL. */
struct syscall_frame {
  u64 rip, rflags, rsp;
};

extern u8 trap_stubs[];
void trap_return(void);
void syscall_entry(void);
void switch_stacks(u64 *save, u64 load);
#endif
#endif
