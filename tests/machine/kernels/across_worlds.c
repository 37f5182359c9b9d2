/*
 * The hypervisor of the test of translations across worlds. The test puts a guest into memory: code, page tables, EPTs;
 * this runs it, notes what it is stopped by, and lets it go on where it wants to (R15).
 */
#include "vmx.h"

/* What the test and this kernel tell each other, at MAILBOX. */
struct mailbox {
  u64 eptp, rip, rsp, cr3, vpid;
  u64 stops, digest; /* exits that the guest did not ask for, and what they told */
  u64 worlds;        /* entries at WORLDS_AT */
};
#define MAILBOX ((volatile struct mailbox *)0x600000ul)
#define EPTP_LIST_AT 0x601000ul
#define WORLDS_AT 0x602000ul
#define CROSSOVER_CTL 0x4f00
enum { WORLD_BYTES = 64, MANAGE_WTC = 2, INSERT = 0, VMFUNC_BOTH = 3 };

/* Hypercalls, in RAX. RBX: the EPTP of the first. */
enum { FLUSH_ONE = 1, FLUSH_ALL = 2, DONE = 3 };
enum { REASON_VMCALL = 18 };
enum { LIFETIME = 5000, VMCALL_BYTES = 3 };

static u8 vmcs[4096] PAGE;

void interrupt(struct frame *f) {
  text("exception"), item("vector", f->vector), item("rip", f->rip), put('\n');
  quit(1);
}

static void note(u64 v) { MAILBOX->digest = (MAILBOX->digest ^ v) * 0x100000001b3ul; }

/* Puts the test's worlds into the processor's caches, all of which they fit. */
static void insert_worlds(void) {
  wrmsr(CROSSOVER_CTL, 1);
  for (u64 n = 0; n < MAILBOX->worlds; n++) {
    u64 function = MANAGE_WTC, failed;
    __asm__ volatile("vmfunc; setc %b0" : "=q"(failed), "+a"(function) : "c"(INSERT), "d"(WORLDS_AT + n * WORLD_BYTES) : "cc");
    if (failed & 1) text("a world was refused"), item("number", n), put('\n'), quit(1);
  }
}

void kernel_main(void) {
  install_handlers();
  vmx_on();
  text("ready\n");
  /* Here the test writes. */
  new_vmcs(vmcs, MAILBOX->eptp, MAILBOX->rip, MAILBOX->rsp);
  control(PIN_CONTROLS, PIN_TIMER);
  control(SECONDARY_CONTROLS, CPU2_EPT | CPU2_VMFUNC | (MAILBOX->vpid ? CPU2_VPID : 0));
  vmwrite(GUEST_CR3, MAILBOX->cr3);
  vmwrite(VPID, MAILBOX->vpid);
  vmwrite(VMFUNC_CONTROLS, VMFUNC_BOTH);
  vmwrite(EPTP_LIST, EPTP_LIST_AT);
  vmwrite(EXCEPTION_BITMAP, 0xffffffff);
  insert_worlds();
  struct registers r = {.rax = 0};
  for (int launch = 1;; launch = 0) {
    vmwrite(PREEMPTION_TIMER, LIFETIME);
    if (enter_guest(&r, launch)) text("entry failed"), item("error", vmread(INSTRUCTION_ERROR)), put('\n'), quit(1);
    u64 reason = vmread(EXIT_REASON);
    if (reason == REASON_VMCALL) {
      if (r.rax == FLUSH_ONE) invept(1, r.rbx);
      if (r.rax == FLUSH_ALL) invept(2, 0);
      if (r.rax == DONE) quit(0);
      vmwrite(GUEST_RIP, vmread(GUEST_RIP) + VMCALL_BYTES);
      continue;
    }
    MAILBOX->stops++;
    note(reason), note(vmread(GUEST_RIP)), note(r.r8);
    note(vmread(EXIT_QUALIFICATION)), note(vmread(EXIT_INTERRUPTION));
    if (reason == 48) note(vmread(GUEST_PHYSICAL)), note(vmread(GUEST_LINEAR));
    vmwrite(GUEST_RIP, r.r15);
    vmwrite(GUEST_RSP, MAILBOX->rsp);
  }
}
