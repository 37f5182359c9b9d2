/*
 * Time. A machine's virtual timer counts only while the machine runs, so that a machine that was parked is not
 * interrupted at once when a call wakes it. The VMX-preemption timer brings the processor back for it, and at least
 * every SLICE for the time limits of calls.
 */
#include "hypervisor.h"

/* Ticks of the time-stamp counter. */
#define SLICE TIME_CHECK_INTERVAL
/* The preemption timer counts once every 2^n ticks; n is in bits 4:0. SDM vol. 3D, appendix A.6. */
#define IA32_VMX_MISC 0x485
#define TIMER_RATE 0x1f
#define APIC 0xfee00000ul
#define APIC_SPURIOUS 0xf0
#define APIC_TIMER 0x320
#define APIC_TIMER_INITIAL 0x380
#define APIC_TIMER_DIVIDE 0x3e0
#define APIC_ENABLE 0x100
#define DIVIDE_BY_1 0xb
#define WAKE_UP_VECTOR 0x40
#define SPURIOUS_VECTOR 0xff

static u64 entered;

/* Before every VM entry. */
void start_timers(struct context *vm) {
  u64 ticks = SLICE;
  if (vm->timer_period && vm->timer_left < ticks) ticks = vm->timer_left;
  vmwrite(PREEMPTION_TIMER, ticks >> (rdmsr(IA32_VMX_MISC) & TIMER_RATE));
  entered = rdtsc();
}

static void pass(struct context *vm, u64 ticks) {
  if (!vm->timer_period) return;
  if (ticks < vm->timer_left) {
    vm->timer_left -= ticks;
  } else {
    vm->timer_left = vm->timer_period;
    vm->interrupt_pending = 1;
  }
}

/* After every VM exit. */
void account_time(struct context *vm) { pass(vm, rdtsc() - entered); }

static void apic_write(u64 offset, u32 value) { *(volatile u32 *)(APIC + offset) = value; }

/* Halts the processor until the machine's timer is due: it has nothing to do, and neither has anybody else. 0 if there is no
 * timer. */
int wait_for_timer(struct context *vm) {
  if (vm->interrupt_pending) return 1;
  if (!vm->timer_period) return 0;
  apic_write(APIC_SPURIOUS, APIC_ENABLE | SPURIOUS_VECTOR);
  apic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_1);
  apic_write(APIC_TIMER, WAKE_UP_VECTOR);
  apic_write(APIC_TIMER_INITIAL, vm->timer_left);
  idle_until_interrupt();
  pass(vm, vm->timer_left);
  return 1;
}
