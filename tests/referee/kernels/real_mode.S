/*
 * Runs many small cases in real-address mode, some of them with the segment limits that protected mode leaves behind, and
 * prints of each what ended it: the vector, where it was, registers and flags, and a sum over its data. Emulators must
 * print the same. Each case begins with the same registers, vectors and limits. The part in real mode runs as a copy at
 * BLOB. The cases are in real_mode_cases.S.
 */
#include "real_mode.h"

.section .multiboot, "a"
.align 4
.long 0x1badb002, 3, -(0x1badb002 + 3)

/* A selector of the GDT below. */
.set CODE16, 0x08
.set DATA16, 0x10

.text
blob:
.code32
.globl _start
_start:
  cli
  cld
  /* With "nolimits" on the command line, cases of segment limits are left out: not all emulators check them. */
  testb $4, (%ebx)
  jz 2f
  mov 16(%ebx), %esi
1:
  lodsb
  test %al, %al
  jz 2f
  cmpl $0x696c6f6e, -1(%esi)    /* "noli" */
  jne 1b
  movb $1, without_limits
2:
  mov $blob, %esi
  mov $BLOB, %edi
  mov $(blob_end - blob), %ecx
  rep movsb
  lgdt BLOB + gdtr - blob
  ljmp $CODE16, $(entered - blob)

.code16
entered:
  mov $DATA16, %ax
  mov %ax, %ss
  mov %ax, %ds
  mov %cr0, %eax
  and $~1, %al
  mov %eax, %cr0
  ljmp $BLOB >> 4, $(run - blob)

run:
  mov $(cases - blob), %bx
1:
  mov %cs, %ax
  mov %ax, %ds
  mov %bx, current - blob
  cmp $(cases_end - blob), %bx
  je finished
  mov LIMITS(%bx), %al
  test %al, without_limits - blob
  jnz next
  jmp enter
next:
  mov %cs, %ax
  mov %ax, %ds
  mov current - blob, %bx
  add $CASE_BYTES, %bx
  jmp 1b

finished:
  mov $OWN_STACK >> 4, %ax
  mov %ax, %ss
  mov $0x1000, %sp
  mov $(end_text - blob), %si
  call print
  xor %eax, %eax
  mov $0xf4, %dx
  outl %eax, %dx
  hlt

/* Puts everything as a case finds it, and goes there. */
enter:
  /* The limits of segment registers outlive loads in real-address mode. SDM vol. 3A, section 9.9.2. */
  lgdtl gdtr - blob
  mov %cr0, %eax
  or $1, %al
  mov %eax, %cr0
  mov $DATA16, %cx
  mov %cx, %ds
  mov %cx, %es
  mov %cx, %fs
  mov %cx, %gs
  mov %cx, %ss
  and $~0x9, %al                /* PE, TS */
  mov %eax, %cr0
  ljmp $BLOB >> 4, $(1f - blob)
1:
  mov %cs, %ax
  mov %ax, %ds
  lidtl idtr - blob
  /* All vectors lead to the stubs. */
  xor %di, %di
  mov %di, %es
  mov $(stubs - blob), %ax
  mov $0x100, %cx
1:
  stosw
  movw $BLOB >> 4, %es:(%di)
  add $2, %di
  cmp $(last_stub - blob), %ax
  je 2f
  add $STUB_BYTES, %ax
2:
  loop 1b
  /* Bytes that tell their places; INT3 behind the case, should it go astray. */
  mov $DATA_AT >> 4, %ax
  mov %ax, %es
  xor %di, %di
  mov $DATA_BYTES, %cx
1:
  mov %di, %ax
  stosb
  loop 1b
  mov $CODE_AT >> 4, %ax
  mov %ax, %es
  xor %di, %di
  mov $0x200, %cx
  mov $0xcc, %al
  rep stosb
  xor %di, %di
  mov current - blob, %bx
  mov CODE(%bx), %si
  mov CODE_END(%bx), %cx
  sub %si, %cx
  rep movsb
  mov $STACK_AT >> 4, %ax
  mov %ax, %ss
  mov $0x1000, %esp
  mov $DATA_AT >> 4, %ax
  mov %ax, %ds
  mov %ax, %es
  mov %ax, %fs
  mov %ax, %gs
  mov $0x50, %ebx
  mov $2, %ecx
  mov $0x80, %edx
  mov $0x100, %esi
  mov $0x140, %edi
  mov $0x180, %ebp
  pushw $2
  popfw
  mov $0x1234, %eax
  ljmp $CODE_AT >> 4, $0

