/*
 * The scheduler: processes take turns; the timer ends a turn. The kernel itself is never interrupted, except where it has
 * nothing to do.
 */
#include "cpu.h"
#include "kernel.h"

struct process *current;

/* The next process that can run, after the current one in the order of the table. */
static struct process *next_ready(void) {
  u64 start = current ? current - processes : MAX_PROCESSES - 1;
  for (u64 n = 1; n <= MAX_PROCESSES; n++) {
    struct process *process = &processes[(start + n) % MAX_PROCESSES];
    if (process->state == READY) return process;
  }
  return NULL;
}

static void enter(struct process *next, u64 *save) {
  current = next;
  set_kernel_stack((u64)next->stack + KERNEL_STACK_SIZE);
  write_cr3(next->cr3);
  switch_stacks(save, next->stack_pointer);
}

void schedule(void) {
  if (remote_call_active()) service_fault(); /* it runs in the caller's time, and nothing may wait there */
  struct process *before = current, *next;
  while (!(next = next_ready())) idle();
  if (next != before) enter(next, &before->stack_pointer);
}

void scheduler_start(void) {
  static u64 boot_stack_pointer;
  enter(next_ready(), &boot_stack_pointer);
  panic("back at the start");
}

void wait(const void *channel, u64 until) {
  current->channel = channel;
  current->wake_at = until;
  current->state = WAITING;
  schedule();
}

void wake(const void *channel) {
  for (int n = 0; n < MAX_PROCESSES; n++) {
    if (processes[n].state == WAITING && processes[n].channel == channel) processes[n].state = READY;
  }
}

void wake_everybody(void) {
  for (int n = 0; n < MAX_PROCESSES; n++) {
    if (processes[n].state == WAITING) processes[n].state = READY;
  }
}

void wake_sleepers(void) {
  u64 now = uptime_milliseconds();
  for (int n = 0; n < MAX_PROCESSES; n++) {
    struct process *process = &processes[n];
    if (process->state == WAITING && process->wake_at && process->wake_at <= now) process->state = READY;
  }
}
