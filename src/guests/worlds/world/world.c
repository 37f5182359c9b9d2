/* The policy of a world: a list of WIDs. Hardware tells who calls; whether it may is decided here. */
#include "world.h"

struct world this_world __attribute__((aligned(64)));

_Static_assert(__builtin_offsetof(struct world, call.calls) == WORLD_CALLS, "as world.S has it");
_Static_assert(__builtin_offsetof(struct world, saved_rsp) == WORLD_SAVED_RSP, "as world.S has it");
_Static_assert(__builtin_offsetof(struct world, stack_top) == WORLD_STACK_TOP, "as world.S has it");
_Static_assert(__builtin_offsetof(struct world, busy) == WORLD_BUSY, "as world.S has it");
_Static_assert(__builtin_offsetof(struct world, allowed_count) == WORLD_ALLOWED_COUNT, "as world.S has it");
_Static_assert(__builtin_offsetof(struct world, allowed) == WORLD_ALLOWED, "as world.S has it");

/* For worlds that only call. */
__attribute__((weak)) i64 world_service(u64 a, u64 b, u64 caller) {
  (void)a, (void)b, (void)caller;
  return -ENOSYS;
}

static i64 ask_owner(u64 wid) {
  i64 result;
  __asm__ volatile("vmcall" : "=a"(result) : "a"((u64)HC_WORLD_OWNER), "D"(wid) : "memory");
  return result;
}

static i64 put_on_list(u64 wid, i64 owner) {
  if (owner < 0) return owner;
  if (this_world.allowed_count == WORLD_CALLERS) return -ENOSPC;
  this_world.owner[this_world.allowed_count] = owner;
  this_world.allowed[this_world.allowed_count++] = wid;
  return 0;
}

i64 world_allow(u64 wid) { return put_on_list(wid, ask_owner(wid)); }

void world_refuse(u64 wid) {
  u64 kept = 0;
  for (u64 n = 0; n < this_world.allowed_count; n++) {
    if (this_world.allowed[n] == wid) continue;
    this_world.owner[kept] = this_world.owner[n];
    this_world.allowed[kept++] = this_world.allowed[n];
  }
  this_world.allowed_count = kept;
}

u32 world_owner(u64 wid) {
  u64 n = 0;
  while (this_world.allowed[n] != wid) n++;
  return this_world.owner[n];
}

/* Whether a caller that is not on the list belongs to a machine whose worlds may all call. WIDs are never used again, so
 * that it can stay on the list. */
u64 world_admit(u64 wid) {
  i64 owner;
  if (!this_world.allowed_machines) return 0;
  owner = ask_owner(wid);
  return owner >= 0 && (this_world.allowed_machines >> owner & 1) && put_on_list(wid, owner) == 0;
}
