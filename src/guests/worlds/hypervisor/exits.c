/* VM exits: what a machine did, and who goes on. */
#include "hypervisor.h"

#define RFLAGS_IF 0x200
#define BLOCKED_BY_STI_OR_MOV_SS 3
#define INJECT_VALID 0x80000000ul
#define INJECT_EXTERNAL INJECT_VALID
#define INJECT_UNDEFINED_OPCODE 0x80000306ul
#define SS_DPL(rights) ((rights) >> 5 & 3)
#define IO_IN (1 << 3)
#define IO_STRING (1 << 4)
/* CPUID leaf 1, ECX. */
#define CPUID_VMX (1u << 5)
#define CPUID_HYPERVISOR (1u << 31)

struct registers *guest_registers;

void save_msrs(struct system_msrs *msrs) {
  msrs->star = rdmsr(STAR);
  msrs->lstar = rdmsr(LSTAR);
  msrs->fmask = rdmsr(FMASK);
  msrs->kernel_gs_base = rdmsr(KERNEL_GS_BASE);
}
void load_msrs(const struct system_msrs *msrs) {
  wrmsr(STAR, msrs->star);
  wrmsr(LSTAR, msrs->lstar);
  wrmsr(FMASK, msrs->fmask);
  wrmsr(KERNEL_GS_BASE, msrs->kernel_gs_base);
}

/* A machine did what this hypervisor cannot do for it: it ends, and tells why. If it was in a call, that was the callee:
 * then the call ends, and the caller gets -EFAULT. */
static void give_up(const char *why) {
  if (end_world_call(current, -EFAULT) || (current != HOST && end_view_call(current, -EFAULT))) return;
  text("hypervisor: machine ");
  hex(current->id);
  text(": ");
  text(why);
  text(", RIP ");
  hex(vmread(GUEST_RIP));
  text(", RSP ");
  hex(vmread(GUEST_RSP));
  text(", CR3 ");
  hex(vmread(GUEST_CR3));
  text(", qualification ");
  hex(vmread(EXIT_QUALIFICATION));
  text(", linear ");
  hex(vmread(GUEST_LINEAR_ADDRESS));
  text(", physical ");
  hex(vmread(GUEST_PHYSICAL_ADDRESS));
  text("\n");
  end_context(current, 125);
}

/* Whether its own memory is in force. */
static int is_home(const struct context *vm) { return vm != HOST && vmread(EPT_POINTER) == vm->eptp; }

static void skip_instruction(void) { vmwrite(GUEST_RIP, vmread(GUEST_RIP) + vmread(EXIT_INSTRUCTION_LENGTH)); }

static void cpuid(struct registers *r) {
  u32 leaf = r->rax, a = leaf, b, c = r->rcx, d;
  __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  if (leaf == 1) c = (c & ~CPUID_VMX) | CPUID_HYPERVISOR;
  if (leaf == VMM_CPUID_LEAF) {
    const u32 *signature = (const u32 *)VMM_SIGNATURE; /* 12 bytes with the zero */
    a = leaf, b = signature[0], c = signature[1], d = signature[2];
  }
  r->rax = a, r->rbx = b, r->rcx = c, r->rdx = d;
}

/* Ports without a device read as ones. SDM vol. 3C, table 28-5. */
static void access_port(struct registers *r) {
  u64 qualification = vmread(EXIT_QUALIFICATION), bytes = (qualification & 7) + 1;
  if (qualification & IO_STRING) {
    give_up("string I/O");
    return;
  }
  if (qualification & IO_IN) r->rax = bytes == 4 ? 0xffffffff : r->rax | (bytes == 2 ? 0xffff : 0xff);
  skip_instruction();
}

/*
 * Whose code it is. A world call or a view changes the memory and the registers of the caller's virtual processor: the
 * EPT in force tells which machine asks.
 */
static struct context *asking(void) {
  u64 eptp = vmread(EPT_POINTER);
  for (u32 id = 1; id <= MAX_VMS; id++) {
    if (contexts[id].state != ABSENT && contexts[id].eptp == eptp) return &contexts[id];
  }
  return 0;
}

