#include "vmx.h"

/* CF (VMfailInvalid) as 1, ZF (VMfailValid) as 2. SDM vol. 3C, 31.2. */
#define STATUS "pushfq; pop %0"
static u64 status(u64 flags) { return (flags & 1) | (flags >> 5 & 2); }

u64 vmread(u64 field) {
  u64 v;
  __asm__ volatile("vmread %1, %0" : "=r"(v) : "r"(field) : "cc");
  return v;
}
u64 vmwrite(u64 field, u64 value) {
  u64 flags;
  __asm__ volatile("vmwrite %2, %1; " STATUS : "=&r"(flags) : "r"(field), "r"(value) : "cc");
  return status(flags);
}

#define POINTER_INSTRUCTION(name) \
  u64 name(void *region) { \
    u64 flags, at = (u64)region; \
    __asm__ volatile(#name " %1; " STATUS : "=r"(flags) : "m"(at) : "cc", "memory"); \
    return status(flags); \
  }
POINTER_INSTRUCTION(vmxon)
POINTER_INSTRUCTION(vmclear)
POINTER_INSTRUCTION(vmptrld)

u64 invept(u64 type, u64 eptp) {
  struct { u64 eptp, zero; } d = {eptp, 0};
  u64 flags;
  __asm__ volatile("invept %1, %2; " STATUS : "=r"(flags) : "m"(d), "r"(type) : "cc", "memory");
  return status(flags);
}
u64 invvpid(u64 type, u64 vpid, u64 linear) {
  struct { u64 vpid, linear; } d = {vpid, linear};
  u64 flags;
  __asm__ volatile("invvpid %1, %2; " STATUS : "=r"(flags) : "m"(d), "r"(type) : "cc", "memory");
  return status(flags);
}

static u8 vmxon_region[4096] PAGE;

void vmx_on(void) {
  u64 cr4;
  __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
  __asm__ volatile("mov %0, %%cr4" ::"r"(cr4 | 0x2000));
  *(u32 *)vmxon_region = rdmsr(0x480);
  if (vmxon(vmxon_region)) text("vmxon failed\n"), quit(1);
}

/* The true capability MSRs. SDM vol. 3D, appendix A. */
static u32 capability_of(u64 field) {
  switch (field) {
  case PIN_CONTROLS: return 0x48d;
  case PRIMARY_CONTROLS: return 0x48e;
  case EXIT_CONTROLS: return 0x48f;
  case ENTRY_CONTROLS: return 0x490;
  default: return 0x48b;
  }
}
u32 control(u64 field, u32 wanted) {
  u64 capability = rdmsr(capability_of(field));
  u32 can = capability >> 32;
  vmwrite(field, (wanted | (u32)capability) & can);
  return wanted & ~can;
}

u64 make_ept(struct ept *ept) {
  for (u64 n = 0; n < 4 * 512; n++) ept->level2[n / 512][n % 512] = n << 21 | EPT_LARGE | EPT_WRITE_BACK | EPT_ALL;
  for (int n = 0; n < 4; n++) ept->level3[n] = (u64)ept->level2[n] | EPT_ALL;
  ept->level4[0] = (u64)ept->level3 | EPT_ALL;
  return (u64)ept->level4 | 3 << 3 | 6;
}

static u8 task_state[104];

/* Segments as long mode has them. Access rights: SDM vol. 3C, table 25-2. */
static void guest_segments(void) {
  for (int n = 0; n < 8; n++) {
    int code = n == 1, data = n < 6 && !code;
    vmwrite(GUEST_ES + 2 * n, code ? 8 : data ? 0x10 : n == 7 ? 0x30 : 0);
    vmwrite(GUEST_ES_LIMIT + 2 * n, n < 6 ? 0xffffffff : 103);
    vmwrite(GUEST_ES_RIGHTS + 2 * n, code ? 0xa09b : data ? 0xc093 : n == 7 ? 0x8b : 0x10000);
    vmwrite(GUEST_ES_BASE + 2 * n, n == 7 ? (u64)task_state : 0);
  }
}

void new_vmcs(void *region, u64 eptp, u64 rip, u64 rsp) {
  u64 cr0, cr4;
  struct { u16 limit; u64 base; } __attribute__((packed)) idtr;
  __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
  __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
  __asm__ volatile("sidt %0" : "=m"(idtr));
  *(u32 *)region = rdmsr(0x480);
  if (vmclear(region) || vmptrld(region)) text("vmptrld failed\n"), quit(1);
  control(PIN_CONTROLS, 0);
  control(PRIMARY_CONTROLS, CPU_SECONDARY);
  control(SECONDARY_CONTROLS, CPU2_EPT);
  control(EXIT_CONTROLS, EXIT_LONG | EXIT_SAVE_EFER | EXIT_LOAD_EFER);
  control(ENTRY_CONTROLS, ENTRY_LONG | ENTRY_LOAD_EFER);
  vmwrite(EPT_POINTER, eptp);
  vmwrite(LINK_POINTER, ~0ul);
  vmwrite(HOST_CR0, cr0), vmwrite(GUEST_CR0, cr0);
  vmwrite(HOST_CR3, (u64)level4), vmwrite(GUEST_CR3, (u64)level4);
  vmwrite(HOST_CR4, cr4), vmwrite(GUEST_CR4, cr4);
  vmwrite(HOST_EFER, rdmsr(0xc0000080)), vmwrite(GUEST_EFER, rdmsr(0xc0000080));
  for (int n = 0; n < 6; n++) vmwrite(HOST_ES + 2 * n, n == 1 ? 8 : 0x10);
  vmwrite(HOST_TR, 0x30);
  vmwrite(HOST_GDTR_BASE, (u64)gdt), vmwrite(GUEST_GDTR_BASE, (u64)gdt);
  vmwrite(HOST_IDTR_BASE, idtr.base), vmwrite(GUEST_IDTR_BASE, idtr.base);
  vmwrite(GUEST_GDTR_LIMIT, 0x3f), vmwrite(GUEST_IDTR_LIMIT, idtr.limit);
  vmwrite(HOST_RIP, (u64)vm_exit);
  guest_segments();
  vmwrite(GUEST_DR7, 0x400);
  vmwrite(GUEST_RFLAGS, 2);
  vmwrite(GUEST_RIP, rip);
  vmwrite(GUEST_RSP, rsp);
}
