/*
 * What WORLD_CALL costs: a guest's world calls others in turn, each with an EPT and a page table of its own, and they call
 * back. It says on the console where each loop begins and ends. Command line: turns=N rounds=N worlds=N; of the worlds
 * one is the caller.
 */
#include "vmx.h"

extern u8 loop_calls[], loop_plain[], caller_entry[], callee_entry[];

/* A page that each EPT maps to a frame of its own. */
#define WINDOW 0x0c000000ul
/* From here on memory is given out: it is not the kernel's. */
#define HEAP 0x01000000ul
#define LARGE_PAGE 0x200000ul
enum { DEFAULT_TURNS = 100000, DEFAULT_ROUNDS = 3, DEFAULT_WORLDS = 2 };
enum { VMFUNC_EPTP_SWITCHING = 1, VMFUNC_WORLD_CALL = 2 };
enum { MANAGE_WTC = 2, INSERT = 0 };
#define CROSSOVER_LEAF 0x40000101
#define CROSSOVER_CTL 0x4f00

/* docs/crossover.md, "The world entry". */
struct world_entry {
  u64 wid;
  u32 flags;
  u16 cs, ss;
  u64 eptp, cr3, rip, system_context, zero[2];
} __attribute__((aligned(64)));
enum { VALID = 1 };

static u8 vmcs[4096] PAGE, guest_stack[4096] PAGE;
static struct ept ept;
static u64 free_memory = HEAP;

void interrupt(struct frame *f) {
  text("exception"), item("vector", f->vector), item("rip", f->rip), put('\n');
  quit(1);
}

static u64 *new_page(const u64 *contents) {
  u64 *page = (u64 *)free_memory;
  free_memory += 4096;
  for (int n = 0; n < 512; n++) page[n] = contents ? contents[n] : 0;
  return page;
}

/* Everything one to one, but for the window. Returns the EPTP. */
static u64 new_ept(u64 frame) {
  u64 *level4 = new_page(0), *level3 = new_page(ept.level3), *level2 = new_page(ept.level2[0]), *level1 = new_page(0);
  for (u64 n = 0; n < 512; n++) level1[n] = (WINDOW + n * 4096) | EPT_WRITE_BACK | EPT_ALL;
  level1[0] = frame | EPT_WRITE_BACK | EPT_ALL;
  level2[WINDOW / LARGE_PAGE] = (u64)level1 | EPT_ALL;
  level3[0] = (u64)level2 | EPT_ALL;
  level4[0] = (u64)level3 | EPT_ALL;
  return (u64)level4 | 3 << 3 | 6;
}

static struct world_entry new_world(u64 wid, u8 *entry) {
  u64 *frame = new_page(0);
  frame[0] = wid == 1 ? 1 : 1000;
  u64 eptp = new_ept((u64)frame), cr3 = (u64)new_page(level4);
  struct world_entry world = {wid, VALID, 8, 0x10, eptp, cr3, (u64)entry, 0, {0, 0}};
  u64 function = MANAGE_WTC, failed;
  __asm__ volatile("vmfunc; setc %b0" : "=q"(failed), "+a"(function) : "c"(INSERT), "d"(&world) : "cc", "memory");
  if (failed & 1) text("a world was refused"), item("wid", wid), put('\n'), quit(1);
  return world;
}

static void run(const char *name, u8 *loop, u64 turns, u64 worlds) {
  struct registers r = {.rsi = WINDOW, .rdi = turns, .r9 = 1, .r10 = worlds};
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
  u64 worlds = argument(information, "worlds", DEFAULT_WORLDS);
  u32 a = CROSSOVER_LEAF, b, c = 0, d;
  install_handlers();
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  if (a != 1 || b < worlds || c < worlds) text("no world calls, or too few worlds\n"), quit(1);
  make_ept(&ept);
  vmx_on();
  wrmsr(CROSSOVER_CTL, 1);
  struct world_entry caller = new_world(1, caller_entry);
  for (u64 wid = 2; wid <= worlds; wid++) new_world(wid, callee_entry);
  new_vmcs(vmcs, caller.eptp, 0, (u64)guest_stack + sizeof guest_stack);
  if (control(SECONDARY_CONTROLS, CPU2_EPT | CPU2_VPID | CPU2_VMFUNC)) text("no VMFUNC\n"), quit(1);
  vmwrite(VPID, 1);
  vmwrite(VMFUNC_CONTROLS, VMFUNC_EPTP_SWITCHING | VMFUNC_WORLD_CALL);
  vmwrite(GUEST_CR3, caller.cr3);
  for (u64 n = 0; n < rounds; n++) {
    run("calls", loop_calls, turns, worlds);
    run("plain", loop_plain, turns, worlds);
  }
  text("done\n");
  quit(0);
}
