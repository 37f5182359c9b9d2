/*
 * The guest's loops. RDI: turns. R8: the sum of what the hypervisor leaves in RAX at each exit. INVD, which always exits,
 * ends them.
 */
.macro turns name:req, exit:vararg
.globl \name
.align 16
\name:
  xor %eax, %eax
  \exit
  add %rax, %r8
  dec %rdi
  jnz \name
  invd
  jmp \name
.endm

.text
turns loop_cpuid, cpuid
turns loop_out, out %al, $0x80
turns loop_vmcall, vmcall
/* The same without an exit. */
turns loop_plain
.section .note.GNU-stack, "", @progbits