static void vmcall(struct registers *r) {
  struct context *who = asking();
  u64 number = r->rax, in_user_mode = SS_DPL(vmread(GUEST_SS_RIGHTS)) != 0;
  int changes_turns = number == HC_WAIT_CALL || number == HC_CALL || number == HC_IDLE || number == HC_EXIT;
  i64 result;
  skip_instruction();
  if (!who || (who != current && changes_turns)) {
    r->rax = -EPERM; /* from within a call the processor is not the callee's to give away */
    return;
  }
  if (in_user_mode && number != HC_WAIT_CALL && number != HC_WORLD_OWNER && number != HC_WORLD_FIND) {
    r->rax = -EPERM;
    return;
  }
  result = hypercall(who, number, r->rdi, r->rsi, r->rdx);
  if (!changes_turns || result < 0 || number == HC_IDLE) r->rax = result;
}

/* Gives the machine the interrupt that is due, or has it call when it can take one. Not while it is elsewhere. */
static void inject_interrupt(struct context *vm) {
  u64 controls = vmread(PRIMARY_CONTROLS) & ~PRIMARY_INTERRUPT_WINDOW;
  if (vm->interrupt_pending && is_home(vm)) {
    if (!(vmread(ENTRY_INTERRUPTION) & INJECT_VALID) && (vmread(GUEST_RFLAGS) & RFLAGS_IF) &&
        !(vmread(GUEST_INTERRUPTIBILITY) & BLOCKED_BY_STI_OR_MOV_SS)) {
      vmwrite(ENTRY_INTERRUPTION, INJECT_EXTERNAL | vm->timer_vector);
      vm->interrupt_pending = 0;
    } else {
      controls |= PRIMARY_INTERRUPT_WINDOW;
    }
  }
  vmwrite(PRIMARY_CONTROLS, controls);
}

/* A function or an EPTP that there is not: as if the instruction were not there. */
static void inject_undefined_opcode(void) { vmwrite(ENTRY_INTERRUPTION, INJECT_UNDEFINED_OPCODE); }

/* Time limits are looked at now and then, whatever the exits are for: a callee may cause as many as it likes. */
static void check_times(struct context *vm) {
  static u64 checked;
  u64 now = rdtsc();
  if (now - checked < TIME_CHECK_INTERVAL) return;
  checked = now;
  check_call_time(vm);
  check_world_time();
  if (vm != HOST) check_view_time(vm);
}

/* HLT waits for the machine's timer. Within a call the processor is not the callee's to give away. */
static void halt(struct context *vm) {
  skip_instruction();
  if (!is_home(vm)) give_up("HLT in a call");
  else if (!wait_for_timer(vm)) give_up("HLT with nothing to wait for");
}

void enter_vm(struct context *vm) {
  guest_registers = &vm->registers;
  inject_interrupt(vm);
  start_timers(vm);
  int launched = vm->launched;
  vm->launched = 1;
  resume_guest(&vm->registers, launched);
}

void handle_exit(void) {
  struct context *vm = current;
  struct registers *r = guest_registers;
  u64 reason = vmread(EXIT_REASON) & 0xffff;
  account_time(vm);
  if (vm == HOST) host_left_guest();
  switch (reason) {
  case EXTERNAL_INTERRUPT: case INTERRUPT_WINDOW: break;
  case PREEMPTION_TIMER_EXPIRED: break;
  case CPUID: cpuid(r), skip_instruction(); break;
  case HLT: halt(vm); break;
  case VMCALL: vmcall(r); break;
  case IO_INSTRUCTION: access_port(r); break;
  case WORLD_CACHE_MISS: world_cache_miss(); break;
  case TRIPLE_FAULT: give_up("triple fault"); break;
  case EPT_VIOLATION: give_up("EPT violation"); break;
  case VMFUNC: if (!view_is_gone(vm)) inject_undefined_opcode(); break;
  default: give_up("unexpected exit");
  }
  check_times(current);
  resume();
}

void entry_failed(void) { panic("VM entry fails, error", vmread(INSTRUCTION_ERROR)); }
