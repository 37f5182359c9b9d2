/*
 * Views, for calls over VMFUNC alone. A view is what the callee sees, but that one page is the page-table root which the
 * callee's kernel set aside for such calls. The caller loads CR3 with VIEW_ROOT(index), which is its own root while its own
 * EPT is in force: then VMFUNC changes the memory below, and all addresses keep their meaning on either side.
 *
 * VMFUNC itself asks nobody: who has a view can use it, and where code goes on in it is not controlled. So the question who
 * may is answered when the view is made.
 */
#include "hypervisor.h"

#define ADDRESS 0xffffffffff000ul

i64 make_view(struct context *caller, struct context *callee, u64 caller_root, u64 record_gpa) {
  u64 index = caller->view_count, *view_roots;
  struct view_record *record = guest_memory(caller, record_gpa, sizeof *record);
  caller_root &= ADDRESS;
  if (!(callee->allowed_viewers >> caller->id & 1)) return -EPERM;
  if (!guest_memory(caller, caller_root, PAGE)) return -EFAULT;
  if (index > MAX_VIEWS) return -ENOSPC;
  view_roots = allocate_pages(1);
  view_roots[index] = ept_page(callee->memory + callee->allowed_root);
  caller->eptp_list[index] = new_ept(callee, below_1gb(callee), callee->windows, view_roots);
  caller->view_roots[index] = ept_page(caller->memory + caller_root);
  caller->views[index] = (struct view){callee->id, caller->eptp_list[index], record_gpa ? record : 0};
  return caller->view_count++;
}

static void take_back(struct context *caller, u64 index) {
  u64 eptp = caller->views[index].eptp;
  caller->views[index].callee = 0;
  caller->eptp_list[index] = 0;
  invept(eptp);
}

i64 allow_views(struct context *callee, u64 root, u64 machines) {
  if (!guest_memory(callee, root & ADDRESS, PAGE)) return -EFAULT;
  callee->allowed_root = root & ADDRESS;
  callee->allowed_viewers = machines;
  for (u32 id = 1; id <= MAX_VMS; id++) {
    struct context *caller = &contexts[id];
    if (machines >> id & 1) continue;
    for (u32 index = 1; index < caller->view_count; index++) {
      if (caller->views[index].callee == callee->id) take_back(caller, index);
    }
  }
  return 0;
}

/* The kernel of the caller goes on where it wants to after a call that fails. */
static void force_return(struct context *caller, const struct view_record *record, i64 error) {
  caller->registers.rdx = error;
  vmwrite(EPT_POINTER, caller->eptp);
  vmwrite(GUEST_RIP, record->goes_on_at);
  vmwrite(GUEST_RFLAGS, 2);
  vmwrite(GUEST_CS, KERNEL_CS);
  vmwrite(GUEST_CS_RIGHTS, 0xa09b);
  vmwrite(GUEST_SS, KERNEL_SS);
  vmwrite(GUEST_SS_RIGHTS, 0xc093);
}

/* VMFUNC found no EPTP. Whether that was a view which the callee has taken back: then its kernel is told. */
int view_is_gone(struct context *caller) {
  const struct registers *r = &caller->registers;
  u64 index = r->rcx, in_kernel = (vmread(GUEST_SS_RIGHTS) >> 5 & 3) == 0;
  if ((u32)r->rax != VMFUNC_EPTP_SWITCHING || !in_kernel || index == 0 || index >= caller->view_count) return 0;
  if (caller->views[index].callee || !caller->views[index].record) return 0;
  force_return(caller, caller->views[index].record, -ENOENT);
  return 1;
}

/* Index of the view that is in force, 0 if it is the machine's own memory. */
static u64 view_in_force(const struct context *caller) {
  u64 eptp = vmread(EPT_POINTER);
  for (u32 index = 1; index < caller->view_count; index++) {
    if (caller->views[index].eptp == eptp && caller->views[index].record) return index;
  }
  return 0;
}

/* The callee's kernel is somewhere in a call that it cannot end, and nobody can enter it any more. Gives 0 if there is no
 * call. */
int end_view_call(struct context *caller, i64 error) {
  u64 index = view_in_force(caller);
  if (!index) return 0;
  contexts[caller->views[index].callee].state = STUCK;
  take_back(caller, index);
  force_return(caller, caller->views[index].record, error);
  return 1;
}

/* Now and then: is the call through a view still the one that it was, for too long? */
void check_view_time(struct context *caller) {
  static u64 last_index, last_calls, since;
  u64 index = view_in_force(caller), calls = index ? caller->views[index].record->calls : 0;
  if (index != last_index || calls != last_calls) {
    last_index = index;
    last_calls = calls;
    since = rdtsc();
  } else if (index && rdtsc() - since >= CALL_TIME_LIMIT) {
    end_view_call(caller, -ETIMEDOUT);
  }
}
