/* Talking to the hypervisor, and what to do where there is none. */
#include "cpu.h"
#include "kernel.h"

static int present;

void hypervisor_init(void) {
  u32 words[4];
  cpuid(VMM_CPUID_LEAF, words);
  present = memcmp(&words[1], VMM_SIGNATURE, sizeof VMM_SIGNATURE) == 0;
}

int have_hypervisor(void) {
  return present;
}

i64 hypercall(u64 number, u64 a, u64 b, u64 c) {
  i64 result = number;
  if (!present) return -ENOSYS;
  __asm__ volatile("vmcall" : "+a"(result) : "D"(a), "S"(b), "d"(c) : "memory");
  return result;
}

void idle(void) {
  if (!present) {
    halt_until_interrupt();
    return;
  }
  hypercall(HC_IDLE, 0, 0, 0);
  take_interrupt();
}

void machine_exit(int code) {
  hypercall(HC_EXIT, code, 0, 0);
  outl(EXIT_PORT, code);
  for (;;) __asm__ volatile("cli; hlt");
}
