/* How the other processors get from STARTUP's real mode to 64-bit mode: copied to the page that STARTUP names. */
.globl trampoline, trampoline_end, next_stack
.text
.code16
trampoline:
  mov %cs, %ax
  mov %ax, %ds
  mov %cr0, %eax
  or $1, %eax
  mov %eax, %cr0
  lgdtl gdt32_pointer - trampoline
  ljmpl $8, $protected
gdt32_pointer:
  .word gdt32_end - gdt32 - 1
  .long gdt32
trampoline_end:

.code32
protected:
  mov $0x10, %eax
  mov %eax, %ds
  mov %eax, %es
  mov %eax, %ss
  mov %eax, %fs
  mov %eax, %gs
  mov $4096, %esp
  lock xadd %esp, next_stack
  mov $0x6a0, %eax              /* PAE PGE OSFXSR OSXMMEXCPT */
  mov %eax, %cr4
  mov $level4, %eax
  mov %eax, %cr3
  mov $0xc0000080, %ecx
  rdmsr
  or $0x901, %eax               /* NXE LME SCE */
  wrmsr
  mov $0x80010033, %eax         /* PG WP NE ET MP PE */
  mov %eax, %cr0
  lgdt gdt64_pointer
  ljmp $8, $long
.code64
long:
  mov $0x10, %eax
  mov %eax, %ds
  mov %eax, %es
  mov %eax, %ss
  call processor_main
1:
  hlt
  jmp 1b

.data
.align 8
gdt32:
  .quad 0
  .quad 0x00cf9b000000ffff
  .quad 0x00cf93000000ffff
gdt32_end:
gdt64_pointer:
  .word 0x2f
  .long gdt
next_stack: .long stacks + 4096
.bss
.align 4096
stacks: .skip 8 * 4096
.section .note.GNU-stack, "", @progbits
