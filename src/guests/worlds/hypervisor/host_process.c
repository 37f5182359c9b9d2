/*
 * The host's process: a program in ring 3 of the host (VMX root operation) with an address space of its own. It is built
 * like those of the machines, and this is the kernel that it finds: console, windows, calls of machines, worlds.
 *
 * When it calls a world of a machine, the processor goes from root to non-root operation with the VMCS that is current.
 * That is one of its own, the gate, so that the machine's VMCS stays as the machine left it.
 */
#include "hypervisor.h"

#define PRESENT 1ul
#define WRITABLE 2ul
#define USER 4ul
#define ADDRESS 0xffffffffff000ul
#define RFLAGS_IOPL 0x3000
#define LSTAR_FMASK 0x47700 /* AC NT IOPL IF TF DF */
#define STDOUT 1

struct elf64_header {
  u8 identification[16];
  u16 type, machine;
  u32 version;
  u64 entry, program_headers, section_headers;
  u32 flags;
  u16 size, program_header_size, program_header_count;
};
struct elf64_program_header {
  u32 type, flags;
  u64 offset, virtual_address, physical_address, file_size, memory_size, align;
};
#define ELF_LOAD 1

u64 host_cr3;
static int in_guest;   /* the processor is in a world of a machine, which the process called */
static int by_syscall; /* SYSRET brings it back */

static u64 *page_entry(u64 linear) {
  u64 *table = (u64 *)host_cr3;
  for (int shift = 39; shift > 12; shift -= 9) {
    u64 *entry = &table[linear >> shift & 511];
    if (!(*entry & PRESENT)) *entry = (u64)allocate_pages(1) | PRESENT | WRITABLE | USER;
    table = (u64 *)(*entry & ADDRESS);
  }
  return &table[linear >> 12 & 511];
}

static void map(u64 linear, u64 physical) { *page_entry(linear) = physical | PRESENT | WRITABLE | USER; }

static void map_new(u64 start, u64 end) {
  for (u64 at = start & -PAGE; at < end; at += PAGE) {
    if (!(*page_entry(at) & PRESENT)) map(at, (u64)allocate_pages(1));
  }
}

/* Physical address of the process's memory, 0 if [linear, linear + size) is not all there. */
static u64 physical(u64 linear, u64 size) {
  if (linear < USER_START || linear >= USER_END || size > USER_END - linear) return 0;
  for (u64 at = linear & -PAGE; at < linear + size; at += PAGE) {
    if (!(*page_entry(at) & PRESENT)) return 0;
  }
  return (*page_entry(linear) & ADDRESS) + linear % PAGE;
}

static void put(u64 linear, const void *bytes, u64 size) {
  for (u64 n = 0; n < size; n++) *(u8 *)physical(linear + n, 1) = ((const u8 *)bytes)[n];
}

static void load_program(const char *program) {
  char name[64] = "bin/";
  const u8 *file;
  const struct elf64_header *elf;
  copy(name + 4, program, length(program) + 1);
  if (!find_file(name, &file)) panic("the initrd lacks the host's program", 0);
  elf = (const void *)file;
  for (u32 n = 0; n < elf->program_header_count; n++) {
    const struct elf64_program_header *segment = (const void *)(file + elf->program_headers + n * elf->program_header_size);
    if (segment->type != ELF_LOAD) continue;
    map_new(segment->virtual_address, segment->virtual_address + segment->memory_size);
    put(segment->virtual_address, file + segment->offset, segment->file_size);
  }
  HOST->rip = elf->entry;
}

/* Strings, then argc, argv, and an empty environment. System V ABI, section 3.4.1. */
static void push_arguments(const char *const *arguments) {
  u64 words[16], count = 0, top = USER_STACK_TOP;
  for (; arguments[count]; count++) {
    top -= length(arguments[count]) + 1;
    put(top, arguments[count], length(arguments[count]) + 1);
    words[1 + count] = top;
  }
  words[0] = count;
  words[1 + count] = words[2 + count] = 0;
  HOST->rsp = (top - (3 + count) * 8) & -16ul;
  put(HOST->rsp, words, (3 + count) * 8);
}

void make_host_process(const char *program, const char *const *arguments) {
  host_cr3 = (u64)allocate_pages(1);
  ((u64 *)host_cr3)[0] = level4[0];
  load_program(program);
  map_new(USER_STACK_TOP - USER_STACK_SIZE, USER_STACK_TOP);
  push_arguments(arguments);
  HOST->name = "host";
  HOST->state = READY;
  HOST->rflags = 0x202;
  HOST->msrs = (struct system_msrs){
      .star = (u64)KERNEL_CS << 32 | (u64)(USER_SS - 8) << 48, .lstar = (u64)syscall_entry, .fmask = LSTAR_FMASK};
  set_up_vmcs(HOST);
  vmwrite(EPT_POINTER, contexts[1].eptp);
}

/* The gate takes over the state of a machine's processor, and is launched: world calls need a launched VMCS. The timer is 0,
 * so that the VM exit comes before any instruction. */
