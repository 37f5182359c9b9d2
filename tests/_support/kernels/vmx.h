/* VMX for test kernels: VMCS fields by the manual's names, the instructions, and a guest to start from. */
#ifndef VMX_H
#define VMX_H
#include "kernel.h"

/* SDM vol. 3D, appendix B. */
enum field {
  VPID = 0x0000, POSTED_VECTOR = 0x0002, EPTP_INDEX = 0x0004,
  GUEST_ES = 0x0800, GUEST_CS = 0x0802, GUEST_SS = 0x0804, GUEST_TR = 0x080e, GUEST_LDTR = 0x080c,
  INTERRUPT_STATUS = 0x0810, PML_INDEX = 0x0812,
  HOST_ES = 0x0c00, HOST_CS = 0x0c02, HOST_TR = 0x0c0c,
  IO_BITMAP_A = 0x2000, IO_BITMAP_B = 0x2002, MSR_BITMAPS = 0x2004,
  EXIT_MSR_STORE = 0x2006, EXIT_MSR_LOAD = 0x2008, ENTRY_MSR_LOAD = 0x200a,
  PML_ADDRESS = 0x200e, TSC_OFFSET = 0x2010, VIRTUAL_APIC = 0x2012, APIC_ACCESS = 0x2014, POSTED_DESCRIPTOR = 0x2016,
  VMFUNC_CONTROLS = 0x2018, EPT_POINTER = 0x201a, EOI_EXIT0 = 0x201c, EPTP_LIST = 0x2024,
  GUEST_PHYSICAL = 0x2400,
  LINK_POINTER = 0x2800, GUEST_DEBUGCTL = 0x2802, GUEST_PAT = 0x2804, GUEST_EFER = 0x2806,
  GUEST_PDPTE0 = 0x280a,
  HOST_PAT = 0x2c00, HOST_EFER = 0x2c02,
  PIN_CONTROLS = 0x4000, PRIMARY_CONTROLS = 0x4002, EXCEPTION_BITMAP = 0x4004,
  PAGE_FAULT_MASK = 0x4006, PAGE_FAULT_MATCH = 0x4008, CR3_TARGET_COUNT = 0x400a,
  EXIT_CONTROLS = 0x400c, EXIT_MSR_STORE_COUNT = 0x400e, EXIT_MSR_LOAD_COUNT = 0x4010,
  ENTRY_CONTROLS = 0x4012, ENTRY_MSR_LOAD_COUNT = 0x4014,
  ENTRY_INTERRUPTION = 0x4016, ENTRY_ERROR_CODE = 0x4018, ENTRY_LENGTH = 0x401a, TPR_THRESHOLD = 0x401c,
  SECONDARY_CONTROLS = 0x401e, PLE_GAP = 0x4020, PLE_WINDOW = 0x4022,
  INSTRUCTION_ERROR = 0x4400, EXIT_REASON = 0x4402, EXIT_INTERRUPTION = 0x4404, EXIT_ERROR_CODE = 0x4406,
  IDT_VECTORING = 0x4408, IDT_VECTORING_ERROR = 0x440a, EXIT_LENGTH = 0x440c, EXIT_INSTRUCTION = 0x440e,
  GUEST_ES_LIMIT = 0x4800, GUEST_CS_LIMIT = 0x4802, GUEST_GDTR_LIMIT = 0x4810, GUEST_IDTR_LIMIT = 0x4812,
  GUEST_ES_RIGHTS = 0x4814, GUEST_CS_RIGHTS = 0x4816, GUEST_SS_RIGHTS = 0x4818,
  GUEST_LDTR_RIGHTS = 0x4820, GUEST_TR_RIGHTS = 0x4822,
  INTERRUPTIBILITY = 0x4824, ACTIVITY = 0x4826, GUEST_SYSENTER_CS = 0x482a, PREEMPTION_TIMER = 0x482e,
  HOST_SYSENTER_CS = 0x4c00,
  CR0_MASK = 0x6000, CR4_MASK = 0x6002, CR0_SHADOW = 0x6004, CR4_SHADOW = 0x6006, CR3_TARGET0 = 0x6008,
  EXIT_QUALIFICATION = 0x6400, IO_RIP = 0x6408, GUEST_LINEAR = 0x640a,
  GUEST_CR0 = 0x6800, GUEST_CR3 = 0x6802, GUEST_CR4 = 0x6804, GUEST_ES_BASE = 0x6806, GUEST_TR_BASE = 0x6814,
  GUEST_GDTR_BASE = 0x6816, GUEST_IDTR_BASE = 0x6818, GUEST_DR7 = 0x681a, GUEST_RSP = 0x681c,
  GUEST_RIP = 0x681e, GUEST_RFLAGS = 0x6820, PENDING_DEBUG = 0x6822,
  HOST_CR0 = 0x6c00, HOST_CR3 = 0x6c02, HOST_CR4 = 0x6c04, HOST_FS_BASE = 0x6c06, HOST_TR_BASE = 0x6c0a,
  HOST_GDTR_BASE = 0x6c0c, HOST_IDTR_BASE = 0x6c0e, HOST_RSP = 0x6c14, HOST_RIP = 0x6c16,
};

