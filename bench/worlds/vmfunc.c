/*
 * What VMFUNC costs: a guest that switches between two EPTs in a loop, and the same loop without the switches. It says on
 * the console where each begins and ends, for somebody with a clock. Command line: turns=N rounds=N.
 */
#include "vmx.h"

extern u8 loop_vmfunc[], loop_plain[];

/* 2 MB that each EPT maps to a frame of its own. */
#define WINDOW 0x0c000000ul
#define LARGE_PAGE 0x200000ul
enum { DEFAULT_TURNS = 100000, DEFAULT_ROUNDS = 3 };

static u8 vmcs[4096] PAGE, guest_stack[4096] PAGE;
static u64 eptp_list[512] PAGE;
static struct ept epts[2];

void interrupt(struct frame *f) {
  text("exception"), item("vector", f->vector), item("rip", f->rip), put('\n');
  quit(1);
}

static void run(const char *name, u8 *loop, u64 turns) {
  struct registers r = {.rsi = WINDOW, .rdi = turns};
  static int launched;
  vmwrite(GUEST_RIP, (u64)loop);
  text("begin "), text(name), put('\n');
  drain();
  if (enter_guest(&r, !launched)) text("entry failed"), item("error", vmread(INSTRUCTION_ERROR)), put('\n'), quit(1);
  launched = 1;
  text("end "), text(name), item("sum", r.r8), item("reason", vmread(EXIT_REASON)), put('\n');
}

void kernel_main(u32 magic, u32 *information) {
  (void)magic;
  u64 turns = argument(information, "turns", DEFAULT_TURNS), rounds = argument(information, "rounds", DEFAULT_ROUNDS);
  install_handlers();
  for (u64 n = 0; n < 2; n++) {
    eptp_list[n] = make_ept(&epts[n]);
    u64 frame = WINDOW + n * LARGE_PAGE;
    epts[n].level2[0][WINDOW / LARGE_PAGE] = frame | EPT_LARGE | EPT_WRITE_BACK | EPT_ALL;
    *(u64 *)frame = n ? 1000 : 1;
  }
  vmx_on();
  new_vmcs(vmcs, eptp_list[0], 0, (u64)guest_stack + sizeof guest_stack);
  if (control(SECONDARY_CONTROLS, CPU2_EPT | CPU2_VPID | CPU2_VMFUNC)) text("no VMFUNC\n"), quit(1);
  vmwrite(VPID, 1);
  vmwrite(VMFUNC_CONTROLS, 1);
  vmwrite(EPTP_LIST, (u64)eptp_list);
  for (u64 n = 0; n < rounds; n++) {
    run("vmfunc", loop_vmfunc, turns);
    run("plain", loop_plain, turns);
  }
  text("done\n");
  quit(0);
}