static void launch_gate(void) {
  static const enum field state[] = {
      ENTRY_CONTROLS, GUEST_EFER, GUEST_CR0, GUEST_CR3, GUEST_CR4, GUEST_DR7, GUEST_RSP, GUEST_RIP, GUEST_RFLAGS,
      GUEST_GDTR_BASE, GUEST_GDTR_LIMIT, GUEST_IDTR_BASE, GUEST_IDTR_LIMIT,
  };
  u64 values[sizeof state / sizeof *state], segments[8][4];
  static struct registers none;
  vmptrld((u64)contexts[1].vmcs);
  for (u32 n = 0; n < sizeof state / sizeof *state; n++) values[n] = vmread(state[n]);
  for (u32 n = 0; n < 8; n++) {
    segments[n][0] = vmread(GUEST_ES + 2 * n), segments[n][1] = vmread(GUEST_ES_BASE + 2 * n);
    segments[n][2] = vmread(GUEST_ES_LIMIT + 2 * n), segments[n][3] = vmread(GUEST_ES_RIGHTS + 2 * n);
  }
  vmptrld((u64)HOST->vmcs);
  for (u32 n = 0; n < sizeof state / sizeof *state; n++) vmwrite(state[n], values[n]);
  for (u32 n = 0; n < 8; n++) {
    vmwrite(GUEST_ES + 2 * n, segments[n][0]), vmwrite(GUEST_ES_BASE + 2 * n, segments[n][1]);
    vmwrite(GUEST_ES_LIMIT + 2 * n, segments[n][2]), vmwrite(GUEST_ES_RIGHTS + 2 * n, segments[n][3]);
  }
  vmwrite(PREEMPTION_TIMER, 0);
  HOST->launched = 1;
  guest_registers = &none;
  resume_guest(&none, 0);
}

void host_left_guest(void) {
  static int gate_is_there;
  in_guest = gate_is_there;
  if (!gate_is_there) start_timers(HOST); /* for the world calls */
  gate_is_there = 1;
}

void resume_host(void) {
  if (!HOST->launched) launch_gate();
  if (in_guest) enter_vm(HOST);
  guest_registers = &HOST->registers; /* should it call a world, and that exit */
  __asm__ volatile("mov %0, %%cr3" ::"r"(host_cr3) : "memory");
  if (by_syscall) return_to_host_process();
  resume_host_process();
}

/* A call that did not return in time: the process goes on where its world is entered. */
void return_to_host_world(u64 entry) {
  in_guest = by_syscall = 0;
  HOST->rip = entry;
  resume_host();
}

static i64 write(u64 fd, u64 buffer, u64 size) {
  if (fd != STDOUT) return -EBADF;
  for (u64 n = 0; n < size; n++) {
    u64 at = physical(buffer + n, 1);
    if (!at) return -EFAULT;
    outb(0x3f8, *(u8 *)at);
  }
  return size;
}

/* A world call into a machine takes RFLAGS from the gate, and the way back keeps them. */
static i64 allow_ports(void) {
  HOST->rflags |= RFLAGS_IOPL;
  vmwrite(GUEST_RFLAGS, vmread(GUEST_RFLAGS) | RFLAGS_IOPL);
  return 0;
}

static i64 map_window(u64 window) {
  if (window != HOST_ID) return -EINVAL;
  for (u64 n = 0; n < WINDOW_SIZE; n += PAGE) map(USER_WINDOW(window) + n, (u64)window_memory(window) + n);
  return USER_WINDOW(window);
}

static i64 register_host_world(u64 entry, u64 flags, u64 record) {
  /* The gate's VM exits and the entry's system context load what the host needs: its tables, its system calls. */
  static struct system_context context __attribute__((aligned(16)));
  struct world_description description = {
      .flags = WORLD_CPL(3) | (flags & WORLD_KEEP_IF), .cs = USER_CS, .ss = USER_SS, .cr3 = host_cr3, .entry = entry,
      .system_context = (u64)&context, .call_record = record ? physical(record, sizeof(struct call_record)) : 0};
  if (record && !description.call_record) return -EFAULT;
  context = (struct system_context){
      .gdtr_base = (u64)gdt, .gdtr_limit = 0xffff, .idtr_base = vmread(HOST_IDTR_BASE), .idtr_limit = 0xffff,
      .tr_selector = TSS_SELECTOR, .tr_base = vmread(HOST_TR_BASE), .tr_limit = 0x67, .lstar = rdmsr(LSTAR),
      .star = rdmsr(STAR), .fmask = rdmsr(FMASK), .kernel_gs_base = rdmsr(KERNEL_GS_BASE)};
  return register_world(HOST, &description);
}

void host_system_call(void) {
  struct registers *r = &HOST->registers;
  i64 result;
  in_guest = 0;
  by_syscall = 1;
  switch (r->rax) {
  case SYS_write: result = write(r->rdi, r->rsi, r->rdx); break;
  case SYS_exit: end_context(HOST, r->rdi);
  case SYS_vm_id: result = HOST_ID; break;
  case SYS_iopl: result = allow_ports(); break;
  case SYS_window_map: result = map_window(r->rdi); break;
  case SYS_remote_call: result = hypercall(HOST, HC_CALL, r->rdi, r->rsi, 0); break;
  case SYS_world_register: result = register_host_world(r->rdi, r->rsi, r->rdx); break;
  case SYS_world_drop: result = hypercall(HOST, HC_WORLD_DROP, r->rdi, 0, 0); break;
  case SYS_world_find: result = hypercall(HOST, HC_WORLD_FIND, r->rdi, r->rsi, 0); break;
  default: result = -ENOSYS;
  }
  if (current == HOST) r->rax = result;
  resume();
}

void host_process_exception(u64 vector, u64 error) {
  in_guest = by_syscall = 0;
  if (vector == 13 && host_world_cache_miss()) resume();
  text("hypervisor: exception ");
  hex(vector);
  text(" error ");
  hex(error);
  text(" in the host's process at ");
  hex(HOST->rip);
  text("\n");
  end_context(HOST, 125);
}
