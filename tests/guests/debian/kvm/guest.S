# The virtual machine's program: real-address mode, loaded at 1000H. It writes a text to port E9H byte by byte, stores
# and loads through memory, counts in a loop, executes CPUID, which exits, and halts.
        .code16
        .globl guest_start, guest_end
guest_start:
        mov     $text - guest_start + 0x1000, %si
next:   lodsb
        test    %al, %al
        jz      count
        out     %al, $0xe9
        jmp     next

# 1 + 2 + … + 1000 = 500500 in ECX, kept in memory between the rounds.
count:  movl    $0, 0x2000
        mov     $1000, %cx
round:  movzwl  %cx, %eax
        addl    %eax, 0x2000
        loop    round
        movl    0x2000, %eax
        out     %eax, $0xea

# As many exits in a row as EBX says.
        mov     %ebx, %ecx
again:  in      $0xeb, %al
        addr32 loop again

        xor     %eax, %eax
        cpuid
        hlt

text:   .asciz  "hello from a virtual machine\n"
guest_end:
        .section .note.GNU-stack, "", @progbits
