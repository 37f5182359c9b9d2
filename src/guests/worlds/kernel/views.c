/*
 * Calls over VMFUNC alone. A view is another machine's memory, with one page of ours: the root of the caller's page tables
 * appears there as the root that the callee has chosen. All kernels are one image and lie at the same addresses, so the
 * code of view.S goes on in the callee's kernel, with its IDT, TSS and data.
 *
 * Who may look at whom is checked once, when the hypervisor makes the view.
 */
#include "cpu.h"
#include "remote.h"

/* Interrupts are off during a call: one record is enough. */
struct view_record view_record __attribute__((aligned(16))) = { .goes_on_at = (u64)view_returned };

i64 sys_view_open(u64 machine, u64 b, u64 c) {
  (void)b, (void)c;
  i64 view = hypercall(HC_VIEW, machine, (u64)current->root, (u64)&view_record);
  if (view < 0) return view;
  current->cr3 = VIEW_ROOT(view);
  write_cr3(current->cr3);
  return view;
}

i64 sys_view_call(u64 view, u64 window, u64 c) {
  (void)c;
  if (current->cr3 != VIEW_ROOT(view)) return -EPERM;
  return view_call(view, window);
}

/* Called by view.S in the callee. */
i64 view_entered(u64 window) {
  return remote_serve(window, 1);
}
