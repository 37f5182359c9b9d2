/* SYSCALL in ring 0. It leaves RSP as it was; SYSRET would lead to ring 3, so the way back is a jump. */
.text
.globl bare_syscall_entry, start_program
bare_syscall_entry:
  mov %rsp, program_rsp(%rip)   /* the program's red zone lies below it */
  mov $system_call_stack_top, %rsp
  push %rcx
  push %r11
  push %rdi; push %rsi; push %rdx; push %r8; push %r9; push %r10
  push %r9                      /* seventh argument of the C function */
  mov %r8, %r9
  mov %r10, %r8
  mov %rdx, %rcx
  mov %rsi, %rdx
  mov %rdi, %rsi
  mov %rax, %rdi
  call bare_system_call
  pop %r9
  pop %r10; pop %r9; pop %r8; pop %rdx; pop %rsi; pop %rdi
  popfq                         /* what R11 holds: RFLAGS of the program */
  pop %rcx
  mov program_rsp(%rip), %rsp
  jmp *%rcx

/* void start_program(rip, rsp): all registers 0. */
start_program:
  mov %rsi, %rsp
  mov %rdi, %rcx
  xor %eax, %eax
  xor %edx, %edx
  xor %ebx, %ebx
  xor %ebp, %ebp
  xor %esi, %esi
  xor %edi, %edi
  jmp *%rcx

.bss
.align 16
.skip 16384
system_call_stack_top:
program_rsp: .quad 0
.section .note.GNU-stack, "", @progbits
