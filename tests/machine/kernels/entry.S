/* From multiboot's protected mode to 64-bit mode: the first 4 GB mapped one to one with 2 MB pages, then kernel_main. */
.set MAGIC, 0x1badb002
.set FLAGS, 3

.section .multiboot, "a"
.align 4
.long MAGIC, FLAGS, -(MAGIC + FLAGS)

.text
.code32
.globl _start
_start:
  cld
  mov $stack_top, %esp
  mov %eax, boot_magic
  mov %ebx, boot_information
  mov $page_directories, %edi
  mov $0x83, %eax               /* present, writable, 2 MB */
  mov $2048, %ecx
1:
  mov %eax, (%edi)
  movl $0, 4(%edi)
  add $0x200000, %eax
  add $8, %edi
  loop 1b
  mov $page_directories + 3, %eax
  mov $pointer_table, %edi
  mov $4, %ecx
2:
  mov %eax, (%edi)
  add $0x1000, %eax
  add $8, %edi
  loop 2b
  movl $pointer_table + 7, level4
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
  lgdt gdt_pointer
  ljmp $8, $long_mode
.code64
long_mode:
  mov $0x10, %eax
  mov %eax, %ds
  mov %eax, %es
  mov %eax, %ss
  xor %eax, %eax
  mov %eax, %fs
  mov %eax, %gs
  mov $stack_top, %rsp
  fninit
  mov boot_magic, %edi
  mov boot_information, %esi
  call kernel_main
3:
  hlt
  jmp 3b

/* A stub for each vector: error code (0 where the processor pushes none) and vector, then the registers. */
.altmacro
.macro stub vector
  .align 16
  .if \vector != 8 && \vector != 10 && \vector != 11 && \vector != 12 && \vector != 13 && \vector != 14 && \vector != 17
  push $0
  .endif
  push $\vector
  jmp common
.endm
.globl stubs
.align 16
stubs:
.set n, 0
.rept 128
  stub %n
  .set n, n + 1
.endr
common:
  push %rax; push %rcx; push %rdx; push %rbx; push %rbp; push %rsi; push %rdi
  push %r8; push %r9; push %r10; push %r11; push %r12; push %r13; push %r14; push %r15
  mov %rsp, %rdi
  cld
  call interrupt
  pop %r15; pop %r14; pop %r13; pop %r12; pop %r11; pop %r10; pop %r9; pop %r8
  pop %rdi; pop %rsi; pop %rbp; pop %rbx; pop %rdx; pop %rcx; pop %rax
  add $16, %rsp
  iretq

/* System calls: number in RAX, argument in RDI. The user's RSP waits in a variable: there is one processor. */
.globl syscall_entry
syscall_entry:
  swapgs
  mov %rsp, user_rsp
  mov $syscall_stack_top, %rsp
  push %rcx
  push %r11
  mov %rdi, %rsi
  mov %rax, %rdi
  call system_call
  pop %r11
  pop %rcx
  mov user_rsp, %rsp
  swapgs
  sysretq

/* void enter_user(rip, rsp): runs user code until leave_user is called. */
.globl enter_user
enter_user:
  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15
  mov %rsp, kernel_rsp
  push $0x23
  push %rsi
  push $0x202
  push $0x2b
  push %rdi
  iretq
.globl leave_user
leave_user:
  mov kernel_rsp, %rsp
  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx
  ret

/* User code: two system calls, then an instruction that it may not execute. */
.globl user_code, user_code_end
user_code:
  mov $1, %eax
  mov $0x1234, %edi
  syscall
  mov %rax, %rdi
  mov $2, %eax
  syscall
  cli
user_code_end:

.data
.align 8
gdt_pointer:
  .word gdt_end - gdt - 1
  .quad gdt
.align 16
.globl gdt, gdt_tss
gdt:
  .quad 0
  .quad 0x00af9b000000ffff      /* 08: kernel code */
  .quad 0x00cf93000000ffff      /* 10: kernel data */
  .quad 0x00cffb000000ffff      /* 18: 32-bit user code, SYSRET's base */
  .quad 0x00cff3000000ffff      /* 20: user data */
  .quad 0x00affb000000ffff      /* 28: user code */
gdt_tss:
  .quad 0, 0                    /* 30 */
gdt_end:

.bss
.align 4096
.globl level4
level4: .skip 4096
pointer_table: .skip 4096
page_directories: .skip 4 * 4096
.skip 8192
stack_top:
.skip 4096
syscall_stack_top:
.skip 4096
.globl interrupt_stack_top, ring0_stack_top
interrupt_stack_top:
.skip 4096
ring0_stack_top:
boot_magic: .long 0
boot_information: .long 0
user_rsp: .quad 0
kernel_rsp: .quad 0
.section .note.GNU-stack, "", @progbits
