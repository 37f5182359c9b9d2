/*
 * The ways into the kernel and out of it: exceptions and interrupts, system calls, and the switch between processes.
 * The kernel runs with interrupts off. There is one processor, so where its state lies is known: the TSS's RSP0 is the
 * kernel stack of the process that runs.
 */
#include "../abi.h"
#include "traps.h"

.text
/* A stub for each vector: an error code (0 where the processor pushes none), the vector, then the registers. */
.globl trap_stubs
.align TRAP_STUB_SIZE
trap_stubs:
.set vector, 0
.rept TRAP_VECTORS
  .align TRAP_STUB_SIZE
  .if !(EXCEPTIONS_WITH_ERROR_CODE >> vector & 1)
  push $0
  .endif
  push $vector
  jmp common
  .set vector, vector + 1
.endr

/* Builds struct trap_frame, calls trap(frame), goes back. */
common:
  push %rax; push %rcx; push %rdx; push %rbx; push %rbp; push %rsi; push %rdi
  push %r8; push %r9; push %r10; push %r11; push %r12; push %r13; push %r14; push %r15
  mov %rsp, %rdi
  cld
  call trap
.globl trap_return
trap_return:
  pop %r15; pop %r14; pop %r13; pop %r12; pop %r11; pop %r10; pop %r9; pop %r8
  pop %rdi; pop %rsi; pop %rbp; pop %rbx; pop %rdx; pop %rcx; pop %rax
  add $16, %rsp
  iretq

/*
 * A system call: RIP came in RCX, RFLAGS in R11. Builds struct syscall_frame at the top of the process's kernel stack and
 * calls system_call(RDI, RSI, RDX, number). As with a function call, the registers that C does not preserve are lost;
 * they are cleared, so that nothing of the kernel's leaks.
 */
.globl syscall_entry
syscall_entry:
  mov %rsp, user_rsp(%rip)
  mov tss + TSS_RSP0(%rip), %rsp
  push user_rsp(%rip)
  push %r11
  push %rcx
  mov %rax, %rcx
  call system_call
  xor %edi, %edi
  xor %esi, %esi
  xor %edx, %edx
  xor %r8d, %r8d
  xor %r9d, %r9d
  xor %r10d, %r10d
  pop %rcx
  pop %r11
  pop %rsp
  sysretq

/* void switch_stacks(u64 *save, u64 load): leaves this process, goes on in another where it called this. */
.globl switch_stacks
switch_stacks:
  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx
  ret

.bss
.align 8
user_rsp: .quad 0
.section .note.GNU-stack, "", @progbits
