/*
 * The cases of the real-mode kernel. EAX is 1234H, EBX 50H, ECX 2, EDX 80H, ESI 100H, EDI 140H, EBP 180H, SP 1000H; DS and
 * ES lead to bytes that tell their places. UD2 ends what does not fault.
 */
.macro case name, code, limits=0
  .pushsection .text, 1
text\@:
  .asciz "\name"
  .popsection
  .pushsection .text, 2
begin\@:
  \code
  ud2
end\@:
  .popsection
  .word text\@ - blob, begin\@ - blob, end\@ - blob, \limits
.endm

/* The same, once the register has had the limit of FLAT. SDM vol. 3A, section 9.9. */
.macro unreal name, register, code
  case "\name", "mov %cr0, %eax; or $1, %al; mov %eax, %cr0; mov $FLAT, %bx; mov %bx, \register; and $0xfe, %al; mov %eax, %cr0; mov $DATA_AT >> 4, %bx; \code"
.endm

.align 2
cases:
/* Addresses and segments. SDM vol. 3B, section 21.1. */
  case "base of a segment", "mov $0x4010, %ax; mov %ax, %es; mov %es:2, %eax"
  case "segment override", "mov $0x2000, %ax; mov %ax, %fs; mov %fs:0, %ax"
  case "above 1 MB", "movl $0x12345678, 0x10; mov $0xffff, %ax; mov %ax, %es; movl $0x5a5a, %es:0x10; mov %es:0x10, %eax"
  case "offset wraps", "mov $0xfff8, %bx; mov 0x10(%bx), %eax"
  case "bp takes ss", "mov $0xffe, %bp; pushw $0x77; mov (%bp), %ax"
  case "lds", "lds (%si), %bx"
  case "les", "les 4(%si), %di"
  case "lss", "movw $0x800, (%si); movw $0x3100, 2(%si); lss (%si), %sp"
  case "mov ss, sp", "mov $0x3010, %ax; mov %ax, %ss; mov $0x300, %sp; pushw %ax"
  case "mov to cs", ".byte 0x8e, 0xc8"
  case "pop es", "pushw $0x1357; popw %es"
  case "push ds of 32 bits", "pushl $-1; popl %eax; pushl %ds; popw %ax"
  case "xlat", "mov $7, %al; xlatb"
  case "lea 32", "lea 0x12345(%ebx, %ecx, 4), %eax"
  case "lea 16 truncates", "mov $0xffff, %bx; lea 2(%bx), %eax"
/* Segment limits. SDM vol. 3B, section 21.1.1; vol. 3A, section 5.3. */
  case "limit word", "mov $0xffff, %bx; mov (%bx), %ax", 1
  case "limit dword", "mov $0xfffd, %bx; mov %eax, (%bx)", 1
  case "limit inside", "mov $0xfffe, %bx; mov (%bx), %ax", 1
  case "limit 32-bit address", "mov $0x10000, %ebx; mov (%ebx), %al", 1
  case "limit string", "mov $0xfffe, %di; mov $4, %cx; rep stosb; mov $0xffff, %di; stosw", 1
  case "limit jump", "pushl $0x10000; retl", 1
  case "limit call", "mov $0x12340, %eax; calll *%eax", 1
/* Limits that protected mode has left. SDM vol. 3A, section 9.9.2. */
  unreal "unreal ds", "%ds", "mov %bx, %ds; mov $0x20000, %ebx; movl $0x1badcafe, (%ebx); mov $0x6000, %ax; mov %ax, %fs; mov %fs:0, %eax"
  unreal "unreal without a load", "%ds", "mov $DATA_AT + 0x30, %ebx; mov (%ebx), %eax"
  unreal "unreal es string", "%es", "mov %bx, %es; mov $0x10140, %edi; mov $0x99, %al; mov $8, %ecx; addr32 rep stosb; mov $0x5000, %ax; mov %ax, %fs; mov %fs:0x144, %eax"
  unreal "unreal word across 64 KB", "%fs", "mov %bx, %fs; mov $0xffff, %ebx; movl $0x01020304, %fs:(%ebx); mov %fs:(%ebx), %eax"
  unreal "unreal other register", "%gs", "mov %bx, %gs; mov $0x100, %bx; mov (%bx), %eax"
/* Jumps, calls, stacks. SDM vol. 2A, "CALL", "ENTER"; vol. 2B, "POPA", "RET". */
  case "near call", "call 1f; 1: popw %ax"
  case "far call", "lcall $0x2000, $5; popw %ax; popw %bx"
  case "far call of 32 bits", "lcalll $0x2000, $8; popl %eax; popl %ebx"
  case "far jump of another base", "ljmp $0x1ff0, $0x105; ud2"
  case "far jump in memory", "movw $0x1b, (%si); movw $0x1fff, 2(%si); ljmpw *(%si)"
  case "far return", "pushw $0x2000; pushw $0x8; lretw; ud2"
  case "far return frees", "pushw $1; pushw $2; pushw $0x2000; pushw $0xe; lretw $4; ud2"
  case "return frees", "pushw $3; pushw $9; retw $2; ud2"
  case "push sp", "pushw %sp; popw %ax"
  case "pop sp", "pushw $0x800; popw %sp"
  case "pusha", "pushaw; popw %ax; addw $14, %sp"
  case "popa", "pushal; movl $0x11112222, %eax; popal"
  case "enter", "enterw $8, $0; mov %bp, %ax"
  case "enter nested", "enterw $4, $2; popw %ax; popw %ax; popw %ax"
  case "leave", "enterw $8, $0; leavew"
  case "loop", "1: inc %ax; loop 1b"
  case "loop 32", "mov $0x10001, %ecx; 1: inc %eax; addr32 loop 2f; 2: nop"
  case "jcxz", "xor %cx, %cx; jcxz 1f; mov $1, %al; 1: nop"
  case "jecxz", "mov $0x10000, %ecx; jecxz 1f; mov $1, %al; 1: nop"
  case "ip wraps by jump", "jmp . - 0x100", 1
