/* A machine: its RAM with kernel and initrd in it, as a multiboot loader leaves them, and its VMCS. */
#include "hypervisor.h"

#define MULTIBOOT_BOOT_MAGIC 0x2badb002
/* Multiboot information: memory sizes, command line, modules. */
#define INFO_FLAGS (1 | 4 | 8)
#define INFO_AT 0x9000
#define MODULE_LIST_AT 0x9100
#define COMMAND_LINE_AT 0x9200
#define COMMAND_LINE_SIZE 512

struct multiboot_info {
  u32 flags, lower_kb, upper_kb, boot_device, command_line, modules, module_list;
};
struct multiboot_module {
  u32 start, end, command_line, reserved;
};
struct elf32_header {
  u8 identification[16];
  u16 type, machine;
  u32 version, entry, program_headers, section_headers, flags;
  u16 size, program_header_size, program_header_count;
};
struct elf32_program_header {
  u32 type, offset, virtual_address, physical_address, file_size, memory_size, flags, align;
};
#define ELF_LOAD 1

extern const u8 *kernel_image;
static u8 *io_bitmaps, *msr_bitmap;

/* Loads the kernel. Gives the end of the memory that it takes, and its entry point. */
static u64 load_kernel(struct context *vm, u32 *entry) {
  const struct elf32_header *elf = (const void *)kernel_image;
  u64 end = 0;
  for (u32 n = 0; n < elf->program_header_count; n++) {
    const struct elf32_program_header *segment =
        (const void *)(kernel_image + elf->program_headers + n * elf->program_header_size);
    u8 *to = guest_memory(vm, segment->physical_address, segment->memory_size);
    if (segment->type != ELF_LOAD) continue;
    if (!to) panic("the kernel does not fit into a machine", segment->physical_address);
    copy(to, kernel_image + segment->offset, segment->file_size);
    if (segment->physical_address + segment->memory_size > end) end = segment->physical_address + segment->memory_size;
  }
  *entry = elf->entry;
  return end;
}

static u32 allowed(u32 msr, u32 wanted) {
  u64 value = rdmsr(msr);
  if (wanted & ~(u32)(value >> 32)) panic("the processor lacks a VMX control of MSR", msr);
  return wanted | (u32)value;
}

/* Ports that machines reach themselves: the console, and the one that marks what is measured. */
static void make_bitmaps(void) {
  io_bitmaps = allocate_pages(2);
  msr_bitmap = allocate_pages(1); /* all MSRs are the machine's own while it runs */
  fill(io_bitmaps, 0xff, 2 * PAGE);
  io_bitmaps[0x3f8 / 8] = 0;
  for (u32 port = MARK_PORT; port < MARK_PORT + 4; port++) io_bitmaps[port / 8] &= ~(1 << port % 8);
}

static void set_controls(struct context *vm) {
  vmwrite(PIN_CONTROLS,
          allowed(IA32_VMX_TRUE_PINBASED_CTLS, PIN_EXTERNAL_INTERRUPT | PIN_NMI | PIN_PREEMPTION_TIMER));
  vmwrite(PRIMARY_CONTROLS,
          allowed(IA32_VMX_TRUE_PROCBASED_CTLS,
                  PRIMARY_HLT | PRIMARY_IO_BITMAPS | PRIMARY_MSR_BITMAPS | PRIMARY_SECONDARY));
  vmwrite(SECONDARY_CONTROLS,
          allowed(IA32_VMX_PROCBASED_CTLS2, SECONDARY_EPT | SECONDARY_RDTSCP | SECONDARY_VPID |
                                                SECONDARY_UNRESTRICTED | SECONDARY_VMFUNC));
  vmwrite(EXIT_CONTROLS,
          allowed(IA32_VMX_TRUE_EXIT_CTLS, EXIT_HOST_64 | EXIT_ACKNOWLEDGE | EXIT_SAVE_EFER | EXIT_LOAD_EFER));
  vmwrite(ENTRY_CONTROLS, allowed(IA32_VMX_TRUE_ENTRY_CTLS, ENTRY_LOAD_EFER));
  vmwrite(IO_BITMAP_A, (u64)io_bitmaps);
  vmwrite(IO_BITMAP_B, (u64)io_bitmaps + PAGE);
  vmwrite(MSR_BITMAPS, (u64)msr_bitmap);
  vmwrite(VPID, vm->id == HOST_ID ? MAX_VMS + 1 : vm->id);
  vmwrite(EPT_POINTER, vm->eptp);
  vmwrite(EPTP_LIST, (u64)vm->eptp_list);
  vmwrite(VMFUNC_CONTROLS, VMFUNC_EPTP | (crossover ? VMFUNC_WORLDS : 0));
  vmwrite(VMCS_LINK_POINTER, ~0ul);
  vmwrite(CR0_MASK, 0x20); /* NE and VMXE are the host's to choose */
  vmwrite(CR0_SHADOW, 0x20);
  vmwrite(CR4_MASK, 0x2000);
  vmwrite(CR4_SHADOW, 0);
}

