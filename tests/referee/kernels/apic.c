/* A hypervisor whose guests have a virtual APIC, and a log of the pages that they write. It prints what comes of each access. */
#include "vmx.h"

extern u8 guest_waits[], guest_enables[], guest_halts[], guest_reads[], guest_reads_byte[], guest_reads_quad[], guest_writes[],
  guest_writes_byte[], guest_writes_quad[], guest_adds[], guest_executes[], guest_reads_msr[], guest_writes_msr[],
  guest_writes_cr8[], guest_reads_cr8[], guest_handlers[];

enum { HANDLER = 16, LIFETIME = 4000, IF = 0x200 };
enum { TPR = 0x80, PPR = 0xa0, EOI = 0xb0, ISR = 0x100, IRR = 0x200, ICR = 0x300, ICR_HIGH = 0x310, SELF = 0x3f0 };
enum { APIC_ACCESS_EXIT = 44, LOG_ENTRIES = 512, LARGE_PAGE = 0x200000 };

static u8 vmcs[4096] PAGE, guest_stack[4096] PAGE, virtual_apic[4096] PAGE, apic_page[4096] PAGE, msr_bitmaps[4096] PAGE;
static u64 guest_idt[512] PAGE, log[LOG_ENTRIES] PAGE, level1[512] PAGE;
static u8 written[16][4096] PAGE;
static struct ept ept;
static u64 eptp;

void interrupt(struct frame *f) {
  text("exception in the host"), item("vector", f->vector), item("rip", f->rip), put('\n');
  quit(1);
}

static u32 *reg(u64 offset) { return (u32 *)(virtual_apic + offset); }
static void set_vector(u64 first, u64 vector) { *reg(first + (vector >> 5 << 4)) |= 1u << (vector & 31); }
static void clear_page(void) {
  for (u64 n = 0; n < 4096; n += 4) *reg(n) = 0;
}

/* Controls of the next guests: nothing is left of those before. */
static void begin(u32 pin, u32 primary, u32 secondary) {
  clear_page();
  control(PIN_CONTROLS, PIN_TIMER | pin);
  control(PRIMARY_CONTROLS, CPU_SECONDARY | primary);
  control(SECONDARY_CONTROLS, CPU2_EPT | CPU2_VPID | CPU2_UNRESTRICTED | secondary);
  vmwrite(INTERRUPT_STATUS, 0), vmwrite(TPR_THRESHOLD, 0);
  for (u64 n = 0; n < 4; n++) vmwrite(EOI_EXIT0 + 2 * n, 0);
  vmwrite(EPT_POINTER, eptp);
  invept(2, 0);
}
/* Virtual APICs: with accesses to the page, or MSRs. */
static void begin_page(u32 secondary) {
  begin(secondary & CPU2_INTERRUPTS ? PIN_INTERRUPT : 0, CPU_TPR_SHADOW, CPU2_APIC | secondary);
}
static void begin_msrs(u32 secondary) {
  begin(secondary & CPU2_INTERRUPTS ? PIN_INTERRUPT : 0, CPU_TPR_SHADOW | CPU_MSR_BITMAPS, CPU2_X2APIC | secondary);
}

static int launch = 1;
static struct registers r;
/* Runs the guest; false if it could not be entered. */
static int run(const u8 *rip, u64 rflags) {
  vmwrite(GUEST_RIP, (u64)rip);
  vmwrite(GUEST_RSP, (u64)guest_stack + sizeof guest_stack - 64);
  vmwrite(GUEST_RFLAGS, 2 | rflags);
  vmwrite(INTERRUPTIBILITY, 0), vmwrite(PENDING_DEBUG, 0), vmwrite(ACTIVITY, 0), vmwrite(ENTRY_INTERRUPTION, 0);
  vmwrite(PREEMPTION_TIMER, LIFETIME);
  int failed = enter_guest(&r, launch);
  if (failed) item("failed", failed), item("error", failed == 2 ? vmread(INSTRUCTION_ERROR) : 0);
  else if (!(vmread(EXIT_REASON) >> 31)) launch = 0;
  return !failed;
}
/* The same, and tells how it ended: in a handler, or where. */
static void show(const u8 *rip, u64 rflags) {
  if (run(rip, rflags)) {
    u64 at = vmread(GUEST_RIP) - (u64)guest_handlers, status = vmread(INTERRUPT_STATUS);
    item("reason", vmread(EXIT_REASON)), item("qualification", vmread(EXIT_QUALIFICATION));
    if (at < 256 * HANDLER) item("handler", at / HANDLER);
    else item("rip", vmread(GUEST_RIP) - (u64)rip);
    item("rvi", status & 0xff), item("svi", status >> 8), item("tpr", *reg(TPR)), item("ppr", *reg(PPR));
    for (u64 n = 0; n < 8; n++) {
      if (*reg(ISR + 16 * n)) item("isr", n), item("bits", *reg(ISR + 16 * n));
      if (*reg(IRR + 16 * n)) item("irr", n), item("bits", *reg(IRR + 16 * n));
    }
  }
  put('\n');
}

