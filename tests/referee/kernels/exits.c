/* A hypervisor that prints all that it is told of its guest's exits. It opens no control that Bochs lacks. */
#include "vmx.h"

extern struct guest_case { const char *name; u8 *begin, *end; } cases[];
extern u8 scratch[], guest_handler[];

enum { LARGE_PAGE = 0x200000, MOST_EXITS = 4, LIFETIME = 4000 };
enum { NOT_PRESENT = 0x0c000000, READ_ONLY = 0x0c200000, EXECUTE_ONLY = 0x0c400000, MISCONFIGURED = 0x0c600000,
       NO_EXECUTE = 0x0c800000 };

static u8 vmcs[4096] PAGE, guest_stack[4096] PAGE;
static struct ept ept;
static u64 guest_idt[512] PAGE;

void interrupt(struct frame *f) {
  text("exception in the host"), item("vector", f->vector), item("rip", f->rip), put('\n');
  quit(1);
}

/* The exits after which the manual defines the length and the information of the instruction. SDM vol. 3C, 28.2.5. */
static int has_length(u64 reason, u64 interruption) {
  if (reason == 0) return (interruption >> 8 & 7) == 6 || (interruption >> 8 & 7) == 5;
  return (reason >= 10 && reason <= 32) || reason == 36 || reason == 39 || reason == 40 || reason == 46 ||
         reason == 47 || (reason >= 50 && reason <= 61 && reason != 52 && reason != 56);
}
/* The bits of the information that the manual defines in 64-bit mode. Tables 28-8 to 28-15. */
static u64 defined_information(u64 reason, u64 qualification) {
  u64 memory = 3 | 7 << 7 | 1 << 10 | 7 << 15 | 15 << 18 | 1 << 22 | 15 << 23 | 1 << 27;
  switch (reason) {
  case 30: return !(qualification >> 4 & 1) ? 0 : qualification & 8 ? 7 << 7 : 7 << 7 | 7 << 15;
  case 57: case 61: return 15 << 3 | 3 << 11;
  case 46: return memory | 3 << 28;
  case 47: return vmread(EXIT_INSTRUCTION) >> 10 & 1 ? 15 << 3 | 1 << 10 | 3 << 28 : memory | 3 << 28;
  case 19: case 21: case 22: case 27: return memory;
  case 23: case 25: return vmread(EXIT_INSTRUCTION) >> 10 & 1 ? 0xf0000478 : memory | 0xf0000000;
  case 50: case 53: case 58: return memory | 0xf0000000;
  default: return 0;
  }
}

static void print_exit(const u8 *begin) {
  u64 reason = vmread(EXIT_REASON), qualification = vmread(EXIT_QUALIFICATION), interruption = vmread(EXIT_INTERRUPTION);
  item("reason", reason), item("qualification", qualification), item("rip", vmread(GUEST_RIP) - (u64)begin);
  if (has_length(reason, interruption)) item("length", vmread(EXIT_LENGTH));
  u64 defined = defined_information(reason, qualification);
  if (defined) item("information", vmread(EXIT_INSTRUCTION) & defined);
  if (interruption >> 31) item("interruption", interruption);
  if (interruption >> 31 && interruption >> 11 & 1) item("error", vmread(EXIT_ERROR_CODE));
  if (vmread(IDT_VECTORING) >> 31) item("vectoring", vmread(IDT_VECTORING));
  if (vmread(IDT_VECTORING) >> 31 && vmread(IDT_VECTORING) >> 11 & 1) item("its-error", vmread(IDT_VECTORING_ERROR));
  if (reason == 48 || reason == 49) item("physical", vmread(GUEST_PHYSICAL));
  if ((reason == 48 && qualification & 0x80) || (reason == 30 && qualification & 0x10)) item("linear", vmread(GUEST_LINEAR));
  if (vmread(INTERRUPTIBILITY)) item("blocking", vmread(INTERRUPTIBILITY));
  if (vmread(PENDING_DEBUG)) item("pending", vmread(PENDING_DEBUG));
  item("rflags", vmread(GUEST_RFLAGS));
}

