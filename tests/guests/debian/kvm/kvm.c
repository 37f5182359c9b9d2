/*
 * Runs a virtual machine with Linux's KVM, without anything in between: /dev/kvm and its ioctls (Linux,
 * Documentation/virt/kvm/api.rst). It prints what the guest writes to port E9H, checks the sum that it writes to port
 * EAH, counts how often it reads port EBH, and ends when the guest halts: `kvm [READS]`.
 */
#include "processor.h"

extern const uint8_t guest_start[], guest_end[];

enum { TEXT_PORT = 0xe9, SUM_PORT = 0xea, COUNT_PORT = 0xeb };
enum { GUEST_BASE = 0x1000, GUEST_MEMORY = 0x10000 };
enum { EXPECTED_SUM = 500500, READS = 1000 };

/* Gives the virtual machine memory from address 0 on, with its program in it. */
static void load_guest(int machine)
{
    uint8_t *memory = map_memory(GUEST_MEMORY, -1);
    for (const uint8_t *from = guest_start; from < guest_end; from++) memory[GUEST_BASE + (from - guest_start)] = *from;
    struct kvm_userspace_memory_region region = {
        .memory_size = GUEST_MEMORY,
        .userspace_addr = (uintptr_t)memory,
    };
    checked("KVM_SET_USER_MEMORY_REGION", io_control(machine, KVM_SET_USER_MEMORY_REGION, &region));
}

/* What the guest has done. */
struct account {
    uint32_t sum;
    unsigned long reads;
};

/* An access to a port: KVM leaves its data behind the run structure. */
static void on_port(struct kvm_run *run, struct account *account)
{
    uint8_t *data = (uint8_t *)run + run->io.data_offset;
    switch (run->io.port) {
    case TEXT_PORT:
        write_out((const char *)data, run->io.size * run->io.count);
        break;
    case SUM_PORT:
        account->sum = *(uint32_t *)data;
        break;
    case COUNT_PORT:
        *data = 0;
        account->reads++;
        break;
    default:
        fail("access to a port", run->io.port);
    }
}

/* Runs the guest until it halts. */
static struct account run_guest(int processor, struct kvm_run *run)
{
    struct account account = { 0 };
    for (;;) {
        checked("KVM_RUN", io_control(processor, KVM_RUN, NULL));
        if (run->exit_reason == KVM_EXIT_HLT) return account;
        if (run->exit_reason != KVM_EXIT_IO) fail("exit reason", run->exit_reason);
        on_port(run, &account);
    }
}

/* As the kernel leaves them on the stack. */
struct arguments {
    long count;
    const char *list[];
};

/* The number that the first argument says, in digits; `otherwise` without one. */
static uint32_t number_in(const struct arguments *arguments, uint32_t otherwise)
{
    if (arguments->count < 2) return otherwise;
    uint32_t number = 0;
    for (const char *digit = arguments->list[1]; *digit != 0; digit++) {
        if (*digit < '0' || *digit > '9') fail("reading the number of reads", 0);
        number = 10 * number + (uint32_t)(*digit - '0');
    }
    return number;
}

_Noreturn void program(const struct arguments *arguments)
{
    uint32_t reads = number_in(arguments, READS);
    int kvm = (int)checked("open(/dev/kvm)", open_file("/dev/kvm"));
    if (io_control(kvm, KVM_GET_API_VERSION, NULL) != KVM_API_VERSION) fail("KVM_GET_API_VERSION", 0);
    int machine = (int)checked("KVM_CREATE_VM", io_control(kvm, KVM_CREATE_VM, NULL));
    load_guest(machine);
    int processor = (int)checked("KVM_CREATE_VCPU", io_control(machine, KVM_CREATE_VCPU, NULL));
    long bytes = checked("KVM_GET_VCPU_MMAP_SIZE", io_control(kvm, KVM_GET_VCPU_MMAP_SIZE, NULL));
    struct kvm_run *run = map_memory((size_t)bytes, processor);
    checked("mmap", (long)run);
    start_processor(processor, GUEST_BASE, reads);

    struct account account = run_guest(processor, run);
    if (account.sum != EXPECTED_SUM) fail("the guest's sum", account.sum);
    if (account.reads != reads) fail("the guest's reads", (long)account.reads);
    print("kvm: the guest has halted; sum ");
    print_number(account.sum);
    print(", reads ");
    print_number(account.reads);
    print("\n");
    end_process(0);
}

/* The kernel starts the process here; the stack is aligned, and the arguments are on it. */
asm(".globl _start\n_start: xor %ebp, %ebp\nmov %rsp, %rdi\ncall program\n");
