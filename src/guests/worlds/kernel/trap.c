/* Exceptions and interrupts. */
#include "cpu.h"
#include "kernel.h"

#define SIGILL 4
#define SIGTRAP 5
#define SIGFPE 8
#define SIGSEGV 11

static const char *const NAMES[] = {
  "division error", "debug exception", "NMI", "breakpoint", "overflow", "bound exceeded", "undefined instruction",
  "no floating point", "double fault", "vector 9", "invalid TSS", "segment not present", "stack fault",
  "general protection fault", "page fault", "vector 15", "floating-point error", "alignment check",
};

static const char *name_of(u64 vector) {
  return vector < sizeof NAMES / sizeof NAMES[0] ? NAMES[vector] : "exception";
}

static i32 signal_for(u64 vector) {
  switch (vector) {
  case 0: return SIGFPE;
  case 1: case 3: return SIGTRAP;
  case 6: case 7: return SIGILL;
  default: return SIGSEGV;
  }
}

/* User code has done what it may not: this ends its process, and nothing else. */
static void user_fault(const struct trap_frame *frame) {
  print("%s[%d]: %s at %lx", current->name, current->pid, name_of(frame->vector), frame->rip);
  if (frame->vector == VECTOR_PAGE_FAULT) print(", address %lx, error %lx", read_cr2(), frame->error);
  print("\n");
  if (remote_call_active()) service_fault();
  else process_exit(STATUS_SIGNAL(signal_for(frame->vector)));
}

void trap(struct trap_frame *frame) {
  int from_user = frame->cs & 3;
  switch (frame->vector) {
  case VECTOR_TIMER:
    timer_acknowledge();
    wake_sleepers();
    if (from_user) schedule();
    return;
  case VECTOR_SPURIOUS:
    return;
  default:
    if (from_user) user_fault(frame);
    else panic("%s at %lx, error %lx, address %lx", name_of(frame->vector), frame->rip, frame->error, read_cr2());
  }
}
