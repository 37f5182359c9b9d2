/* How the programs start the processor of their virtual machine. */
#pragma once

#include "report.h"

enum { RFLAGS_FIXED = 2 };

/* In real-address mode with all segments at 0, and a number in EBX. */
static inline void start_processor(int processor, uint64_t start, uint32_t ebx)
{
    struct kvm_sregs system;
    checked("KVM_GET_SREGS", io_control(processor, KVM_GET_SREGS, &system));
    system.cs.base = 0;
    system.cs.selector = 0;
    checked("KVM_SET_SREGS", io_control(processor, KVM_SET_SREGS, &system));
    struct kvm_regs general = { .rip = start, .rbx = ebx, .rflags = RFLAGS_FIXED };
    checked("KVM_SET_REGS", io_control(processor, KVM_SET_REGS, &general));
}
