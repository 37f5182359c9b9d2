/*
 * From multiboot's 32-bit protected mode to 64-bit mode: the first 4 GB mapped one to one with 2 MB pages, for the kernel
 * only, then kernel_main(magic, information). SDM vol. 3A, section 10.8.5.
 */
#include "../abi.h"

#define MULTIBOOT_MAGIC 0x1badb002
#define MULTIBOOT_FLAGS 3                       /* modules at page boundaries; sizes of memory */

#define CR0_FLAGS 0x80010035                    /* PG WP NE ET EM PE: nobody uses floating point */
#define CR4_FLAGS 0x20                          /* PAE */
#define IA32_EFER 0xc0000080
#define EFER_FLAGS 0x901                        /* NXE LME SCE */
#define LARGE_PAGE 0x83                         /* present, writable, 2 MB */
#define TABLE 3                                 /* present, writable */

.section .multiboot, "a"
.align 4
.long MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

.text
.code32
.globl _start
_start:
  cld
  mov $boot_stack_top, %esp
  mov %eax, %ebp                                /* both wait for their use in registers that nobody changes */
  mov %ebx, %esi
  mov $kernel_directories, %edi
  mov $LARGE_PAGE, %eax
  mov $2048, %ecx
1:
  mov %eax, (%edi)
  movl $0, 4(%edi)
  add $0x200000, %eax
  add $8, %edi
  loop 1b
  mov $kernel_directories + TABLE, %eax
  mov $kernel_pointers, %edi
  mov $4, %ecx
2:
  mov %eax, (%edi)
  add $0x1000, %eax
  add $8, %edi
  loop 2b
  movl $kernel_pointers + TABLE, kernel_root
  mov $CR4_FLAGS, %eax
  mov %eax, %cr4
  mov $kernel_root, %eax
  mov %eax, %cr3
  mov $IA32_EFER, %ecx
  rdmsr
  or $EFER_FLAGS, %eax
  wrmsr
  mov $CR0_FLAGS, %eax
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
  mov $boot_stack_top, %rsp
  mov %ebp, %edi
  call kernel_main                              /* (magic, information in ESI); does not return */
  ud2

.data
.align 8
gdt_pointer:
  .word gdt_end - gdt - 1
  .quad gdt
.align 16
.globl gdt_tss
gdt:
  .quad 0
  .quad 0x00af9b000000ffff                      /* 08: kernel code */
  .quad 0x00cf93000000ffff                      /* 10: kernel data */
  .quad 0x00cffb000000ffff                      /* 18: where SYSRET counts from */
  .quad 0x00cff3000000ffff                      /* 20: user data */
  .quad 0x00affb000000ffff                      /* 28: user code */
gdt_tss:
  .quad 0, 0                                    /* 30: filled in by tables.c */
gdt_end:

.bss
.align 4096
.globl kernel_root
kernel_root: .skip 4096
kernel_pointers: .skip 4096
kernel_directories: .skip 4 * 4096
.skip 8192
boot_stack_top:
.section .note.GNU-stack, "", @progbits
