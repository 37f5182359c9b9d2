/* Calling worlds, and being entered by them. world.h tells the conventions. */
#define __ASSEMBLER__ 1
#include "../abi.h"
#include "world.h"

/* A world call. What follows it runs only if the hypervisor refused: then the error is in RAX. */
.macro call_world
  mov $VMFUNC_WORLD_CALL, %eax
  vmfunc
.endm
/* Answers are world calls, too. In the kernel the interrupt flag was cleared on entry; the caller wants it set. STI takes
   effect after the next instruction: no interrupt comes before the caller's world is there. */
.macro answer
  mov $VMFUNC_WORLD_CALL, %eax
#ifdef WORLD_KERNEL
  sti
#endif
  vmfunc
.endm

.text
/* i64 world_call(u64 wid, u64 a, u64 b): a and b go to RDI and RSI, the answer comes in RDX. */
.globl world_call
world_call:
  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15
  push this_world + WORLD_CALLEE(%rip)  /* of a call around this one, if this world is serving */
  push this_world + WORLD_SAVED_RSP(%rip)
  mov %rdi, %rcx
  mov %rsi, %rdi
  mov %rdx, %rsi
  mov %rsp, this_world + WORLD_SAVED_RSP(%rip)
  incq this_world + WORLD_CALLS(%rip)
  mov %rcx, this_world + WORLD_CALLEE(%rip)
  call_world
  mov %rax, %rdx
answered:
  mov this_world + WORLD_SAVED_RSP(%rip), %rsp
  pop this_world + WORLD_SAVED_RSP(%rip)
  pop this_world + WORLD_CALLEE(%rip)
  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx
  mov %rdx, %rax
  ret

/* The entry point. RCX: who comes; RSP: whatever the caller wants it to be. */
.globl world_entry
world_entry:
  cmp %rcx, this_world + WORLD_CALLEE(%rip)
  je answered                   /* the answer to our call: 0 is no WID, so outside of calls this never holds */
  cmpq $0, this_world + WORLD_STACK_TOP(%rip)
  je refuse
  lea this_world + WORLD_ALLOWED(%rip), %r8
  mov this_world + WORLD_ALLOWED_COUNT(%rip), %r9
1:
  dec %r9
  js unknown
  cmp %rcx, (%r8, %r9, 8)
  jne 1b
  cmpq $0, this_world + WORLD_BUSY(%rip)
  jne busy
  mov this_world + WORLD_STACK_TOP(%rip), %rsp
serve:
  movq $1, this_world + WORLD_BUSY(%rip)
  push %rcx
  push %rcx                     /* twice, so that the stack is aligned as C wants it */
  mov %rcx, %rdx
  call world_service
  pop %rcx
  pop %rcx
  mov %rax, %rdx
  movq $0, this_world + WORLD_BUSY(%rip)
  answer
gone:                           /* the caller is no world any more: until its machine's time limit ends this */
  pause
  jmp gone

busy:
  mov $-EBUSY, %rdx
  answer
  jmp gone
refuse:
  mov $-EPERM, %rdx
  answer
  jmp gone
unknown:                        /* not on the list: the policy may want to ask who it is, which takes a stack */
  cmpq $0, this_world + WORLD_BUSY(%rip)
  jne refuse
  mov this_world + WORLD_STACK_TOP(%rip), %rsp
  push %rcx
  push %rdi
  push %rsi
  mov %rcx, %rdi
  call world_admit
  pop %rsi
  pop %rdi
  pop %rcx
  test %rax, %rax
  jz refuse
  jmp serve
.section .note.GNU-stack, "", @progbits
