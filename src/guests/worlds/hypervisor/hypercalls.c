/* What machines ask of the hypervisor (abi.h), and the original path: a request handed from one to another. */
#include "hypervisor.h"

static struct context *machine(u64 id) {
  return id > HOST_ID && id <= MAX_VMS && contexts[id].state != ABSENT && contexts[id].state != ENDED ? &contexts[id] : 0;
}

void answer(struct context *callee, i64 result) {
  struct context *caller = &contexts[callee->caller];
  callee->call_started = 0;
  caller->registers.rax = result;
  caller->state = READY;
  switch_to(caller);
}

/* Parks the machine; the answer, if it owes one, goes to its caller. */
static i64 wait_call(struct context *who, i64 result) {
  if (who->id == HOST_ID) return -EPERM;
  who->state = PARKED;
  if (who->call_started) answer(who, result);
  else next_in_line();
  return 0; /* overwritten when a request comes */
}

static i64 call(struct context *who, u64 target, u64 window) {
  struct context *callee = machine(target);
  if (!callee || callee == who) return -ENOENT;
  /* A window has two parties: the machine of this number, and who serves it. */
  if (window != who->id || window >= WINDOWS) return -EINVAL;
  if (callee->state != PARKED) return -EBUSY;
  who->state = CALLING;
  callee->state = READY;
  callee->caller = who->id;
  callee->call_started = rdtsc();
  callee->registers.rax = CALL_RESULT(who->id, window);
  switch_to(callee);
  return 0; /* overwritten by the answer */
}

/* When its time is over, the caller learns that the callee does not answer. */
void check_call_time(struct context *callee) {
  if (!callee->call_started || rdtsc() - callee->call_started < CALL_TIME_LIMIT) return;
  callee->state = STUCK;
  answer(callee, -ETIMEDOUT);
}

static i64 view(struct context *who, u64 target, u64 root, u64 record) {
  struct context *callee = machine(target);
  if (!callee || callee == who || who->id == HOST_ID) return -ENOENT;
  return make_view(who, callee, root, record);
}

static i64 set_timer(struct context *who, u64 period, u64 vector) {
  if (who->id == HOST_ID || vector < 32 || vector > 255) return -EINVAL;
  who->timer_period = who->timer_left = period;
  who->timer_vector = vector;
  return 0;
}

static i64 register_of_machine(struct context *who, u64 gpa) {
  const struct world_description *description = guest_memory(who, gpa, sizeof *description);
  return description ? register_world(who, description) : -EFAULT;
}

i64 hypercall(struct context *who, u64 number, u64 a, u64 b, u64 c) {
  switch (number) {
  case HC_VM_ID: return who->id;
  case HC_TIMER: return set_timer(who, a, b);
  case HC_IDLE: return wait_for_timer(who) ? 0 : -EINVAL;
  case HC_WAIT_CALL: return wait_call(who, a);
  case HC_CALL: return call(who, a, b);
  case HC_WORLD_REGISTER: return who->id == HOST_ID ? -EINVAL : register_of_machine(who, a);
  case HC_WORLD_DROP: return drop_world(who, a);
  case HC_WORLD_FIND: return find_world(a, b);
  case HC_WORLD_OWNER: return owner_of_world(a);
  case HC_VIEW_ALLOW: return who->id == HOST_ID ? -EINVAL : allow_views(who, a, b);
  case HC_VIEW: return view(who, a, b, c);
  case HC_EXIT: end_context(who, a);
  default: return -ENOSYS;
  }
}
