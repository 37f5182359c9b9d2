/*
 * The loops of the caller, a world of its own, and the callees. RDI: turns. RSI: an address with another frame behind it
 * in each world. R8: the sum of what is there. R9: the callee's WID. R10: the last callee's. RBX: which loop it is.
 */
.set WORLD_CALL, 1
.set FIRST_CALLEE, 2
.macro touch
  add (%rsi), %r8
  mov %r8, 8(%rsi)
.endm
/* To the next callee, the first after the last one. */
.macro next_callee
  inc %r9
  cmp %r10, %r9
  jbe 77f
  mov $FIRST_CALLEE, %r9d
77:
  mov %r9, %rcx
  mov $WORLD_CALL, %eax
.endm

.text
/* The caller's entry point: what it calls comes back here. */
.globl caller_entry, loop_calls
.align 16
caller_entry:
  touch
  dec %rdi
  jz finished
loop_calls:
  next_callee
  vmfunc
  ud2
finished:
  vmcall
  ud2

/* A callee does its work and calls back who called it: the processor has put that WID into RCX. */
.globl callee_entry
.align 16
callee_entry:
  touch
  mov $WORLD_CALL, %eax
  vmfunc
  ud2

/* The same without the calls. */
.globl loop_plain
.align 16
plain_caller:
  touch
  dec %rdi
  jz finished
loop_plain:
  next_callee
  jmp plain_callee
.align 16
plain_callee:
  touch
  mov $WORLD_CALL, %eax
  jmp plain_caller
.section .note.GNU-stack, "", @progbits
