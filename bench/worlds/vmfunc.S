/* The guest's loops. RDI: turns. RSI: an address with another frame behind it in each EPT. R8: the sum of what is there. */
.macro touch
  add (%rsi), %r8
  mov %r8, 8(%rsi)
.endm

.text
/* There and back in each turn. */
.globl loop_vmfunc
.align 16
loop_vmfunc:
  xor %eax, %eax
  mov $1, %ecx
  vmfunc
  touch
  xor %ecx, %ecx
  vmfunc
  touch
  dec %rdi
  jnz loop_vmfunc
  vmcall
  jmp loop_vmfunc

/* The same without the switches. */
.globl loop_plain
.align 16
loop_plain:
  xor %eax, %eax
  mov $1, %ecx
  touch
  xor %ecx, %ecx
  touch
  dec %rdi
  jnz loop_plain
  vmcall
  jmp loop_plain
.section .note.GNU-stack, "", @progbits
