/*
 * Runs a virtual machine that has KVM's own interrupt controllers, and whose memory is logged: what KVM does with the
 * virtualization of the local APIC, posted interrupts and page-modification logging, where the processor has them. The
 * guest (interrupts.S) counts its interrupts; a second thread sends it some while it runs. It tells of each step by a
 * write to a port.
 */
#include "processor.h"

extern const uint8_t guest_start[], guest_end[];

/* Ports, and the step that is over with a write to the first of them. */
enum { STEP_PORT = 0xe8, MESSAGE_PORT = 0xe9 };
enum { SELF, MASKED, TIMER, MESSAGES, POSTED, WRITTEN, WRITTEN_AGAIN, X2_SELF, X2_MASKED, END };
/* Where the guest's counters lie, by vector; what they must be. */
enum { COUNTERS = 0x5000, SELF_VECTOR = 0x51, TIMER_VECTOR = 0x41, MESSAGE_VECTOR = 0x61, X2_VECTOR = 0x71 };
enum { SELF_COUNT = 1000, TIMER_COUNT = 10, MESSAGE_COUNT = 100, POSTED_COUNT = 20 };
/* Physical memory, of which the guest writes all pages from 1 MB on, then all but each fifth. */
enum { GUEST_BASE = 0x1000, PAGE = 4096, PAGES = 1024, FIRST_WRITTEN = 256 };

static uint8_t *memory;
static int machine;

static uint32_t counter(int vector)
{
    return *(volatile uint32_t *)(memory + COUNTERS + 4 * vector);
}

static void expect(const char *what, unsigned long value, unsigned long expected)
{
    if (value != expected) fail(what, (long)value);
    print(what);
    print(" ");
    print_number(value);
    print("\n");
}

/* Sends the guest a message-signaled interrupt. */
static void send_message(void)
{
    struct kvm_msi message = { .address_lo = 0xfee00000, .data = MESSAGE_VECTOR };
    checked("KVM_SIGNAL_MSI", io_control(machine, KVM_SIGNAL_MSI, &message));
}

/* The second thread: sends the next message when the guest has counted the one before. */
static _Noreturn void send_messages(void)
{
    for (uint32_t n = 0; n < POSTED_COUNT; n++) {
        send_message();
        while (counter(MESSAGE_VECTOR) == MESSAGE_COUNT + n) yield_processor();
    }
    end_thread();
}

/* The pages from FIRST_WRITTEN on that KVM has logged since it was asked last. */
static uint64_t dirty[PAGES / 64];
static void get_dirty_log(void)
{
    struct kvm_dirty_log log = { .dirty_bitmap = dirty };
    checked("KVM_GET_DIRTY_LOG", io_control(machine, KVM_GET_DIRTY_LOG, &log));
}
static int is_dirty(int page)
{
    return dirty[page / 64] >> page % 64 & 1;
}

/* How many pages are logged. Each must be one that the guest has written: all, or all but each `skipped`th. */
static unsigned long logged(int skipped)
{
    unsigned long count = 0;
    for (int page = FIRST_WRITTEN; page < PAGES; page++) {
        int written = skipped == 0 || (page - FIRST_WRITTEN) % skipped != 0;
        if (is_dirty(page) != written) fail("the log of page", page);
        count += (unsigned long)written;
    }
    return count;
}

