/*
 * What guests do that may exit. Each case is a name, where its code begins and where it ends; RBX is the address of
 * `scratch`, RCX is 3, RDX is 71H, RSI and RDI lead to `scratch`, the other registers hold 11H times their numbers.
 */
.macro guest name, instructions
  .pushsection .rodata
text\@:
  .asciz "\name"
  .popsection
begin\@:
  \instructions
end\@:
  vmcall
  .pushsection .data, 1
  .quad text\@, begin\@, end\@
  .popsection
.endm

.set NOT_PRESENT, 0x0c000000
.set READ_ONLY, 0x0c200000
.set EXECUTE_ONLY, 0x0c400000
.set MISCONFIGURED, 0x0c600000
.set NO_EXECUTE, 0x0c800000

.data 1
.globl cases
.align 8
cases:
.data
.align 16
.globl scratch
scratch: .fill 64, 1, 0
.text
  guest "cpuid", "cpuid"
  guest "hlt", "hlt"
  guest "invd", "invd"
  guest "wbinvd", "wbinvd"
  guest "rdtsc", "rdtsc"
  guest "rdtscp", "rdtscp"
  guest "rdpmc", "rdpmc"
  guest "pause", "pause"
  guest "monitor", "monitor"
  guest "mwait", "mwait"
  guest "xsetbv", "xsetbv"
  guest "vmcall", "vmcall"
  guest "vmlaunch", "vmlaunch"
  guest "vmresume", "vmresume"
  guest "vmxoff", "vmxoff"
  guest "vmfunc", "vmfunc"
  guest "rdmsr", "rdmsr"
  guest "wrmsr", "wrmsr"
  guest "rdrand ax", "rdrand %ax"
  guest "rdrand r12d", "rdrand %r12d"
  guest "rdseed rdx", "rdseed %rdx"
  guest "invlpg", "invlpg 0x40(%rbx,%rcx,4)"
  guest "invpcid", "invpcid (%rbx), %r9"
  guest "invept", "invept 0x12345(%r13,%r14,8), %rdi"
  guest "invvpid fs", "invvpid %fs:(%rbx), %r8"
  guest "vmclear", "vmclear 8(%rbx)"
  guest "vmptrld rip", "vmptrld scratch(%rip)"
  guest "vmptrst", "vmptrst -8(%rbp,%r15,2)"
  guest "vmxon", "vmxon 0x1000"
  guest "vmread register", "vmread %r10, %r11"
  guest "vmread memory", "vmread %rsi, 16(%rbx)"
  guest "vmwrite register", "vmwrite %r8, %rbp"
  guest "vmwrite memory", "vmwrite (%rbx,%rcx), %rdx"
  guest "sgdt", "sgdt 0x10(%rbx,%rcx,8)"
  guest "sidt", "sidt (%rbx)"
  guest "lgdt", "lgdt (%rbx)"
  guest "lidt es", "lidt (%edi)"
  guest "sldt register", "sldt %r9d"
  guest "sldt memory", "sldt 2(%rbx)"
  guest "str", "str %rax"
  guest "lldt", "lldt %cx"
  guest "ltr", "ltr (%rbx)"
  guest "mov to cr0, host's bit", "mov %rcx, %cr0"
  guest "mov from cr0", "mov %cr0, %r8"
  guest "mov to cr3", "mov %r11, %cr3"
  guest "mov from cr3", "mov %cr3, %r12"
  guest "mov to cr4", "mov $0x660, %edx; mov %rdx, %cr4"
  guest "mov to cr4, host's bit", "mov $0x2660, %edx; mov %rdx, %cr4"
  guest "mov to cr8", "mov %r9, %cr8"
  guest "mov from cr8", "mov %cr8, %rbp"
  guest "clts", "clts"
  guest "lmsw register", "lmsw %cx"
  guest "lmsw memory", "lmsw (%rbx)"
  guest "smsw", "smsw %eax"
  guest "mov to dr7", "mov %rax, %dr7"
  guest "mov from dr6", "mov %dr6, %r10"
  guest "in immediate", "inb $0x71, %al"
  guest "in dx", "inw %dx, %ax"
  guest "out immediate", "outl %eax, $0x72"
  guest "out dx", "outb %al, %dx"
  guest "insb", "insb"
  guest "rep insd", "rep insl"
  guest "outsw", "outsw"
  guest "rep outsb fs", ".byte 0xf3, 0x64, 0x6e"
  guest "rep outsb a32", ".byte 0xf3, 0x67, 0x6e"
  guest "ud2", "ud2"
  guest "int3", "int3"
  guest "int 3", ".byte 0xcd, 3"
  guest "icebp", ".byte 0xf1"
  guest "div", "div %r8b; xor %ecx, %ecx; div %ecx"
  guest "general protection", "mov $0x8000000000000000, %rax; mov (%rax), %al"
  guest "stack fault", "mov $0x8000000000000000, %rbp; mov (%rbp), %al"
  guest "null selector", "xor %eax, %eax; mov %eax, %ss; mov $0x63, %eax; mov %eax, %ds"
  guest "int without a gate", "int $0x60"
  guest "int with a gate", "int $0x50"
  guest "page fault, read", "mov $0x7000000000, %rax; mov (%rax), %al"
  guest "page fault, write", "mov $0x7000000008, %rax; incb (%rax)"
  guest "page fault, execute", "mov $0x7000000010, %rax; jmp *%rax"
  guest "single step", "pushfq; orl $0x100, (%rsp); popfq; nop; nop"
  guest "single step behind mov ss", "pushfq; orl $0x100, (%rsp); mov %ss, %eax; popfq; mov %eax, %ss; nop; nop"
  guest "instruction breakpoint bit", "mov %rcx, %dr0"
  guest "EPT, read", "mov NOT_PRESENT + 0x123, %al"
  guest "EPT, write", "movb $1, NOT_PRESENT + 0x1fff"
  guest "EPT, execute", "mov $NOT_PRESENT + 0x10, %eax; jmp *%rax"
  guest "EPT, write to a read-only page", "mov READ_ONLY, %al; incb READ_ONLY + 8"
  guest "EPT, execute in a read-only page", "mov $READ_ONLY, %eax; jmp *%rax"
  guest "EPT, read from an execute-only page", "mov EXECUTE_ONLY, %al"
  guest "EPT, execute without the right", "mov $NO_EXECUTE, %eax; jmp *%rax"
  guest "EPT, misconfigured", "mov MISCONFIGURED + 0x456, %al"
  guest "EPT, across pages", "mov NOT_PRESENT - 3, %rax"
  guest "EPT, movs", "mov $READ_ONLY + 0x40, %edi; movsq"
  guest "EPT, page table", "mov $0x8000000000, %rax; mov (%rax), %al"
  guest "EPT, push", "mov $NOT_PRESENT + 0x40, %esp; push %rax"
  guest "delivery of int3", "int3"
  guest "delivery of int", "int $0x21"
  guest "delivery of icebp", ".byte 0xf1"
  guest "delivery of a page fault", "mov $0x7000000000, %rax; mov (%rax), %al"
.pushsection .data, 1
  .quad 0
.popsection

/* The guest's handler: the same for every vector. */
.globl guest_handler
.align 16
guest_handler:
  vmcall
  iretq
.section .note.GNU-stack, "", @progbits