static void reset(u8 *rip) {
  vmwrite(GUEST_RIP, (u64)rip);
  vmwrite(GUEST_RSP, (u64)guest_stack + sizeof guest_stack - 64);
  vmwrite(GUEST_RFLAGS, 2);
  vmwrite(GUEST_DR7, 0x400);
  vmwrite(GUEST_IDTR_BASE, (u64)guest_idt);
  vmwrite(GUEST_IDTR_LIMIT, 0xfff);
  vmwrite(INTERRUPTIBILITY, 0);
  vmwrite(PENDING_DEBUG, 0);
  vmwrite(ACTIVITY, 0);
  vmwrite(ENTRY_INTERRUPTION, 0);
  vmwrite(PREEMPTION_TIMER, LIFETIME);
}

static int launch = 1;
static int enter(struct registers *r) {
  int failed = enter_guest(r, launch);
  if (failed) item("failed", failed), item("error", failed == 2 ? vmread(INSTRUCTION_ERROR) : 0);
  else if (!(vmread(EXIT_REASON) >> 31)) launch = 0;
  return failed;
}

static struct registers initial(void) {
  u64 at = (u64)scratch;
  struct registers r = {0, 3, 0x71, at, 0, 0x55, at, at, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
  return r;
}

static int begins(const char *text, const char *with) {
  while (*with && *text == *with) text++, with++;
  return !*with;
}

static void run_case(const struct guest_case *c) {
  struct registers r = initial();
  reset(c->begin);
  /* Events whose delivery needs a table that the EPT does not map. */
  int delivery = begins(c->name, "delivery");
  vmwrite(EXCEPTION_BITMAP, delivery ? 0 : 0xffffffff);
  if (delivery) vmwrite(GUEST_IDTR_BASE, NOT_PRESENT);
  for (int n = 0; n < MOST_EXITS; n++) {
    text(n ? "  then" : c->name);
    if (enter(&r)) break;
    print_exit(c->begin);
    put('\n');
    u64 reason = vmread(EXIT_REASON), rip = vmread(GUEST_RIP);
    if ((reason == 18 && rip == (u64)c->end) || !has_length(reason, vmread(EXIT_INTERRUPTION))) break;
    vmwrite(GUEST_RIP, rip + vmread(EXIT_LENGTH));
  }
}

/* Events that VM entries inject. */
static const struct { const char *name; u64 information, error, length, rflags, blocking; } events[] = {
  {"inject external interrupt", 0x80000050, 0, 0, 0x202, 0},
  {"inject external interrupt without IF", 0x80000050, 0, 0, 2, 0},
  {"inject #GP", 0x80000b0d, 0x1238, 0, 2, 0},
  {"inject #UD", 0x80000306, 0, 0, 2, 0},
  {"inject int", 0x80000450, 0, 2, 2, 0},
  {"inject int3", 0x80000603, 0, 1, 2, 0},
  {"inject icebp", 0x80000501, 0, 1, 2, 0},
  {"inject #GP without its error code", 0x8000030d, 0, 0, 2, 0},
  {"inject #UD with an error code", 0x80000b06, 0, 0, 2, 0},
  {"inject type 1", 0x80000150, 0, 0, 2, 0},
  {"inject NMI with vector 3", 0x80000203, 0, 0, 2, 0},
  {"inject exception 32", 0x80000320, 0, 0, 2, 0},
  {"inject int of length 16", 0x80000450, 0, 16, 2, 0},
  {"inject with reserved bits", 0x80001306, 0, 0, 2, 0},
  {"inject a wide error code", 0x80000b0d, 0x10000, 0, 2, 0},
  {"inject external interrupt behind STI", 0x80000050, 0, 0, 0x202, 1},
  {"inject NMI behind MOV SS", 0x80000202, 0, 0, 2, 2},
  /* Bochs keeps NMIs blocked from here on. */
  {"inject NMI", 0x80000202, 0, 0, 2, 0},
};

static void inject(void) {
  for (u64 n = 0; n < sizeof events / sizeof *events; n++) {
    struct registers r = initial();
    reset(cases[0].begin);
    vmwrite(GUEST_RFLAGS, events[n].rflags);
    vmwrite(INTERRUPTIBILITY, events[n].blocking);
    vmwrite(ENTRY_INTERRUPTION, events[n].information);
    vmwrite(ENTRY_ERROR_CODE, events[n].error);
    vmwrite(ENTRY_LENGTH, events[n].length);
    text(events[n].name);
    if (!enter(&r)) {
      print_exit(guest_handler);
      const u64 *stack = (u64 *)vmread(GUEST_RSP);
      if (vmread(EXIT_REASON) == 18) item("pushed", stack[0]), item("and", stack[1]);
    }
    put('\n');
  }
}

/* What VM entries check, by one field that is wrong. */
static const struct { const char *name; u64 field, value; } checks[] = {
  {"CR3 targets", CR3_TARGET_COUNT, 5}, {"MSR bitmaps", MSR_BITMAPS, 0x1001}, {"EPTP memory type", EPT_POINTER, 0x1019},
  {"EPTP levels", EPT_POINTER, 0x100e}, {"EPTP reserved", EPT_POINTER, 0x181e}, {"VM functions", VMFUNC_CONTROLS, 0x80},
  {"EPTP list", EPTP_LIST, 0x1008}, {"VPID", VPID, 0},
  {"host CR0", HOST_CR0, 0x10}, {"host CR4", HOST_CR4, 0x20}, {"host CR3", HOST_CR3, 1ul << 52},
  {"host RIP", HOST_RIP, 1ul << 50}, {"host CS RPL", HOST_CS, 11}, {"host CS null", HOST_CS, 0}, {"host DS TI", HOST_ES, 0x14},
  {"host TR", HOST_TR, 0}, {"host FS base", HOST_FS_BASE, 1ul << 60}, {"host GDTR base", HOST_GDTR_BASE, 1ul << 47},
  {"host IDTR base", HOST_IDTR_BASE, 1ul << 48}, {"host TR base", HOST_TR_BASE, 1ul << 63}, {"host EFER", HOST_EFER, 1},
  {"host EFER reserved", HOST_EFER, 0x1d02}, {"host PAT", HOST_PAT, 2},
  {"guest CR0", GUEST_CR0, 0x80000031}, {"guest CR0 PG", GUEST_CR0, 0x80000020}, {"guest CR4", GUEST_CR4, 0x20},
  {"guest CR4 PAE", GUEST_CR4, 0x2000}, {"guest CR3", GUEST_CR3, 1ul << 53}, {"guest RIP", GUEST_RIP, 1ul << 47},
  {"guest RFLAGS 0", GUEST_RFLAGS, 0}, {"guest RFLAGS reserved", GUEST_RFLAGS, 0x8002}, {"guest RFLAGS VM", GUEST_RFLAGS, 0x20002},
  {"guest EFER", GUEST_EFER, 0x900}, {"guest EFER reserved", GUEST_EFER, 0xd03}, {"guest PAT", GUEST_PAT, 3},
  {"guest TR null", GUEST_TR, 4}, {"guest TR type", GUEST_TR_RIGHTS, 0x89}, {"guest TR unusable", GUEST_TR_RIGHTS, 0x1008b},
  {"guest TR limit", 0x480e, 0xfffff000}, {"guest TR base", GUEST_TR_BASE, 1ul << 52}, {"guest LDTR", GUEST_LDTR_RIGHTS, 0x83},
  {"guest CS type", GUEST_CS_RIGHTS, 0xa093}, {"guest CS D and L", GUEST_CS_RIGHTS, 0xe09b}, {"guest CS S", GUEST_CS_RIGHTS, 0xa08b},
  {"guest CS absent", GUEST_CS_RIGHTS, 0xa01b}, {"guest CS DPL", GUEST_CS_RIGHTS, 0xa0fb}, {"guest CS G", GUEST_CS_RIGHTS, 0x209b},
  {"guest CS base", 0x6808, 1ul << 32}, {"guest SS RPL", GUEST_SS, 0x13}, {"guest SS DPL", GUEST_SS_RIGHTS, 0xc0f3},
  {"guest SS type", GUEST_SS_RIGHTS, 0xc091}, {"guest ES not accessed", GUEST_ES_RIGHTS, 0xc092}, {"guest ES reserved", GUEST_ES_RIGHTS, 0x20c093},
  {"guest ES base", GUEST_ES_BASE, 1ul << 33}, {"guest FS base", 0x680e, 1ul << 62}, {"guest GDTR limit", GUEST_GDTR_LIMIT, 0x10000},
  {"guest IDTR base", GUEST_IDTR_BASE, 1ul << 55}, {"guest activity", ACTIVITY, 4}, {"guest STI blocking", INTERRUPTIBILITY, 1},
  {"guest STI and MOV SS", INTERRUPTIBILITY, 3}, {"guest blocking reserved", INTERRUPTIBILITY, 0x20}, {"guest SMI blocking", INTERRUPTIBILITY, 4},
  {"guest pending debug", PENDING_DEBUG, 0x10}, {"guest pending step", PENDING_DEBUG, 0x4000}, {"guest DR7", GUEST_DR7, 1ul << 32},
  {"guest DEBUGCTL", GUEST_DEBUGCTL, 4}, {"guest link pointer", LINK_POINTER, 0x123}, {"guest SYSENTER_CS", GUEST_SYSENTER_CS, 0xffff},
};

static void check(void) {
  for (u64 n = 0; n < sizeof checks / sizeof *checks; n++) {
    struct registers r = initial();
    reset(cases[0].begin);
    u64 old = vmread(checks[n].field);
    vmwrite(checks[n].field, checks[n].value);
    text(checks[n].name);
    if (!enter(&r)) item("reason", vmread(EXIT_REASON)), item("qualification", vmread(EXIT_QUALIFICATION));
    put('\n');
    vmwrite(checks[n].field, old);
  }
}

static void set_up(void) {
  u64 eptp = make_ept(&ept);
  u64 *page = &ept.level2[0][NOT_PRESENT / LARGE_PAGE];
  page[0] = 0;
  page[1] = READ_ONLY | EPT_LARGE | EPT_WRITE_BACK | EPT_READ;
  page[2] = EXECUTE_ONLY | EPT_LARGE | EPT_WRITE_BACK | EPT_EXECUTE;
  page[3] = MISCONFIGURED | EPT_LARGE | EPT_WRITE_BACK | EPT_WRITE;
  page[4] = NO_EXECUTE | EPT_LARGE | EPT_WRITE_BACK | EPT_READ | EPT_WRITE;
  level4[1] = NOT_PRESENT | 3; /* a guest's page table that the EPT does not map */
  for (int vector = 0; vector < 256; vector++) {
    u64 at = (u64)guest_handler;
    if (vector == 0x60) continue;
    guest_idt[2 * vector] = (at & 0xffff) | 8 << 16 | 0x8e00ul << 32 | (at >> 16 & 0xffff) << 48;
  }
  new_vmcs(vmcs, eptp, 0, 0);
  control(PIN_CONTROLS, PIN_NMI | PIN_TIMER);
  control(PRIMARY_CONTROLS, CPU_SECONDARY | CPU_HLT | CPU_INVLPG | CPU_MWAIT | CPU_RDPMC | CPU_RDTSC | CPU_CR3_LOAD |
    CPU_CR3_STORE | CPU_CR8_LOAD | CPU_CR8_STORE | CPU_MOV_DR | CPU_UNCONDITIONAL_IO | CPU_MONITOR | CPU_PAUSE);
  control(SECONDARY_CONTROLS, CPU2_EPT | CPU2_TABLES | CPU2_RDTSCP | CPU2_VPID | CPU2_WBINVD | CPU2_UNRESTRICTED |
    CPU2_RDRAND | CPU2_INVPCID | CPU2_VMFUNC | 1 << 16);
  control(EXIT_CONTROLS, EXIT_LONG | EXIT_DEBUG | EXIT_SAVE_EFER | EXIT_LOAD_EFER | EXIT_LOAD_PAT);
  control(ENTRY_CONTROLS, ENTRY_LONG | ENTRY_DEBUG | ENTRY_LOAD_EFER | ENTRY_LOAD_PAT);
  vmwrite(VPID, 1);
  vmwrite(HOST_PAT, rdmsr(0x277)), vmwrite(GUEST_PAT, rdmsr(0x277));
  vmwrite(EXCEPTION_BITMAP, 0xffffffff);
  vmwrite(CR0_MASK, 0x28), vmwrite(CR0_SHADOW, 8); /* NE and TS */
  vmwrite(CR4_MASK, 0x2000), vmwrite(CR4_SHADOW, 0);
}

void kernel_main(void) {
  install_handlers();
  vmx_on();
  set_up();
  for (const struct guest_case *c = cases; c->name; c++) run_case(c);
  vmwrite(EXCEPTION_BITMAP, 0);
  inject();
  vmwrite(EXCEPTION_BITMAP, 0xffffffff);
  check();
  text("done\n");
  quit(0);
}