static void set_host_state(void) {
  u64 cr0, cr4;
  struct __attribute__((packed)) { u16 limit; u64 base; } idt;
  __asm__("mov %%cr0, %0" : "=r"(cr0));
  __asm__("mov %%cr4, %0" : "=r"(cr4));
  __asm__("sidt %0" : "=m"(idt));
  vmwrite(HOST_CR0, cr0);
  vmwrite(HOST_CR3, (u64)level4);
  vmwrite(HOST_CR4, cr4);
  vmwrite(HOST_EFER, rdmsr(EFER));
  vmwrite(HOST_CS, KERNEL_CS);
  vmwrite(HOST_ES, KERNEL_SS);
  vmwrite(HOST_SS, KERNEL_SS);
  vmwrite(HOST_DS, KERNEL_SS);
  vmwrite(HOST_TR, TSS_SELECTOR);
  vmwrite(HOST_TR_BASE, *(u32 *)((u8 *)gdt_tss + 2) & 0xffffff);
  vmwrite(HOST_GDTR_BASE, (u64)gdt);
  vmwrite(HOST_IDTR_BASE, idt.base);
  vmwrite(HOST_RSP, (u64)stack_top);
  vmwrite(HOST_RIP, (u64)vm_exit);
}

/* Multiboot's state: 32-bit protected mode, flat segments, no paging. */
static void set_guest_state(u32 entry) {
  enum { ES, CS, SS, DS, FS, GS, LDTR, TR, SEGMENTS };
  for (int n = 0; n < SEGMENTS; n++) {
    vmwrite(GUEST_ES + 2 * n, n == CS ? KERNEL_CS : n <= GS ? KERNEL_SS : 0);
    vmwrite(GUEST_ES_LIMIT + 2 * n, n == TR ? 0xffff : 0xffffffff);
    vmwrite(GUEST_ES_RIGHTS + 2 * n, n == CS ? 0xc09b : n <= GS ? 0xc093 : n == LDTR ? 0x10000 : 0x8b);
  }
  vmwrite(GUEST_CR0, 0x31); /* NE ET PE */
  vmwrite(GUEST_CR4, 0x2000);
  vmwrite(GUEST_DR7, 0x400);
  vmwrite(GUEST_RIP, entry);
  vmwrite(GUEST_RFLAGS, 2);
}

/* Makes a VMCS for the machine and makes it current. */
void set_up_vmcs(struct context *vm) {
  if (!io_bitmaps) make_bitmaps();
  vm->vmcs = allocate_pages(1);
  *(u32 *)vm->vmcs = rdmsr(IA32_VMX_BASIC);
  if (vmclear((u64)vm->vmcs) || vmptrld((u64)vm->vmcs)) panic("VMPTRLD fails", vm->id);
  set_controls(vm);
  set_host_state();
}

void make_vm(struct context *vm, const char *command_line) {
  u32 entry;
  u64 module;
  struct multiboot_info *info;
  struct multiboot_module *list;
  make_memory(vm);
  module = (load_kernel(vm, &entry) + PAGE - 1) & -PAGE;
  if (!guest_memory(vm, module, initrd_size)) panic("the initrd does not fit into a machine", initrd_size);
  copy(guest_memory(vm, module, initrd_size), initrd, initrd_size);
  copy(guest_memory(vm, COMMAND_LINE_AT, COMMAND_LINE_SIZE), command_line, length(command_line) + 1);
  info = guest_memory(vm, INFO_AT, sizeof *info);
  list = guest_memory(vm, MODULE_LIST_AT, sizeof *list);
  *list = (struct multiboot_module){.start = module, .end = module + initrd_size, .command_line = COMMAND_LINE_AT};
  *info = (struct multiboot_info){
      .flags = INFO_FLAGS,
      .lower_kb = 639,
      .upper_kb = (VM_MEMORY - 0x100000) / 1024,
      .command_line = COMMAND_LINE_AT,
      .modules = 1,
      .module_list = MODULE_LIST_AT,
  };
  set_up_vmcs(vm);
  set_guest_state(entry);
  vm->registers.rax = MULTIBOOT_BOOT_MAGIC;
  vm->registers.rbx = INFO_AT;
  vm->state = READY;
}
