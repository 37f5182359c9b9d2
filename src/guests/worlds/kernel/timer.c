/* The timer: the local APIC's, or in a virtual machine the hypervisor's. SDM vol. 3A, section 11.5.4. */
#include "cpu.h"
#include "kernel.h"

#define APIC_BASE 0xfee00000ul
#define APIC_END_OF_INTERRUPT 0xb0
#define APIC_SPURIOUS 0xf0
#define APIC_TIMER 0x320
#define APIC_INITIAL_COUNT 0x380
#define APIC_DIVIDE 0x3e0
#define APIC_ENABLED 0x100
#define TIMER_PERIODIC 0x20000
#define DIVIDE_BY_1 0xb
#define PIC1_MASK 0x21
#define PIC2_MASK 0xa1

static u64 start;

static volatile u32 *apic(u32 offset) {
  return (volatile u32 *)(APIC_BASE + offset);
}

void timer_init(void) {
  start = rdtsc();
  if (have_hypervisor()) {
    hypercall(HC_TIMER, TICK_PERIOD, VECTOR_TIMER, 0);
    return;
  }
  outb(PIC1_MASK, 0xff);
  outb(PIC2_MASK, 0xff);
  *apic(APIC_SPURIOUS) = APIC_ENABLED | VECTOR_SPURIOUS;
  *apic(APIC_DIVIDE) = DIVIDE_BY_1;
  *apic(APIC_TIMER) = TIMER_PERIODIC | VECTOR_TIMER;
  *apic(APIC_INITIAL_COUNT) = TICK_PERIOD;
}

void timer_acknowledge(void) {
  if (!have_hypervisor()) *apic(APIC_END_OF_INTERRUPT) = 0;
}

u64 uptime_nanoseconds(void) {
  return rdtsc() - start;
}

u64 uptime_milliseconds(void) {
  return uptime_nanoseconds() / 1000000;
}