/* Interrupts. SDM vol. 3B, sections 21.1.2 to 21.1.4. */
  case "int", "stc; int $0x40"
  case "int clears if and tf", "pushw $0x202; popfw; int $0x41"
  case "int3", "int3"
  case "int 1", ".byte 0xf1"
  case "into", "mov $0x7f, %al; add $1, %al; into"
  case "into not taken", "xor %eax, %eax; into"
  case "bound", "movw $1, (%si); movw $9, 2(%si); mov $10, %ax; bound %ax, (%si)"
  case "bound inside", "movw $1, (%si); movw $9, 2(%si); mov $9, %ax; bound %ax, (%si)"
  case "divide", "xor %ecx, %ecx; div %cx"
  case "divide overflow", "mov $0x1234, %ax; mov $1, %cl; div %cl"
  case "own handler", "xor %ax, %ax; mov %ax, %fs; movw $0x1b, %fs:0x140; movw $0x2000, %fs:0x142; stc; int $0x50; ud2; .skip 4, 0x90; mov $0x77, %bl"
  case "table of four vectors", "movw $0xf, (%si); movl $0, 2(%si); lidtl (%si); xor %ax, %ax; mov %ax, %fs; int3"
  case "table elsewhere", "movw $0x3ff, (%si); movl $0x40200, 2(%si); movw $0x3f8, 0x300; lidtl (%si); mov $0, %ax; mov %ax, %fs; mov %fs:0x108, %eax; mov %eax, 0x308; int $0x42"
  case "sidt", "sidt (%si); mov (%si), %ax"
  case "iret", "pushw $0x8d7; pushw $0x2000; pushw $0xb; iretw; ud2"
  case "iret of 32 bits", "pushl $0x3203; pushl $0x2000; pushl $0x13; iretl; ud2"
  case "popf", "pushw $0x7fd7; popfw; pushfw; popw %ax; pushw $2; popfw"
  case "popfd", "pushl $0x247fd7 - 0x100; popfl; pushfl; popl %eax; and $0x277fff, %eax; pushw $2; popfw"
  case "single step", "pushw $0x102; popfw; mov $1, %al; mov $2, %al"
  case "single step after mov ss", "mov %ss, %cx; pushw $0x102; popfw; mov %cx, %ss; mov $1, %al; mov $2, %al"
  case "cli and sti", "sti; nop; cli; pushfw; popw %ax"
/* What is not recognized, and what is. SDM vol. 3B, section 21.1.3; vol. 3A, section 2.8. */
  case "arpl", "arpl %ax, %cx"
  case "lldt", "lldt %ax"
  case "sldt", "sldt %ax"
  case "str", "str %ax"
  case "ltr", "ltr %ax"
  case "lar", "lar %ax, %cx"
  case "lsl", "lsl %ax, %cx"
  case "verr", "verr %ax"
  case "lock register", ".byte 0xf0; inc %ax"
  case "lock nop", ".byte 0xf0, 0x90"
  case "sysenter", "sysenter"
  case "sysexit", "sysexit"
  case "smsw", "smsw %ax"
  case "clts", "mov %cr0, %eax; or $8, %al; mov %eax, %cr0; clts; smsw %ax"
  case "task switched", "mov %cr0, %eax; or $8, %al; mov %eax, %cr0; fninit"
  case "x87 environment", "fninit; fld1; fnstenv 0x200; mov 0x204, %eax; movl $0, 0x208"
  case "paging without protection", "mov %cr0, %eax; or $0x80000000, %eax; mov %eax, %cr0", 1
  case "reserved bit of cr4", "mov $0x80000000, %eax; mov %eax, %cr4", 1
/* Operand and address sizes. SDM vol. 1, section 3.6. */
  case "movs 16", "mov $3, %cx; mov $0x12340000, %eax; lea 0x100(%eax), %esi; rep movsb"
  case "movs down", "std; mov $3, %cx; rep movsw; cld"
  case "cmps", "mov $8, %cx; repe cmpsb"
  case "scas", "mov $0x48, %al; mov $0x20, %cx; repne scasb"
  case "lods 32", "lodsl"
  case "mul 32", "mov $0x10000, %eax; imul $7, %eax, %eax"
  case "shld", "mov $0x1234, %ax; mov $0xabcd, %dx; shld $1, %dx, %ax; clc"
  case "cmpxchg8b", "movl $0, (%si); movl $0, 4(%si); xor %eax, %eax; xor %edx, %edx; mov $9, %ecx; lock cmpxchg8b (%si)"
  case "bt with a far bit", "mov $0x1003, %cx; bts %cx, 0x10"
  case "movzx", "movzbl 3(%si), %eax; movsbw 0x80(%si), %bx"
  case "cbw cwde", "mov $0x80, %al; cbtw; cwtl"
  case "cwd cdq", "mov $0x8000, %ax; cwtd; cltd"
cases_end:
