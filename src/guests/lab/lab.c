/*
 * A first hypervisor, complete: it starts one guest and answers three kinds of VM exits. It is booted by multiboot and
 * stays in 32-bit protected mode, with memory mapped one to one; guest and host share it. docs/hypervisor_lab.md explains
 * it step by step. Numbers of fields, controls and exit reasons: Intel SDM, volume 3, appendices A to C.
 */
typedef unsigned int u32;
struct registers { u32 edi, esi, ebp, esp, ebx, edx, ecx, eax; }; /* as PUSHA leaves them */
enum { EXIT_CPUID = 10, EXIT_HLT = 12, EXIT_VMCALL = 18 };
enum { CS = 8, DS = 0x10, TR = 0x18, PAGE = 4096 };
#define CHARACTERS(a, b, c, d) ((a) | (b) << 8 | (c) << 16 | (d) << 24)
#define ALIGNED __attribute__((aligned(PAGE)))

static u32 page_directory[1024] ALIGNED, vmxon_region[1024] ALIGNED, vmcs[1024] ALIGNED;
char host_stack[PAGE] ALIGNED, guest_stack[PAGE] ALIGNED;
extern char vm_exit[], guest[];

/* The entry of the kernel, the place where VM exits arrive, and the guest: it asks who the processor is, and says it. */
__asm__(".section .multiboot, \"a\"; .long 0x1badb002, 0, -0x1badb002; .text\n"
        ".globl _start; _start: mov $host_stack + 4096, %esp; call main\n"
        "vm_exit: pusha; push %esp; call handle_exit; pop %eax; popa; vmresume; hlt\n"
        "guest: xor %eax, %eax; cpuid\n"                                /* the vendor: EBX, EDX, ECX */
        "  mov %ebx, %eax; vmcall; mov %edx, %eax; vmcall; mov %ecx, %eax; vmcall; hlt");

static void out(u32 port, u32 value) { __asm__ volatile("out %%al, %%dx" ::"a"(value), "d"(port)); }
static void put(u32 character) { /* waits until the serial port takes it */
  u32 status;
  do __asm__ volatile("in %%dx, %%al" : "=a"(status) : "d"(0x3fd)); while (!(status & 0x20));
  out(0x3f8, character);
}
static void print(const char *text) { while (*text) put(*text++); }
__attribute__((noreturn)) static void end(u32 value) { for (;;) out(0xf4, value); }

static u32 vmread(u32 field) {
  u32 value;
  __asm__ volatile("vmread %1, %0" : "=r"(value) : "r"(field) : "cc");
  return value;
}
static void vmwrite(u32 field, u32 value) { __asm__ volatile("vmwrite %1, %0" ::"r"(field), "r"(value) : "cc"); }

static u32 rdmsr(u32 msr, u32 *high) {
  u32 low;
  __asm__ volatile("rdmsr" : "=a"(low), "=d"(*high) : "c"(msr));
  return low;
}
/* Controls: what we want, and what must be 1 (low half of the capability MSR); nothing that must be 0 (high half). */
static u32 controls(u32 msr, u32 wanted) {
  u32 allowed, ones = rdmsr(msr, &allowed);
  return (wanted | ones) & allowed;
}

/* A VM exit: does in the guest's place what it wanted, and steps over the instruction. */
__attribute__((used)) void handle_exit(struct registers *r) {
  switch (vmread(0x4402)) { /* exit reason */
  case EXIT_CPUID:
    print("exit: CPUID\n");
    r->ebx = CHARACTERS('m', 'y', ' ', 'o'), r->edx = CHARACTERS('w', 'n', ' ', 'P');
    r->ecx = CHARACTERS('C', '!', '\n', 0), r->eax = 0;
    break;
  case EXIT_VMCALL:
    for (u32 text = r->eax; text; text >>= 8) put(text & 0xff);
    break;
  case EXIT_HLT: print("exit: HLT\n"); end(0);
  default: print("an exit that nobody expected\n"); end(1);
  }
  vmwrite(0x681e, vmread(0x681e) + vmread(0x440c)); /* guest RIP, instruction length */
}

__attribute__((used)) void main(void) {
  /* VMX operation wants paging, CR0.NE and CR4.VMXE: 4 MB pages (CR4.PSE), memory one to one. */
  for (u32 n = 0; n < 1024; n++) page_directory[n] = n << 22 | 0x83;
  u32 cr0 = 0x80000031, cr3 = (u32)page_directory, cr4 = 0x2010;
  __asm__ volatile("mov %0, %%cr4; mov %1, %%cr3; mov %2, %%cr0" ::"r"(cr4), "r"(cr3), "r"(cr0) : "memory");
  vmxon_region[0] = vmcs[0] = rdmsr(0x480, &(u32){0}); /* the revision that the processor asks for */
  unsigned long long on = (u32)vmxon_region, current = (u32)vmcs;
  __asm__ volatile("vmxon %0; vmclear %1; vmptrld %1" ::"m"(on), "m"(current) : "cc", "memory");

  static const struct { unsigned short first, last; } zeroed[] = {{0x4004, 0x400a}, {0x400e, 0x4010}, {0x4014, 0x401c},
    {0x4824, 0x482a}, {0x4c00, 0x4c00}, {0x6000, 0x600e}, {0x6802, 0x6826}, {0x6c06, 0x6c12}};
  for (u32 n = 0; n < sizeof zeroed / sizeof *zeroed; n++)
    for (u32 field = zeroed[n].first; field <= zeroed[n].last; field += 2) vmwrite(field, 0);
  for (u32 n = 0; n < 8; n++) { /* ES CS SS DS FS GS LDTR TR of the guest: flat; the host's are always flat */
    vmwrite(0x800 + 2 * n, n == 1 ? CS : n == 6 ? 0 : n == 7 ? TR : DS);
    if (n != 6) vmwrite(0xc00 + 2 * (n == 7 ? 6 : n), n == 1 ? CS : n == 7 ? TR : DS);
    vmwrite(0x4800 + 2 * n, n < 6 ? ~0u : 0x67);                                        /* limits */
    vmwrite(0x4814 + 2 * n, n == 1 ? 0xc09b : n == 6 ? 0x10000 : n == 7 ? 0x8b : 0xc093); /* access rights */
  }
  const u32 fields[][2] = {
    {0x4000, controls(0x481, 0)}, {0x4002, controls(0x482, 1 << 7)}, /* pin-based; processor-based: HLT exits */
    {0x400c, controls(0x483, 0)}, {0x4012, controls(0x484, 0)},      /* exit, entry */
    {0x2800, ~0u}, {0x2801, ~0u}, {0x2802, 0}, {0x2803, 0},          /* no linked VMCS; IA32_DEBUGCTL */
    {0x6800, cr0}, {0x6802, cr3}, {0x6804, cr4}, {0x681a, 0x400},    /* the guest: CR0, CR3, CR4, DR7 */
    {0x681c, (u32)guest_stack + PAGE}, {0x681e, (u32)guest}, {0x6820, 2}, /* ESP, EIP, EFLAGS */
    {0x6c00, cr0}, {0x6c02, cr3}, {0x6c04, cr4},                     /* the host */
    {0x6c14, (u32)host_stack + PAGE}, {0x6c16, (u32)vm_exit}};
  for (u32 n = 0; n < sizeof fields / sizeof *fields; n++) vmwrite(fields[n][0], fields[n][1]);
  print("starting the guest\n");
  __asm__ volatile("vmlaunch" ::: "cc", "memory"); /* goes on in the guest, or here if the processor refuses */
  print("VMLAUNCH has failed\n"), end(2);
}