static const struct { const char *name; u32 secondary; } kinds[] = {
  {"nothing", 0}, {"interrupts", CPU2_INTERRUPTS}, {"registers", CPU2_REGISTERS}, {"both", CPU2_REGISTERS | CPU2_INTERRUPTS},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* Which registers guests reach, a line for each set of controls. */
static void registers(const char *what, const u8 *guest) {
  for (u64 kind = 0; kind < KINDS; kind++) {
    text(what), text(" "), text(kinds[kind].name);
    for (u64 offset = 0; offset < 0x400; offset += 16) {
      begin_page(kinds[kind].secondary);
      *reg(offset) = 0x12340000 | offset;
      r.rbx = (u64)apic_page + offset, r.rax = 0x12000000;
      if (!run(guest, 0)) continue;
      u64 reason = vmread(EXIT_REASON);
      if (reason != APIC_ACCESS_EXIT) item("at", offset), item("reason", reason), item("value", guest == guest_reads ? r.rax : *reg(offset));
      else if (vmread(EXIT_QUALIFICATION) != (offset | (guest == guest_reads ? 0 : 0x1000))) item("wrong", vmread(EXIT_QUALIFICATION));
    }
    put('\n');
  }
}

/* Other accesses than those of whole registers. */
static void shapes(void) {
  static const struct { const char *name; u8 *guest; u64 offset; } accesses[] = {
    {"byte of a register", guest_reads_byte, TPR}, {"quadword", guest_reads_quad, TPR}, {"behind a register", guest_reads, TPR + 4},
    {"byte behind it", guest_reads_byte, TPR + 4}, {"write of a byte", guest_writes_byte, TPR}, {"of a quadword", guest_writes_quad, TPR},
    {"behind the register", guest_writes, TPR + 8}, {"addition", guest_adds, TPR}, {"past the page", guest_reads_quad, 0xffc},
    {"write past it", guest_writes_quad, 0xffc},
  };
  for (u64 n = 0; n < sizeof accesses / sizeof *accesses; n++) {
    begin_page(CPU2_REGISTERS | CPU2_INTERRUPTS);
    *reg(TPR) = 0x20, r.rax = 0x10, r.rbx = (u64)apic_page + accesses[n].offset;
    text(accesses[n].name), show(accesses[n].guest, 0);
  }
  begin(0, 0, CPU2_APIC);
  r.rbx = (u64)apic_page + TPR;
  text("without the TPR shadow"), show(guest_reads, 0);
}

/* Priorities of entries, with RFLAGS.IF and without. */
static void entries(void) {
  static const u8 states[][3] = {
    {0, 0x31, 0}, {0x2f, 0x31, 0}, {0x30, 0x31, 0}, {0x30, 0x41, 0x35}, {0x2f, 0x41, 0x35}, {0, 0x31, 0x35}, {0xf0, 0xff, 0}, {0, 0x0f, 0},
    {0, 0xff, 0xe1},
  };
  static const struct { const char *name; u8 *guest; u64 rflags; } guests[] = {
    {"enabled", guest_waits, IF}, {"disabled", guest_waits, 0}, {"sti", guest_enables, 0}, {"sti hlt", guest_halts, 0},
  };
  for (u64 n = 0; n < sizeof states / sizeof *states; n++) {
    for (u64 g = 0; g < sizeof guests / sizeof *guests; g++) {
      begin_page(CPU2_INTERRUPTS);
      *reg(TPR) = states[n][0], vmwrite(INTERRUPT_STATUS, states[n][2] << 8 | states[n][1]);
      set_vector(IRR, states[n][1]), set_vector(IRR, 0x21);
      if (states[n][2]) set_vector(ISR, states[n][2]);
      text("entry"), item("tpr", states[n][0]), text(" "), text(guests[g].name), show(guests[g].guest, guests[g].rflags);
    }
  }
}

/* Writes that have effects: through the page, and through MSRs. */
static void effects(void) {
  static const struct { u64 offset, value; } writes[] = {
    {TPR, 0}, {TPR, 0x4f}, {TPR, 0x55}, {TPR, 0x12345680}, {EOI, 0}, {EOI, 5}, {ICR, 0x40061}, {ICR, 0x44861}, {ICR, 0xc0061},
    {ICR, 0x4000f}, {ICR, 0x48061}, {ICR, 0x40461}, {ICR, 0x140061}, {ICR, 0x61}, {ICR_HIGH, 0x12000000}, {SELF, 0x61}, {SELF, 0xf},
    {SELF, 0x161}, {0x20, 0x1000000}, {0x320, 0x20},
  };
  for (u64 way = 0; way < 2; way++) {
    for (u64 kind = 0; kind < KINDS; kind++) {
      for (u64 n = 0; n < sizeof writes / sizeof *writes; n++) {
        if (way) begin_msrs(kinds[kind].secondary);
        else begin_page(kinds[kind].secondary);
        if (kinds[kind].secondary & CPU2_INTERRUPTS) {
          vmwrite(INTERRUPT_STATUS, 0x4251), set_vector(IRR, 0x51), set_vector(ISR, 0x42), set_vector(ISR, 0x21);
        }
        *reg(TPR) = 0x80;
        r.rbx = (u64)apic_page + writes[n].offset, r.rax = writes[n].value, r.rcx = 0x800 + (writes[n].offset >> 4), r.rdx = 0;
        text(way ? "msr" : "page"), text(" "), text(kinds[kind].name), item("at", writes[n].offset), item("value", writes[n].value);
        show(way ? guest_writes_msr : guest_writes, IF);
      }
    }
  }
  for (u64 kind = 0; kind < KINDS; kind++) {
    begin_msrs(kinds[kind].secondary);
    for (u64 n = 0; n < 0x400; n += 16) *reg(n) = n;
    static const u32 msrs[] = {0x802, 0x808, 0x80b, 0x830, 0x83f};
    for (u64 n = 0; n < sizeof msrs / sizeof *msrs; n++) {
      r.rcx = msrs[n], r.rax = 0x99;
      if (!(kinds[kind].secondary & CPU2_REGISTERS) && msrs[n] != 0x808) continue;
      text("rdmsr "), text(kinds[kind].name), item("msr", msrs[n]), run(guest_reads_msr, 0), item("rax", r.rax), item("rdx", r.rdx), put('\n');
    }
  }
  begin_page(CPU2_INTERRUPTS);
  vmwrite(INTERRUPT_STATUS, 0x51), set_vector(IRR, 0x51), *reg(TPR) = 0x80, r.rax = 4;
  text("cr8"), show(guest_writes_cr8, IF);
  text("cr8 read"), run(guest_reads_cr8, 0), item("rax", r.rax), put('\n');
}

/* EOIs that exit, thresholds. */
static void exits(void) {
  static const u8 vectors[] = {0x21, 0x7f, 0x80, 0xff};
  for (u64 n = 0; n < sizeof vectors; n++) {
    begin_page(CPU2_INTERRUPTS);
    vmwrite(EOI_EXIT0 + 2 * (vectors[n] >> 6), 1ul << (vectors[n] & 63));
    vmwrite(INTERRUPT_STATUS, vectors[n] << 8), set_vector(ISR, vectors[n]);
    r.rbx = (u64)apic_page + EOI, r.rax = 0;
    text("eoi exit"), show(guest_writes, IF);
  }
  for (u64 threshold = 3; threshold < 6; threshold++) {
    begin_page(0);
    vmwrite(TPR_THRESHOLD, threshold);
    *reg(TPR) = 0x40, r.rbx = (u64)apic_page + TPR, r.rax = 0x30;
    text("threshold"), item("is", threshold), show(guest_writes, 0);
  }
}

/* The log: pages of 4 KB, of which the guest writes some. */
static void logging(void) {
  static const u16 indices[] = {511, 0, 512, 0xffff};
  for (u64 n = 0; n < sizeof indices / sizeof *indices; n++) {
    begin(0, 0, CPU2_PML);
    u64 base = (u64)written / LARGE_PAGE * LARGE_PAGE;
    for (u64 page = 0; page < 512; page++) level1[page] = (base + page * 4096) | EPT_WRITE_BACK | EPT_ALL | 0x300;
    u64 *entry = &level1[((u64)written - base) / 4096];
    for (u64 page = 0; page < 4; page++) entry[page] &= ~(page == 3 ? 0x200ul : 0x300ul);
    ept.level2[0][base / LARGE_PAGE] = (u64)level1 | EPT_ALL;
    for (u64 page = 0; page < 512; page++) log[page] = 0;
    vmwrite(EPT_POINTER, eptp | 0x40), vmwrite(PML_ADDRESS, (u64)log), vmwrite(PML_INDEX, indices[n]);
    invept(2, 0);
    /* All else has been accessed before. */
    if (indices[n] > 511) vmwrite(PML_INDEX, 511), run(guest_waits, 0), vmwrite(PML_INDEX, indices[n]);
    static const struct { u64 page; u8 *guest; } uses[] = {{0, guest_reads}, {0, guest_writes}, {0, guest_writes}, {3, guest_reads}, {3, guest_writes}, {1, guest_writes}};
    for (u64 use = 0; use < sizeof uses / sizeof *uses; use++) {
      r.rbx = (u64)written[uses[use].page] + 0x123, r.rax = 0x77, *(u32 *)r.rbx = 0x55;
      u32 before = vmread(PML_INDEX);
      text("log"), item("from", indices[n]), item("page", uses[use].page), text(uses[use].guest == guest_reads ? " read" : " write");
      if (!run(uses[use].guest, 0)) continue;
      u64 index = vmread(PML_INDEX);
      item("reason", vmread(EXIT_REASON)), item("qualification", vmread(EXIT_QUALIFICATION)), item("rip", vmread(GUEST_RIP) - (u64)uses[use].guest);
      item("flags", entry[uses[use].page] & 0x300), item("value", *(u32 *)r.rbx);
      /* Page tables are logged too, as they are used for the first time. */
      if (index != before && before < 512) item("logged", log[(u16)(index + 1)] - (u64)written);
      put('\n');
    }
  }
}

static void set_up(void) {
  eptp = make_ept(&ept);
  for (int vector = 0; vector < 256; vector++) {
    u64 at = (u64)guest_handlers + HANDLER * vector;
    guest_idt[2 * vector] = (at & 0xffff) | 8 << 16 | 0x8e00ul << 32 | (at >> 16 & 0xffff) << 48;
  }
  new_vmcs(vmcs, eptp, 0, 0);
  control(EXIT_CONTROLS, EXIT_LONG | EXIT_DEBUG | EXIT_SAVE_EFER | EXIT_LOAD_EFER);
  control(ENTRY_CONTROLS, ENTRY_LONG | ENTRY_DEBUG | ENTRY_LOAD_EFER);
  vmwrite(VPID, 1);
  vmwrite(GUEST_IDTR_BASE, (u64)guest_idt), vmwrite(GUEST_IDTR_LIMIT, 0xfff);
  vmwrite(VIRTUAL_APIC, (u64)virtual_apic), vmwrite(APIC_ACCESS, (u64)apic_page), vmwrite(MSR_BITMAPS, (u64)msr_bitmaps);
}

void kernel_main(void) {
  install_handlers();
  vmx_on();
  set_up();
  registers("reads with", guest_reads);
  registers("writes with", guest_writes);
  shapes();
  entries();
  effects();
  exits();
  logging();
  text("done\n");
  quit(0);
}