/* One stub for each vector. */
.align STUB_BYTES
stubs:
.set vector, 0
.rept 0x50
  .if vector == 0x4f
last_stub:
  .endif
  pushw $vector
  jmp caught
  .align STUB_BYTES
  .set vector, vector + 1
.endr

caught:
  push %ds
  push %es
  pushal
  mov %sp, %bp
  mov %cs, %ax
  mov %ax, %ds
  mov %ax, %es
  cld
  mov $(frame - blob), %di
  mov %bp, %si
  mov $FRAME_BYTES, %cx
  rep movsb %ss:(%si), %es:(%di)
  mov %ss, frame_ss - blob
  mov %si, frame_sp - blob
  mov $OWN_STACK >> 4, %ax
  mov %ax, %ss
  mov $0x1000, %sp
  mov current - blob, %bx
  mov NAME(%bx), %si
  call print
  mov $(fields - blob), %bx
1:
  mov (%bx), %si
  call print
  mov 2(%bx), %di
  mov (%di), %eax
  testb $1, 4(%bx)
  jnz 2f
  movzwl %ax, %eax
2:
  call print_hex
  add $FIELD_BYTES, %bx
  cmp $(fields_end - blob), %bx
  jne 1b
  mov $(sum_text - blob), %si
  call print
  mov $DATA_AT >> 4, %ax
  mov %ax, %es
  xor %eax, %eax
  xor %di, %di
1:
  rol $5, %eax
  add %es:(%di), %eax
  add $4, %di
  cmp $DATA_BYTES, %di
  jne 1b
  call print_hex
  mov $(line_end - blob), %si
  call print
  jmp next

/* Prints the text at DS:SI. */
print:
  lodsb
  test %al, %al
  jz 1f
  call print_byte
  jmp print
/* Prints AL. The serial port of some emulators takes its time. */
print_byte:
  mov %al, %cl
  mov $0x3fd, %dx
2:
  in %dx, %al
  test $0x20, %al
  jz 2b
  mov %cl, %al
  mov $0x3f8, %dx
  out %al, %dx
1:
  ret
/* Prints EAX, in as few digits as it takes. */
print_hex:
  mov %eax, %edx
  shr $4, %eax
  jz 1f
  push %dx
  call print_hex
  pop %dx
1:
  and $15, %dl
  mov %dl, %al
  add $'0', %al
  cmp $'9', %al
  jbe print_byte
  add $'a' - '9' - 1, %al
  jmp print_byte

/* What is printed of a frame: a label, where the value is, whether it has 32 bits. */
.macro field label, place, wide
  .pushsection .text, 1
text\@:
  .asciz "\label"
  .popsection
  .word text\@ - blob, \place - blob, \wide
.endm
fields:
  field ": #", frame + 36, 0
  field " cs=", frame + 40, 0
  field " ip=", frame + 38, 0
  field " flags=", frame + 42, 0
  field " eax=", frame + 28, 1
  field " ebx=", frame + 16, 1
  field " ecx=", frame + 24, 1
  field " edx=", frame + 20, 1
  field " esi=", frame + 4, 1
  field " edi=", frame, 1
  field " ebp=", frame + 8, 1
  field " ds=", frame + 34, 0
  field " es=", frame + 32, 0
  field " ss=", frame_ss, 0
  field " sp=", frame_sp, 0
fields_end:

.align 8
gdt:
  .quad 0, 0x00009b000000ffff + (BLOB << 16), 0x000093000000ffff, 0x00cf93000000ffff
gdtr:
  .word gdtr - gdt - 1
  .long BLOB + gdt - blob
idtr:
  .word 0x3ff
  .long 0
current: .word 0
without_limits: .byte 0
/* As PUSHA and what came before have left it: EDI, ESI, EBP, ESP, EBX, EDX, ECX, EAX, ES, DS, vector, IP, CS, FLAGS. */
frame: .skip FRAME_BYTES
frame_ss: .word 0
frame_sp: .word 0
sum_text: .asciz " sum="
line_end: .asciz "\n"
end_text: .asciz "end\n"

#include "real_mode_cases.S"

.text 3
blob_end:
