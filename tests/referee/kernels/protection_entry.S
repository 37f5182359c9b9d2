/* How the protection kernel begins, enters its cases, and gets back from the exceptions that end them. */
#include "protection.h"

.section .multiboot, "a"
.align 4
.long 0x1badb002, 3, -(0x1badb002 + 3)

.text
.globl _start
_start:
  cld
  mov $stack_top, %esp
  push $0
  popf
  push %ebx
  call kernel_main
1:
  cli
  hlt
  jmp 1b

/* void enter(eip, cs, eflags, esp, ss, data): IRET goes to the case, in whatever mode its flags and selectors are. */
.globl enter
enter:
  pusha
  mov %esp, resume_stack
  mov %esp, %ebp
  mov 0x38(%ebp), %eax          /* data selector: for virtual-8086 mode, of DS, ES, FS and GS */
  push %eax
  push %eax
  push %eax
  push %eax
  push 0x34(%ebp)               /* SS */
  push 0x30(%ebp)               /* ESP */
  push 0x2c(%ebp)               /* EFLAGS */
  push 0x28(%ebp)               /* CS */
  push 0x24(%ebp)               /* EIP */
  testl $0x20000, 0x2c(%ebp)
  jnz 1f
  mov %eax, %ds
  mov %eax, %es
  mov %eax, %fs
  mov %eax, %gs
1:
  mov $DATA_AT + 0x100, %esi
  mov $DATA_AT + 0x100, %edi
  mov $DATA_AT + 0x200, %ebp
  mov $PAGE_AT, %ebx
  mov $2, %ecx
  mov $0x80, %edx
  mov $0x1234, %eax
  iret

/* One stub for each vector: pushes an error code where the processor does not, then the vector. */
.macro stub vector
  .align 16
  .if (\vector == 8) || ((\vector >= 10) && (\vector <= 14)) || (\vector == 17)
  .else
  push $0
  .endif
  push $\vector
  jmp caught_exception
.endm
.align 16
.globl stubs
stubs:
.set vector, 0
.rept 0x50
  stub vector
  .set vector, vector + 1
.endr

caught_exception:
  push %eax
  mov $KERNEL_DATA, %eax
  mov %eax, %ds
  mov %eax, %es
  mov %esp, caught
  mov %ss, %eax
  cmp $DATA16, %ax
  jne recover
  /* The stack of a 16-bit task: what counts is the linear address. */
  movzwl %sp, %eax
  add $DATA_AT, %eax
  mov %eax, caught
recover:
  mov $KERNEL_DATA, %eax
  mov %eax, %ss
  mov %eax, %ds
  mov %eax, %es
  mov %eax, %fs
  mov %eax, %gs
  mov resume_stack, %esp
  push $2
  popf
  popa
  ret

/* The task of double faults: it says so, and goes on where exceptions do. */
.globl fault_task_code
fault_task_code:
  pop double_fault + 8
  movl $8, double_fault + 4
  movl $double_fault, caught
  jmp recover

/* Where tasks and gates lead: a fault of a known kind ends the case. */
.globl task_code, returning_task_code, gate_code
task_code:
  ud2
returning_task_code:
  iret
  jmp returning_task_code
gate_code:
  ud2

.bss
.align 16
.globl caught
caught: .skip 4
resume_stack: .skip 4
double_fault: .skip 64
.skip 0x4000
stack_top:
