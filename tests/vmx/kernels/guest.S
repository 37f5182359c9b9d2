/* Entering a guest, and the guest: it does what causes VM exits, one after the other. */

/* int enter_guest(u64 registers[4], int launch): RAX RBX RCX RDX of the guest. 0 after an exit, 1 after a failure. */
.globl enter_guest, vm_exit
enter_guest:
  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15
  push %rdi
  mov $0x6c14, %eax             /* host RSP */
  vmwrite %rsp, %rax
  mov (%rdi), %rax
  mov 8(%rdi), %rbx
  mov 16(%rdi), %rcx
  mov 24(%rdi), %rdx
  test %esi, %esi
  jnz 1f
  vmresume
  jmp 2f
1:
  vmlaunch
2:
  pop %rdi
  mov $1, %eax
  jmp 3f
vm_exit:
  push %rdi
  mov 8(%rsp), %rdi
  mov %rax, (%rdi)
  mov %rbx, 8(%rdi)
  mov %rcx, 16(%rdi)
  mov %rdx, 24(%rdi)
  add $16, %rsp
  xor %eax, %eax
3:
  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx
  ret

/* RDX: where to go on after an exit that no instruction causes. */
.macro expect instruction:vararg
  lea 77f(%rip), %rdx
  \instruction
77:
.endm

.globl guest_code
guest_code:
  mov $0x1111, %eax
  vmcall
  xor %eax, %eax
  cpuid
  hlt
  mov 0x0c000000, %rbx
  vmcall                        /* the first EPT's page */
  xor %eax, %eax
  mov $1, %ecx
  vmfunc
  mov 0x0c000000, %rbx
  vmcall                        /* the second's */
  mov $2, %ecx
  vmfunc                        /* no EPTP there */
  mov $512, %ecx
  vmfunc                        /* outside the list */
  mov $1, %eax
  vmfunc                        /* a function that is not enabled */
  xor %eax, %eax
  xor %ecx, %ecx
  vmfunc
  mov 0x0c000000, %rbx
  vmcall                        /* the first again */
  expect movl $1, 0x0e000123
  expect mov 0x0e000456, %al
  expect mov 0x0d000000, %al
  mov $64, %eax
  expect vmfunc                 /* #UD */
  expect ud2
  expect int3
  movabs $0x7000000000, %rbx
  expect mov (%rbx), %al
  in $0x71, %al
  in $0x3f, %al                 /* not in the bitmap */
  mov $0x3fd, %edx
  out %eax, %dx
  mov $0x174, %ecx
  rdmsr
  mov $0x175, %ecx
  rdmsr                         /* not in the bitmap */
  wrmsr
  mov %cr0, %rbx
  vmcall                        /* with the shadow's bits */
  clts
  mov %cr3, %rax
  mov %rax, %cr3
  mov %rax, %cr8
  mov %rax, %dr7
  invlpg 0x1234
  wbinvd
  rdtsc
  mov %rdx, %rbx
  vmcall
  vmread %rax, %rbx
  vmlaunch
  sti
  nop
  expect nop                    /* the interrupt window is open here */
  cli
  expect jmp .                  /* until the preemption timer runs out */
  vmcall                        /* the host injects #GP with an error code here */
  lidt no_table(%rip)
  ud2                           /* triple fault */

/* The guest's own handler of general protection: tells what it finds. */
.globl guest_gp
guest_gp:
  pop %rbx
  mov $0x6a6a, %eax
  vmcall
  iretq

.data
no_table:
  .word 0
  .quad 0