/* Pin-based controls. SDM vol. 3C, table 25-5. */
enum { PIN_INTERRUPT = 1, PIN_NMI = 1 << 3, PIN_VIRTUAL_NMI = 1 << 5, PIN_TIMER = 1 << 6, PIN_POSTED = 1 << 7 };
/* Primary processor-based controls. Table 25-6. */
enum {
  CPU_INTERRUPT_WINDOW = 1 << 2, CPU_TSC_OFFSET = 1 << 3, CPU_HLT = 1 << 7, CPU_INVLPG = 1 << 9, CPU_MWAIT = 1 << 10,
  CPU_RDPMC = 1 << 11, CPU_RDTSC = 1 << 12, CPU_CR3_LOAD = 1 << 15, CPU_CR3_STORE = 1 << 16, CPU_CR8_LOAD = 1 << 19,
  CPU_CR8_STORE = 1 << 20, CPU_TPR_SHADOW = 1 << 21, CPU_NMI_WINDOW = 1 << 22, CPU_MOV_DR = 1 << 23,
  CPU_UNCONDITIONAL_IO = 1 << 24, CPU_IO_BITMAPS = 1 << 25, CPU_TRAP_FLAG = 1 << 27, CPU_MSR_BITMAPS = 1 << 28,
  CPU_MONITOR = 1 << 29, CPU_PAUSE = 1 << 30,
};
#define CPU_SECONDARY (1u << 31)
/* Secondary ones. Table 25-7. */
enum {
  CPU2_APIC = 1, CPU2_EPT = 1 << 1, CPU2_TABLES = 1 << 2, CPU2_RDTSCP = 1 << 3, CPU2_X2APIC = 1 << 4,
  CPU2_VPID = 1 << 5, CPU2_WBINVD = 1 << 6, CPU2_UNRESTRICTED = 1 << 7,
  CPU2_REGISTERS = 1 << 8, CPU2_INTERRUPTS = 1 << 9, CPU2_PAUSE_LOOP = 1 << 10,
  CPU2_RDRAND = 1 << 11, CPU2_INVPCID = 1 << 12, CPU2_VMFUNC = 1 << 13, CPU2_SHADOW = 1 << 14, CPU2_PML = 1 << 17, CPU2_VE = 1 << 18,
};
/* VM-exit and VM-entry controls. Tables 25-13 and 25-15. */
enum {
  EXIT_DEBUG = 1 << 2, EXIT_LONG = 1 << 9, EXIT_ACKNOWLEDGE = 1 << 15, EXIT_SAVE_PAT = 1 << 18, EXIT_LOAD_PAT = 1 << 19,
  EXIT_SAVE_EFER = 1 << 20, EXIT_LOAD_EFER = 1 << 21, EXIT_SAVE_TIMER = 1 << 22,
  ENTRY_DEBUG = 1 << 2, ENTRY_LONG = 1 << 9, ENTRY_LOAD_PAT = 1 << 14, ENTRY_LOAD_EFER = 1 << 15,
};

/* General registers of the guest, in the order of their numbers; RSP is in the VMCS. */
struct registers {
  u64 rax, rcx, rdx, rbx, unused, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15;
};
/* Returns 0 after a VM exit, else 1 (VMfailInvalid) or 2 (VMfailValid). */
int enter_guest(struct registers *registers, int launch);
extern u8 vm_exit[];

u64 vmread(u64 field);
/* These return 0, 1 (VMfailInvalid) or 2 (VMfailValid). */
u64 vmwrite(u64 field, u64 value);
u64 vmxon(void *region);
u64 vmclear(void *region);
u64 vmptrld(void *region);
u64 invept(u64 type, u64 eptp);
u64 invvpid(u64 type, u64 vpid, u64 linear);

/* Turns VMX on; the region must be zero. */
void vmx_on(void);
/* Makes a region the current, clear VMCS: host state as it is now, a 64-bit guest at CPL 0 with the host's tables, EPT. */
void new_vmcs(void *region, u64 eptp, u64 rip, u64 rsp);
/* Sets a control field to what is wanted and what the capability MSR demands. Returns what is wanted but not there. */
u32 control(u64 field, u32 wanted);

/* An EPT that maps 4 GB one to one with 2 MB pages, write-back. */
struct ept {
  u64 level4[512], level3[512], level2[4][512];
} PAGE;
enum { EPT_READ = 1, EPT_WRITE = 2, EPT_EXECUTE = 4, EPT_WRITE_BACK = 6 << 3, EPT_LARGE = 1 << 7 };
#define EPT_ALL (EPT_READ | EPT_WRITE | EPT_EXECUTE)
/* Fills it. Returns its EPTP, without accessed and dirty flags. */
u64 make_ept(struct ept *ept);
#endif