/* What is to be found when the guest has ended a step. Returns whether it was the last. */
static int on_step(int step)
{
    static uint8_t stack[4096] __attribute__((aligned(16)));
    switch (step) {
    case SELF:
        expect("self-IPIs", counter(SELF_VECTOR), SELF_COUNT);
        return 0;
    case MASKED:
        expect("self-IPIs below the task priority", counter(SELF_VECTOR) - SELF_COUNT, 1);
        return 0;
    case TIMER:
        expect("timer interrupts", counter(TIMER_VECTOR), TIMER_COUNT);
        return 0;
    case MESSAGES:
        expect("messages", counter(MESSAGE_VECTOR), MESSAGE_COUNT);
        checked("clone", start_thread(send_messages, stack + sizeof stack));
        return 0;
    case POSTED:
        expect("messages while the guest runs", counter(MESSAGE_VECTOR) - MESSAGE_COUNT, POSTED_COUNT);
        get_dirty_log();
        return 0;
    case WRITTEN:
        get_dirty_log();
        expect("pages logged", logged(0), PAGES - FIRST_WRITTEN);
        return 0;
    case WRITTEN_AGAIN:
        get_dirty_log();
        expect("pages logged again", logged(5), (PAGES - FIRST_WRITTEN) * 4 / 5);
        return 0;
    case X2_SELF:
        expect("self-IPIs in x2APIC mode", counter(X2_VECTOR), SELF_COUNT);
        return 0;
    case X2_MASKED:
        expect("self-IPIs below its task priority", counter(X2_VECTOR) - SELF_COUNT, 1);
        return 0;
    case END:
        return 1;
    default:
        fail("step", step);
    }
}

/* Lets the guest have all features that KVM can give it; x2APIC mode is one. */
static void set_features(int kvm, int processor)
{
    enum { MOST = 128 };
    static struct {
        struct kvm_cpuid2 list;
        struct kvm_cpuid_entry2 entries[MOST];
    } features = { .list.nent = MOST };
    checked("KVM_GET_SUPPORTED_CPUID", io_control(kvm, KVM_GET_SUPPORTED_CPUID, &features));
    checked("KVM_SET_CPUID2", io_control(processor, KVM_SET_CPUID2, &features));
}

static void run_guest(int processor, struct kvm_run *run)
{
    for (;;) {
        checked("KVM_RUN", io_control(processor, KVM_RUN, NULL));
        if (run->exit_reason != KVM_EXIT_IO) fail("exit reason", run->exit_reason);
        uint8_t data = *((uint8_t *)run + run->io.data_offset);
        if (run->io.port == MESSAGE_PORT) send_message();
        else if (run->io.port != STEP_PORT) fail("access to a port", run->io.port);
        else if (on_step(data)) return;
    }
}

_Noreturn void program(void)
{
    int kvm = (int)checked("open(/dev/kvm)", open_file("/dev/kvm"));
    machine = (int)checked("KVM_CREATE_VM", io_control(kvm, KVM_CREATE_VM, NULL));
    checked("KVM_CREATE_IRQCHIP", io_control(machine, KVM_CREATE_IRQCHIP, NULL));
    memory = map_memory(PAGES * PAGE, -1);
    for (const uint8_t *from = guest_start; from < guest_end; from++) memory[GUEST_BASE + (from - guest_start)] = *from;
    struct kvm_userspace_memory_region region = {
        .flags = KVM_MEM_LOG_DIRTY_PAGES,
        .memory_size = PAGES * PAGE,
        .userspace_addr = (uintptr_t)memory,
    };
    checked("KVM_SET_USER_MEMORY_REGION", io_control(machine, KVM_SET_USER_MEMORY_REGION, &region));
    int processor = (int)checked("KVM_CREATE_VCPU", io_control(machine, KVM_CREATE_VCPU, NULL));
    long bytes = checked("KVM_GET_VCPU_MMAP_SIZE", io_control(kvm, KVM_GET_VCPU_MMAP_SIZE, NULL));
    struct kvm_run *run = map_memory((size_t)bytes, processor);
    checked("mmap", (long)run);
    set_features(kvm, processor);
    start_processor(processor, GUEST_BASE, 0);
    run_guest(processor, run);
    print("kvm: the guest's interrupts and pages are all there\n");
    end_process(0);
}

/* The kernel starts the process here; the stack is aligned, and nothing on it is needed. */
asm(".globl _start\n_start: xor %ebp, %ebp\ncall program\n");
