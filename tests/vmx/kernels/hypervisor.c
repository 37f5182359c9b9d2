/* A hypervisor with one guest, which prints the VM exits that the guest causes. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

extern u8 guest_code[], guest_gp[], vm_exit[];
extern u64 level4[], gdt[];
int enter_guest(u64 *registers, int launch);

static inline void outb(u16 port, u8 v) { __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port)); }
static inline void outl(u16 port, u32 v) { __asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port)); }
static inline u64 rdmsr(u32 index) {
  u32 lo, hi;
  __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(index));
  return (u64)hi << 32 | lo;
}
static inline u8 inb(u16 port) {
  u8 v;
  __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
  return v;
}
static void put(char c) {
  while (!(inb(0x3fd) & 0x20)) {}
  outb(0x3f8, c);
}
static void text(const char *s) {
  while (*s) put(*s++);
}
static void hex(u64 v) {
  int shift = 60;
  while (shift && !(v >> shift & 15)) shift -= 4;
  for (; shift >= 0; shift -= 4) put("0123456789abcdef"[v >> shift & 15]);
}
static void item(const char *name, u64 v) {
  text(" ");
  text(name);
  text("=");
  hex(v);
}

/* CF (VMfailInvalid) as 1, ZF (VMfailValid) as 2. */
#define STATUS "pushfq; pop %0"
static u64 status(u64 flags) { return (flags & 1) | (flags >> 5 & 2); }
static u64 vmread(u64 field) {
  u64 v;
  __asm__ volatile("vmread %1, %0" : "=r"(v) : "r"(field) : "cc");
  return v;
}
static u64 vmwrite(u64 field, u64 v) {
  u64 flags;
  __asm__ volatile("vmwrite %2, %1; " STATUS : "=&r"(flags) : "r"(field), "r"(v) : "cc");
  return status(flags);
}
#define POINTER_INSTRUCTION(name) \
  static u64 name(u64 at) { \
    u64 flags; \
    __asm__ volatile(#name " %1; " STATUS : "=r"(flags) : "m"(at) : "cc", "memory"); \
    return status(flags); \
  }
POINTER_INSTRUCTION(vmxon)
POINTER_INSTRUCTION(vmclear)
POINTER_INSTRUCTION(vmptrld)

struct descriptor {
  u64 first, second;
};
static u64 invept(u64 type, u64 eptp) {
  struct descriptor d = {eptp, 0};
  u64 flags;
  __asm__ volatile("invept %1, %2; " STATUS : "=r"(flags) : "m"(d), "r"(type) : "cc", "memory");
  return status(flags);
}
static u64 invvpid(u64 type, u64 vpid) {
  struct descriptor d = {vpid, 0};
  u64 flags;
  __asm__ volatile("invvpid %1, %2; " STATUS : "=r"(flags) : "m"(d), "r"(type) : "cc", "memory");
  return status(flags);
}

#define PAGE __attribute__((aligned(4096)))
static u8 vmxon_region[4096] PAGE, vmcs[4096] PAGE, other_vmcs[4096] PAGE;
static u8 io_bitmap[8192] PAGE, msr_bitmap[4096] PAGE, guest_stack[4096] PAGE;
static u64 eptp_list[512] PAGE, ept_level4[2][512] PAGE, ept_level3[2][512] PAGE, ept_level2[2][512] PAGE;
static u64 guest_idt[512] PAGE;

static void fail(const char *what, u64 got) {
  text(what);
  item("status", got);
  if (got == 2) item("error", vmread(0x4400));
  text("\n");
}

static void make_ept(int n) {
  for (u64 i = 0; i < 512; i++) ept_level2[n][i] = i << 21 | 0xb7;
  ept_level2[n][0x0c000000 >> 21] = (n ? 0x0c200000 : 0x0c000000) | 0xb7;
  ept_level2[n][0x0d000000 >> 21] = 0x0d000000 | 0xb2;
  ept_level2[n][0x0e000000 >> 21] = 0x0e000000 | 0xb4;
  ept_level3[n][0] = (u64)ept_level2[n] | 7;
  ept_level4[n][0] = (u64)ept_level3[n] | 7;
  eptp_list[n] = (u64)ept_level4[n] | 0x5e;
}

static u32 allowed(u32 msr, u32 wanted) {
  u64 v = rdmsr(msr);
  return (wanted | (u32)v) & (u32)(v >> 32);
}

static void set_up(void) {
  u64 cr0, cr4;
  __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
  __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
  vmwrite(0, 1);
  vmwrite(0x4000, allowed(0x48d, 0x40));
  vmwrite(0x4002, allowed(0x48e, 0x92999288 | 1u << 25));
  vmwrite(0x401e, allowed(0x48b, 1 << 1 | 1 << 5 | 1 << 6 | 1 << 13));
  vmwrite(0x400c, allowed(0x48f, 1 << 9 | 1 << 22));
  vmwrite(0x4012, allowed(0x490, 1 << 9));
  vmwrite(0x4004, 1 << 6 | 1 << 3 | 1 << 14);
  vmwrite(0x2000, (u64)io_bitmap);
  vmwrite(0x2002, (u64)io_bitmap + 4096);
  vmwrite(0x2004, (u64)msr_bitmap);
  io_bitmap[0x71 >> 3] = 1 << 1;
  io_bitmap[0x400 >> 3] = 1;
  msr_bitmap[0x174 >> 3] = 1 << 4;
  msr_bitmap[2048 + (0x175 >> 3)] = 1 << 5;
  vmwrite(0x201a, eptp_list[0]);
  vmwrite(0x2018, 1);
  vmwrite(0x2024, (u64)eptp_list);
  vmwrite(0x2800, ~0ul);
  vmwrite(0x482e, 100000);
  vmwrite(0x6000, 0x8); /* CR0.TS is the host's; the guest sees it set */
  vmwrite(0x6004, 0x8);
  vmwrite(0x6c00, cr0);
  vmwrite(0x6c02, (u64)level4);
  vmwrite(0x6c04, cr4);
  vmwrite(0x6c0c, (u64)gdt);
  vmwrite(0x6c16, (u64)vm_exit);
  vmwrite(0x6800, cr0);
  vmwrite(0x6802, (u64)level4);
  vmwrite(0x6804, cr4);
  vmwrite(0x681a, 0x400);
  vmwrite(0x681c, (u64)guest_stack + 4096);
  vmwrite(0x681e, (u64)guest_code);
  vmwrite(0x6820, 2);
  for (int n = 0; n < 8; n++) {
    vmwrite(0x0800 + 2 * n, n == 1 ? 8 : 0x10);
    vmwrite(0x4800 + 2 * n, n < 6 ? 0xffffffff : 0x67);
    vmwrite(0x4814 + 2 * n, n == 1 ? 0xa09b : n < 6 ? 0xc093 : n == 6 ? 0x10000 : 0x8b);
    if (n < 6) vmwrite(0x0c00 + 2 * n, n == 1 ? 8 : 0x10);
  }
  vmwrite(0x0c0c, 0x18);
  vmwrite(0x6816, (u64)gdt);
  vmwrite(0x4810, 0x7f);
  vmwrite(0x6818, (u64)guest_idt);
  vmwrite(0x4812, 0xfff);
  u64 target = (u64)guest_gp;
  guest_idt[26] = (target & 0xffff) | 8 << 16 | 0x8e00ul << 32 | (target >> 16 & 0xffff) << 48;
}

static void print_exit(const u64 *registers) {
  u64 reason = vmread(0x4402), qualification = vmread(0x6400);
  text("exit");
  item("reason", reason);
  item("qualification", qualification);
  item("length", vmread(0x440c));
  if (vmread(0x4404) >> 31) item("interruption", vmread(0x4404)), item("error", vmread(0x4406));
  if (vmread(0x4408) >> 31) item("vectoring", vmread(0x4408));
  if (reason == 48) item("linear", vmread(0x640a));
  if (reason == 48 || reason == 49) item("physical", vmread(0x2400));
  if (reason == 18) item("rax", registers[0]), item("rbx", registers[1]);
  text("\n");
}

void interrupt(void) {
  text("an exception in the host\n");
  outl(0xf4, 1);
}
u64 system_call(void) { return 0; }

void kernel_main(void) {
  u64 cr4, registers[4] = {0, 0, 0, 0};
  u32 a = 1, b, c = 0, d;
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  item("vmx", c >> 5 & 1);
  item("feature", rdmsr(0x3a));
  for (u32 index = 0x480; index <= 0x491; index++) text("\n"), hex(index), item("", rdmsr(index));
  text("\n");
  __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
  __asm__ volatile("mov %0, %%cr4" ::"r"(cr4 | 0x2000));
  u32 revision = rdmsr(0x480);
  fail("vmxon misaligned", vmxon((u64)vmxon_region + 8));
  fail("vmxon without revision", vmxon((u64)vmxon_region));
  *(u32 *)vmxon_region = *(u32 *)vmcs = revision;
  fail("vmxon", vmxon((u64)vmxon_region));
  fail("vmwrite without vmcs", vmwrite(0, 1));
  fail("vmclear", vmclear((u64)vmcs));
  fail("vmptrld", vmptrld((u64)vmcs));
  fail("vmxon in root", vmxon((u64)vmxon_region));
  fail("vmptrld misaligned", vmptrld((u64)vmcs + 1));
  fail("vmptrld of vmxon region", vmptrld((u64)vmxon_region));
  fail("vmptrld of a wrong revision", vmptrld((u64)other_vmcs));
  fail("vmclear misaligned", vmclear((u64)vmcs + 1));
  fail("vmclear of vmxon region", vmclear((u64)vmxon_region));
  fail("vmwrite of no field", vmwrite(0x6fff, 0));
  fail("vmwrite of a read-only field", vmwrite(0x4402, 0));
  fail("invept of no type", invept(3, 0));
  fail("invept of all", invept(2, 0));
  fail("invvpid of VPID 0", invvpid(1, 0));
  fail("invvpid of all", invvpid(2, 0));
  for (int n = 0; n < 2; n++) make_ept(n);
  *(u64 *)0x0c000000 = 0xaaaa;
  *(u64 *)0x0c200000 = 0xbbbb;
  fail("invalid controls", (enter_guest(registers, 1), 2));
  set_up();
  fail("vmresume of a clear vmcs", enter_guest(registers, 0) * 2);
  vmwrite(0x0c0c, 0);
  fail("host TR of 0", enter_guest(registers, 1) * 2);
  vmwrite(0x0c0c, 0x18);
  vmwrite(0x6820, 0);
  enter_guest(registers, 1);
  print_exit(registers);
  vmwrite(0x6820, 2);
  int launch = 1;
  for (;;) {
    if (enter_guest(registers, launch)) {
      fail("entry", 2);
      break;
    }
    launch = 0;
    print_exit(registers);
    u64 reason = vmread(0x4402), length = vmread(0x440c), rip = vmread(0x681e);
    if (reason == 2) break;
    if (reason == 24 || reason == 20) vmwrite(0x4002, vmread(0x4002) | 1 << 2); /* open the interrupt window */
    if (reason == 7) vmwrite(0x4002, vmread(0x4002) & ~(1ul << 2)), vmwrite(0x482e, 1000); /* entries take some */
    if (reason == 52) {
      vmwrite(0x482e, 100000);
      vmwrite(0x4004, 0); /* what follows is the guest's own affair */
      vmwrite(0x4016, 0x80000b0d); /* #GP */
      vmwrite(0x4018, 0x1238);
    }
    vmwrite(0x681e, reason == 7 ? rip : length && reason != 52 ? rip + length : registers[3]);
  }
  fail("vmlaunch of a launched vmcs", enter_guest(registers, 1) * 2);
  u64 flags;
  __asm__ volatile("vmcall; " STATUS : "=r"(flags)::"cc");
  fail("vmcall in root", status(flags));
  __asm__ volatile("vmxoff; " STATUS : "=r"(flags)::"cc");
  item("vmxoff", status(flags));
  text("\n");
  outl(0xf4, 0);
}
