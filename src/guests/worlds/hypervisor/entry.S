/*
 * The hypervisor's assembly: from multiboot's protected mode to 64-bit mode; into guests and out of them; into the
 * process in ring 3 of the host and out of it.
 *
 * The hypervisor is a handler of events. Whatever enters it (VM exit, system call, exception) saves the registers of
 * what was running, takes the one stack from its top, and calls a C function that never returns but resumes something.
 */
#define __ASSEMBLER__ 1
#include "../abi.h"

.set MULTIBOOT_MAGIC, 0x1badb002
.set MULTIBOOT_FLAGS, 3         /* modules on page boundaries, memory sizes */

/* struct context of the host's process. */
.set host_process, contexts

.section .multiboot, "a"
.align 4
.long MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

.text
.code32
.globl _start
_start:
  cld
  mov $stack_top, %esp
  mov %ebx, boot_information
  mov $page_directories, %edi   /* the first 4 GB one to one, in pages of 2 MB */
  mov $0x83, %eax
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
  movl $pointer_table + 3, level4
  mov $0x26a0, %eax             /* CR4: VMXE OSXMMEXCPT OSFXSR PGE PAE */
  mov %eax, %cr4
  mov $level4, %eax
  mov %eax, %cr3
  mov $0xc0000080, %ecx         /* EFER: NXE LME SCE */
  rdmsr
  or $0x901, %eax
  wrmsr
  mov $0x80010033, %eax         /* CR0: PG WP NE ET MP PE */
  mov %eax, %cr0
  lgdt gdt_pointer
  ljmp $KERNEL_CS, $long_mode
.code64
long_mode:
  mov $KERNEL_SS, %eax
  mov %eax, %ds
  mov %eax, %es
  mov %eax, %ss
  xor %eax, %eax
  mov %eax, %fs
  mov %eax, %gs
  mov $stack_top, %rsp
  fninit
  mov boot_information, %edi
  call hypervisor_main
  ud2

/* The general registers in the order of struct registers, to and from (%rdi). */
.macro save_all_but_rdi
  mov %rax, 0(%rdi)
  mov %rbx, 8(%rdi)
  mov %rcx, 16(%rdi)
  mov %rdx, 24(%rdi)
  mov %rsi, 32(%rdi)
  mov %rbp, 48(%rdi)
  mov %r8, 56(%rdi)
  mov %r9, 64(%rdi)
  mov %r10, 72(%rdi)
  mov %r11, 80(%rdi)
  mov %r12, 88(%rdi)
  mov %r13, 96(%rdi)
  mov %r14, 104(%rdi)
  mov %r15, 112(%rdi)
.endm
.macro load_all
  mov 0(%rdi), %rax
  mov 8(%rdi), %rbx
  mov 16(%rdi), %rcx
  mov 24(%rdi), %rdx
  mov 32(%rdi), %rsi
  mov 48(%rdi), %rbp
  mov 56(%rdi), %r8
  mov 64(%rdi), %r9
  mov 72(%rdi), %r10
  mov 80(%rdi), %r11
  mov 88(%rdi), %r12
  mov 96(%rdi), %r13
  mov 104(%rdi), %r14
  mov 112(%rdi), %r15
  mov 40(%rdi), %rdi
.endm

/* void resume_guest(struct registers *, int launched): VM entry with the current VMCS. RSP and RIP are in it. */
.globl resume_guest
resume_guest:
  test %esi, %esi               /* no MOV changes flags */
  load_all
  jnz 1f
  vmlaunch
  jmp 2f
1:
  vmresume
2:
  mov $stack_top, %rsp
  call entry_failed
  ud2

/* Host RIP of every VMCS; host RSP is the top of the stack. */
.globl vm_exit
vm_exit:
  push %rdi
  mov guest_registers, %rdi
  save_all_but_rdi
  pop 40(%rdi)
  call handle_exit
  ud2

/* System calls of the host's process. */
.globl syscall_entry
syscall_entry:
  mov %rsp, host_process + 136
  mov $stack_top, %rsp
  push %rdi
  mov $host_process, %edi
  save_all_but_rdi
  pop 40(%rdi)
  mov %rcx, 120(%rdi)           /* RIP */
  mov %r11, 128(%rdi)           /* RFLAGS */
  call host_system_call
  ud2

/* void resume_host_process(void): after a system call, or anywhere. IRET loads everything. */
.globl resume_host_process
resume_host_process:
  mov $host_process, %edi
  push $USER_SS
  push 136(%rdi)
  push 128(%rdi)
  push $USER_CS
  push 120(%rdi)
  load_all
  iretq
/* The same after a system call: SYSRET takes RIP from RCX and RFLAGS from R11. */
.globl return_to_host_process
return_to_host_process:
  mov $host_process, %edi
  mov 136(%rdi), %rsp
  mov 120(%rdi), %rcx
  mov %rcx, 16(%rdi)
  mov 128(%rdi), %r11
  mov %r11, 80(%rdi)
  load_all
  sysretq

/* Exceptions and interrupts: error code (0 where the processor pushes none), vector. */
.altmacro
.macro stub vector
  .align 16
  .if \vector != 8 && \vector != 10 && \vector != 11 && \vector != 12 && \vector != 13 && \vector != 14 && \vector != 17
  push $0
  .endif
  push $\vector
  jmp exception_common
.endm
.globl exception_stubs
.align 16
exception_stubs:
.set n, 0
.rept 32
  stub %n
  .set n, n + 1
.endr
exception_common:               /* on the stack: vector, error code, RIP, CS, RFLAGS, RSP, SS */
  testb $3, 24(%rsp)
  jz in_the_hypervisor
  push %rdi
  mov $host_process, %edi
  save_all_but_rdi
  pop 40(%rdi)
  mov 16(%rsp), %rax
  mov %rax, 120(%rdi)
  mov 32(%rsp), %rax
  mov %rax, 128(%rdi)
  mov 40(%rsp), %rax
  mov %rax, 136(%rdi)
  mov 0(%rsp), %rdi
  mov 8(%rsp), %rsi
  mov $stack_top, %rsp
  call host_process_exception
  ud2
in_the_hypervisor:
  mov (%rsp), %rdi
  mov 8(%rsp), %rsi
  mov 16(%rsp), %rdx
  call hypervisor_exception
  ud2

/* The local APIC's timer ends a HLT; nothing else is to be done. */
.globl wake_up, idle_until_interrupt
wake_up:
  push %rax
  mov $0xfee000b0, %eax         /* end of interrupt */
  movl $0, (%rax)
  pop %rax
  iretq
idle_until_interrupt:
  sti
  hlt
  cli
  ret

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
.globl level4, stack_top
level4: .skip 4096
pointer_table: .skip 4096
page_directories: .skip 4 * 4096
.skip 16384
stack_top:
.skip 16
boot_information: .long 0
.section .note.GNU-stack, "", @progbits
