/* What the guest does: RBX is where, EAX is what, ECX is which MSR, EDX is 0. Each ends with VMCALL, which exits. */
.macro guest name, instructions
  .globl \name
\name:
  \instructions
  vmcall
.endm

.text
  guest guest_waits, "nop"
  guest guest_enables, "nop; sti; nop; nop"
  guest guest_halts, "sti; hlt; nop"
  guest guest_reads, "mov (%rbx), %eax"
  guest guest_reads_byte, "mov (%rbx), %al"
  guest guest_reads_quad, "mov (%rbx), %rax"
  guest guest_writes, "mov %eax, (%rbx); nop"
  guest guest_writes_byte, "mov %al, (%rbx); nop"
  guest guest_writes_quad, "mov %rax, (%rbx); nop"
  guest guest_adds, "add %eax, (%rbx); nop"
  guest guest_executes, "jmp *%rbx"
  guest guest_reads_msr, "rdmsr"
  guest guest_writes_msr, "wrmsr; nop"
  guest guest_writes_cr8, "mov %rax, %cr8; nop"
  guest guest_reads_cr8, "mov %cr8, %rax"

/* The handler of each vector: which it is follows from where it exits. */
.globl guest_handlers
.align 16
guest_handlers:
.rept 256
  vmcall
  .align 16
.endr
.section .note.GNU-stack, "", @progbits
