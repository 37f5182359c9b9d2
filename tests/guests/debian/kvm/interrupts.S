# The virtual machine's program: loaded at 1000H, started in real-address mode. It goes to flat protected mode and uses
# its local APIC: interrupts to itself, the task priority, the timer, messages from outside. It writes its pages. Then it
# uses the local APIC in x2APIC mode.
        .globl guest_start, guest_end
        .set    BASE, 0x1000
        .set    COUNTERS, 0x5000
        .set    IDT, 0x7000
        .set    STACK, 0x9000
        .set    APIC, 0xfee00000
        .set    TASK_PRIORITY, APIC + 0x80
        .set    EOI, APIC + 0xb0
        .set    SPURIOUS, APIC + 0xf0
        .set    COMMAND, APIC + 0x300
        .set    TIMER, APIC + 0x320
        .set    INITIAL_COUNT, APIC + 0x380
        .set    DIVIDE, APIC + 0x3e0
        .set    APIC_BASE, 0x1b
        .set    EXTENDED, 0x400
        .set    VERSION_MSR, 0x803
        .set    TASK_PRIORITY_MSR, 0x808
        .set    EOI_MSR, 0x80b
        .set    SELF_IPI_MSR, 0x83f
        .set    STEP_PORT, 0xe8
        .set    MESSAGE_PORT, 0xe9
        .set    MESSAGES, 100
        .set    POSTED, 20
# Where something lies in the guest.
#define AT(label) (label - guest_start + BASE)
# The counter of a vector.
#define COUNTER(vector) (COUNTERS + 4 * (vector))

        .code16
guest_start:
        cli
        lgdtl   AT(gdt_pointer)
        mov     %cr0, %eax
        or      $1, %al
        mov     %eax, %cr0
        ljmpl   $8, $AT(protected)

        .code32
protected:
        mov     $0x10, %ax
        mov     %ax, %ds
        mov     %ax, %es
        mov     %ax, %ss
        mov     $STACK, %esp
        movl    $AT(on_timer), %eax
        mov     $0x41, %ecx
        call    set_gate
        movl    $AT(on_self), %eax
        mov     $0x51, %ecx
        call    set_gate
        movl    $AT(on_message), %eax
        mov     $0x61, %ecx
        call    set_gate
        movl    $AT(on_x2), %eax
        mov     $0x71, %ecx
        call    set_gate
        lidtl   AT(idt_pointer)
        movl    $0x1ff, SPURIOUS
        sti

# Step 0: a thousand interrupts to itself.
        mov     $1000, %ecx
1:      movl    $0x40051, COMMAND
        loop    1b
        mov     $0, %al
        out     %al, $STEP_PORT

# Step 1: one that the task priority holds back. It must not have come before.
        mov     COUNTER(0x51), %ebx
        movl    $0x60, TASK_PRIORITY
        movl    $0x40051, COMMAND
        nop
        cmp     COUNTER(0x51), %ebx
        jne     wrong
        movl    $0, TASK_PRIORITY
        nop
        mov     $1, %al
        out     %al, $STEP_PORT

# Step 2: the timer ends HLT, ten times.
        movl    $0x41, TIMER
        movl    $0xb, DIVIDE
        mov     $10, %ecx
1:      mov     COUNTER(0x41), %ebx
        cli
        movl    $50000, INITIAL_COUNT
2:      sti
        hlt
        cli
        cmp     COUNTER(0x41), %ebx
        je      2b
        sti
        loop    1b
        mov     $2, %al
        out     %al, $STEP_PORT

# Step 3: messages that are sent while the guest does not run.
        mov     $MESSAGES, %ecx
1:      out     %al, $MESSAGE_PORT
        loop    1b
        mov     $3, %al
        out     %al, $STEP_PORT

# Step 4: others that are sent while it does.
1:      pause
        cmpl    $MESSAGES + POSTED, COUNTER(0x61)
        jne     1b
        mov     $4, %al
        out     %al, $STEP_PORT

# Steps 5 and 6: writes all pages from 1 MB to 4 MB, then all but each fifth of them.
        mov     $0x100000, %edi
1:      incl    0x123(%edi)
        add     $0x1000, %edi
        cmp     $0x400000, %edi
        jne     1b
        mov     $5, %al
        out     %al, $STEP_PORT
        mov     $0x100000, %edi
1:      mov     $4, %ecx
        mov     0x123(%edi), %eax
2:      add     $0x1000, %edi
        cmp     $0x400000, %edi
        je      3f
        incl    0x123(%edi)
        loop    2b
        add     $0x1000, %edi
        cmp     $0x400000, %edi
        jb      1b
3:      mov     $6, %al
        out     %al, $STEP_PORT

# Step 7: a thousand interrupts to itself in x2APIC mode.
        mov     $APIC_BASE, %ecx
        rdmsr
        or      $EXTENDED, %eax
        wrmsr
        mov     $1000, %ebx
1:      mov     $SELF_IPI_MSR, %ecx
        mov     $0x71, %eax
        xor     %edx, %edx
        wrmsr
        dec     %ebx
        jnz     1b
        mov     $7, %al
        out     %al, $STEP_PORT

# Step 8: one that the task priority holds back there. The version and the priority can be read.
        mov     COUNTER(0x71), %ebx
        mov     $TASK_PRIORITY_MSR, %ecx
        mov     $0x70, %eax
        wrmsr
        mov     $SELF_IPI_MSR, %ecx
        mov     $0x71, %eax
        wrmsr
        nop
        cmp     COUNTER(0x71), %ebx
        jne     wrong
        mov     $TASK_PRIORITY_MSR, %ecx
        rdmsr
        cmp     $0x70, %eax
        jne     wrong
        mov     $VERSION_MSR, %ecx
        rdmsr
        test    %eax, %eax
        jz      wrong
        mov     $TASK_PRIORITY_MSR, %ecx
        xor     %eax, %eax
        wrmsr
        nop
        mov     $8, %al
        out     %al, $STEP_PORT
        mov     $9, %al
        out     %al, $STEP_PORT

wrong:  mov     $0xff, %al
        out     %al, $STEP_PORT

# Makes EAX the handler of vector ECX.
set_gate:
        mov     %ax, IDT(, %ecx, 8)
        movw    $8, IDT + 2(, %ecx, 8)
        movw    $0x8e00, IDT + 4(, %ecx, 8)
        shr     $16, %eax
        mov     %ax, IDT + 6(, %ecx, 8)
        ret

on_timer:
        incl    COUNTER(0x41)
        movl    $0, EOI
        iret
on_self:
        incl    COUNTER(0x51)
        movl    $0, EOI
        iret
on_message:
        incl    COUNTER(0x61)
        movl    $0, EOI
        iret

on_x2:
        push    %eax
        push    %ecx
        push    %edx
        incl    COUNTER(0x71)
        mov     $EOI_MSR, %ecx
        xor     %eax, %eax
        xor     %edx, %edx
        wrmsr
        pop     %edx
        pop     %ecx
        pop     %eax
        iret

        .balign 8
gdt:    .quad   0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
        .word   23
        .long   AT(gdt)
idt_pointer:
        .word   0x7ff
        .long   IDT
guest_end:
        .section .note.GNU-stack, "", @progbits
