/*
 * What a VM exit and the entry behind it cost: a guest whose loop exits in each turn, and a hypervisor that does what they all
 * do: it reads the exit reason, gives a result in RAX and goes on behind the instruction. And the same loop without exits.
 * It says on the console where each begins and ends, for somebody with a clock. Command line: exit=REASON turns=N rounds=N
 * vpid=0|1: without VPIDs each switch invalidates all that is cached of linear addresses.
 */
#include "vmx.h"

/* Basic exit reasons. SDM vol. 3D, appendix C. */
enum { EXIT_CPUID = 10, EXIT_VMCALL = 18, EXIT_IO = 30 };
enum { DEFAULT_TURNS = 100000, DEFAULT_ROUNDS = 3, RESULT = 7 };

extern u8 loop_cpuid[], loop_out[], loop_vmcall[], loop_plain[];

static u8 vmcs[4096] PAGE, guest_stack[4096] PAGE;
static struct ept ept;

void interrupt(struct frame *f) {
  text("exception"), item("vector", f->vector), item("rip", f->rip), put('\n');
  quit(1);
}

static u8 *loop_of(u64 reason) {
  switch (reason) {
  case EXIT_CPUID: return loop_cpuid;
  case EXIT_VMCALL: return loop_vmcall;
  case EXIT_IO: return loop_out;
  default: text("no loop exits for this"), item("reason", reason), put('\n'), quit(1);
  }
}

static void enter(struct registers *r) {
  static int launched;
  if (enter_guest(r, !launched)) text("entry failed"), item("error", vmread(INSTRUCTION_ERROR)), put('\n'), quit(1);
  launched = 1;
}

/* `expected`: the exit reason of each turn. */
static void run(const char *name, u8 *loop, u64 expected, u64 turns) {
  struct registers r = {.rdi = turns};
  u64 reason;
  vmwrite(GUEST_RIP, (u64)loop);
  text("begin "), text(name), put('\n');
  drain();
  for (enter(&r); (reason = vmread(EXIT_REASON)) == expected; enter(&r)) {
    r.rax = RESULT;
    vmwrite(GUEST_RIP, vmread(GUEST_RIP) + vmread(EXIT_LENGTH));
  }
  text("end "), text(name), item("sum", r.r8), item("reason", reason), put('\n');
}

void kernel_main(u32 magic, u32 *information) {
  (void)magic;
  u64 turns = argument(information, "turns", DEFAULT_TURNS), rounds = argument(information, "rounds", DEFAULT_ROUNDS);
  u64 reason = argument(information, "exit", EXIT_CPUID);
  u8 *loop = loop_of(reason);
  install_handlers();
  vmx_on();
  new_vmcs(vmcs, make_ept(&ept), 0, (u64)guest_stack + sizeof guest_stack);
  if (control(PRIMARY_CONTROLS, CPU_SECONDARY | CPU_UNCONDITIONAL_IO)) text("no exits\n"), quit(1);
  u64 vpid = argument(information, "vpid", 1);
  if (control(SECONDARY_CONTROLS, CPU2_EPT | (vpid ? CPU2_VPID : 0))) text("no VPID\n"), quit(1);
  if (vpid) vmwrite(VPID, vpid);
  for (u64 n = 0; n < rounds; n++) {
    run("exits", loop, reason, turns);
    run("loop", loop_plain, reason, turns);
  }
  text("done\n");
  quit(0);
}
