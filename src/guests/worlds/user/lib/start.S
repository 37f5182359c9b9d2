/* Where programs begin: main(argument count, arguments), and its result is the exit code. */
#include "../../abi.h"
.text
.globl _start
_start:
  xor %ebp, %ebp
  mov (%rsp), %rdi
  lea 8(%rsp), %rsi
  and $-16, %rsp
  call main
  mov %eax, %edi
  mov $SYS_exit, %eax
  syscall
.section .note.GNU-stack, "", @progbits
