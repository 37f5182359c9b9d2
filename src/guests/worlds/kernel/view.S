/*
 * Where the kernels of two machines meet: the window of VMFUNC alone, and the detour through user-level code that serves.
 * Interrupts are off in all of this.
 */
#include "../abi.h"
#include "traps.h"

.text
/*
 * i64 view_call(view, window). The first VMFUNC changes the memory under this code, the second changes it back. Between
 * them every address means the callee's memory: so the stack is the callee's, and what the caller needs again lies in the
 * caller's memory, not in registers that the callee may have changed.
 */
.globl view_call
view_call:
  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15
  mov %rsp, view_stack_pointer(%rip)
  incq view_record(%rip)                        /* calls */
  mov %edi, %ecx
  mov %rsi, %rdi
  mov $VMFUNC_EPTP_SWITCHING, %eax
  vmfunc
  mov $remote_stack_top, %esp                   /* the kernel lies below 4 GB */
  call view_entered                             /* (window) */
  mov %rax, %rdx
  mov $VMFUNC_EPTP_SWITCHING, %eax
  xor %ecx, %ecx                                /* the machine's own memory */
  vmfunc
.globl view_returned
view_returned:                                  /* also by force, when a call takes too long: with the error in RDX */
  mov view_stack_pointer(%rip), %rsp
  mov %rdx, %rax
  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx
  ret

/* i64 service_call(window, entry, stack): to user level, with nothing of the kernel's in registers. */
.globl service_call
service_call:
  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15
  mov %rsp, service_stack_pointer(%rip)
  mov %rsp, tss + TSS_RSP0(%rip)                /* system calls and faults of the service begin below */
  mov %rsi, %rcx
  mov %rdx, %rsp
  mov $2, %r11d                                 /* RFLAGS: interrupts stay off */
  xor %eax, %eax
  xor %ebx, %ebx
  xor %edx, %edx
  xor %ebp, %ebp
  xor %esi, %esi
  xor %r8d, %r8d
  xor %r9d, %r9d
  xor %r10d, %r10d
  xor %r12d, %r12d
  xor %r13d, %r13d
  xor %r14d, %r14d
  xor %r15d, %r15d
  sysretq

/* void service_leave(result): back to where service_call was called. */
.globl service_leave
service_leave:
  mov %rdi, %rax
  mov service_stack_pointer(%rip), %rsp
  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx
  ret

.bss
.align 16
view_stack_pointer: .quad 0
service_stack_pointer: .quad 0
/* Where calls from other machines are served; a machine serves one at a time. */
.skip 8192
.globl remote_stack_top
remote_stack_top:
.section .note.GNU-stack, "", @progbits
