/* int enter_guest(struct registers *, int launch), see vmx.h. */
.globl enter_guest, vm_exit
.set HOST_RSP, 0x6c14

.text
enter_guest:
  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15
  push %rdi
  mov $HOST_RSP, %eax
  vmwrite %rsp, %rax
  test %esi, %esi
  mov %rdi, %rax
  mov 8(%rax), %rcx
  mov 16(%rax), %rdx
  mov 24(%rax), %rbx
  mov 40(%rax), %rbp
  mov 48(%rax), %rsi
  mov 56(%rax), %rdi
  mov 64(%rax), %r8
  mov 72(%rax), %r9
  mov 80(%rax), %r10
  mov 88(%rax), %r11
  mov 96(%rax), %r12
  mov 104(%rax), %r13
  mov 112(%rax), %r14
  mov 120(%rax), %r15
  mov (%rax), %rax
  jnz 1f
  vmresume
  jmp 2f
1:
  vmlaunch
2:
  pop %rdi
  mov $1, %eax                  /* CF: VMfailInvalid; ZF: VMfailValid */
  jc 3f
  inc %eax
  jmp 3f
vm_exit:
  push %rdi
  mov 8(%rsp), %rdi
  mov %rax, (%rdi)
  mov %rcx, 8(%rdi)
  mov %rdx, 16(%rdi)
  mov %rbx, 24(%rdi)
  mov %rbp, 40(%rdi)
  mov %rsi, 48(%rdi)
  mov %r8, 64(%rdi)
  mov %r9, 72(%rdi)
  mov %r10, 80(%rdi)
  mov %r11, 88(%rdi)
  mov %r12, 96(%rdi)
  mov %r13, 104(%rdi)
  mov %r14, 112(%rdi)
  mov %r15, 120(%rdi)
  pop %rax
  mov %rax, 56(%rdi)
  pop %rdi
  xor %eax, %eax
3:
  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx
  ret
.section .note.GNU-stack, "", @progbits
