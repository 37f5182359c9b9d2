/*
 * The world table: all worlds. The processor knows only those in its two caches; what it misses, it asks for by a VM exit
 * (or, of the host's process, by #GP), and the table answers. docs/crossover.md has the formats.
 */
#include "hypervisor.h"

#define MAX_WORLDS 64
#define FIRST_WID 0x1000 /* WIDs count up from here and are never used again */
#define CALLEE_MISS 0
#define ADDRESS 0xffffffffff000ul
#define CPL_OF(flags) ((flags) >> 2 & 3)
#define INSERT 0
#define DROP 1

/* The processor's format. */
struct world_entry {
  u64 wid;
  u32 flags;
  u16 cs, ss;
  u64 eptp, cr3, entry, system_context, reserved[2];
} __attribute__((aligned(64)));

struct world {
  struct world_entry entry; /* flags 0: none */
  struct system_context system_context;
  u32 owner;
  struct call_record *record;
};

static struct world worlds[MAX_WORLDS] __attribute__((aligned(64)));
static u64 next_wid = FIRST_WID;

#define CROSSOVER_CPUID_LEAF 0x40000100

void enable_worlds(void) {
  u32 a = CROSSOVER_CPUID_LEAF, b, c = 0, d;
  __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  crossover = b == 0x736f7243 && c == 0x65764f73 && d == 0x41534972; /* "CrossOverISA" */
  if (crossover) wrmsr(IA32_CROSSOVER_CTL, 1);
}

static struct world *world_of(u64 wid) {
  for (u32 n = 0; n < MAX_WORLDS; n++) {
    if (worlds[n].entry.flags && worlds[n].entry.wid == wid) return &worlds[n];
  }
  return 0;
}

/* The world whose code runs in a context: the rule by which the processor identifies callers. */
static struct world *world_in(u32 flags, u64 eptp, u64 cr3) {
  const u32 kind = WORLD_HOST | WORLD_CPL(3);
  for (u32 n = 0; n < MAX_WORLDS; n++) {
    const struct world_entry *entry = &worlds[n].entry;
    if (entry->flags && !((entry->flags ^ flags) & kind) && entry->eptp == eptp &&
        !((entry->cr3 ^ cr3) & ADDRESS)) return &worlds[n];
  }
  return 0;
}

i64 register_world(struct context *who, const struct world_description *description) {
  u32 allowed = WORLD_CPL(3) | WORLD_KEEP_IF, host = who->id == HOST_ID ? WORLD_HOST : 0;
  struct world *world = 0;
  void *record = 0, *context = 0;
  if (!crossover) return -ENOSYS;
  if (description->flags & ~allowed || CPL_OF(description->flags) % 3 != 0) return -EINVAL;
  if (world_in(description->flags | host, who->eptp, description->cr3)) return -EEXIST;
  for (u32 n = 0; n < MAX_WORLDS && !world; n++) {
    if (!worlds[n].entry.flags) world = &worlds[n];
  }
  if (!world) return -ENOSPC;
  if (description->call_record) {
    record = host ? (void *)description->call_record
                  : guest_memory(who, description->call_record, sizeof *world->record);
    if (!record || description->call_record & 7) return -EFAULT;
  }
  if (description->system_context) {
    context = host ? (void *)description->system_context
                   : guest_memory(who, description->system_context, sizeof world->system_context);
    if (!context) return -EFAULT;
    copy(&world->system_context, context, sizeof world->system_context);
  }
  world->owner = who->id;
  world->record = record;
  world->entry = (struct world_entry){
      .wid = next_wid,
      .flags = description->flags | host | WORLD_VALID,
      .cs = description->cs,
      .ss = description->ss,
      .eptp = who->eptp,
      .cr3 = description->cr3,
      .entry = description->entry,
      .system_context = context ? (u64)&world->system_context : 0,
  };
  /* The processor checks the rest; a world that it does not take is none. */
  if (manage_world_caches(INSERT, (u64)&world->entry)) {
    world->entry.flags = 0;
    return -EINVAL;
  }
  manage_world_caches(DROP, next_wid); /* in the caches only once it is used */
  return next_wid++;
}

i64 drop_world(struct context *who, u64 wid) {
  struct world *world = world_of(wid);
  if (!world) return -ENOENT;
  if (world->owner != who->id) return -EPERM;
  world->entry.flags = 0;
  manage_world_caches(DROP, wid);
  return 0;
}

void drop_worlds_of(const struct context *who) {
  for (u32 n = 0; n < MAX_WORLDS; n++) {
    struct world_entry *entry = &worlds[n].entry;
    if (!entry->flags || worlds[n].owner != who->id) continue;
    entry->flags = 0;
    manage_world_caches(DROP, entry->wid);
  }
}

i64 find_world(u32 owner, u32 cpl) {
  i64 found = -ENOENT;
  for (u32 n = 0; n < MAX_WORLDS; n++) {
    const struct world_entry *entry = &worlds[n].entry;
    int fits = entry->flags && worlds[n].owner == owner && CPL_OF(entry->flags) == cpl;
    if (fits && (i64)entry->wid > found) found = entry->wid;
  }
  return found;
}

i64 owner_of_world(u64 wid) {
  struct world *world = world_of(wid);
  return world ? (i64)world->owner : -ENOENT;
}

/* The processor asks for the callee in RCX, or for whoever is calling. Gives an error for who is in no table. */
static i64 fill_caches(struct world *world, i64 error) {
  if (!world) return error;
  if (manage_world_caches(INSERT, (u64)&world->entry)) panic("the processor refuses a world", world->entry.wid);
  return 0;
}

static void fail_call(struct registers *r, i64 error) {
  r->rax = error;
  vmwrite(GUEST_RIP, vmread(GUEST_RIP) + vmread(EXIT_INSTRUCTION_LENGTH));
}

void world_cache_miss(void) {
  u64 cpl = vmread(GUEST_SS_RIGHTS) >> 5 & 3;
  i64 error = vmread(EXIT_QUALIFICATION) == CALLEE_MISS
                  ? fill_caches(world_of(guest_registers->rcx), -ENOENT)
                  : fill_caches(world_in(WORLD_CPL(cpl), vmread(EPT_POINTER), vmread(GUEST_CR3)), -EPERM);
  if (error) fail_call(guest_registers, error);
}

#define VMFUNC_LENGTH 3

/* #GP of the host's process at a world call: in root operation the processor does not tell which cache missed. Returns
 * whether the process can go on. */
int host_world_cache_miss(void) {
  const u8 *code = (const u8 *)HOST->rip;
  struct registers *r = &HOST->registers;
  i64 error;
  if (code[0] != 0x0f || code[1] != 0x01 || code[2] != 0xd4 || (u32)r->rax != VMFUNC_WORLD_CALL) return 0;
  error = fill_caches(world_in(WORLD_HOST | WORLD_CPL(3), 0, host_cr3), -EPERM);
  if (!error) error = fill_caches(world_of(r->rcx), -ENOENT);
  if (error) {
    r->rax = error;
    HOST->rip += VMFUNC_LENGTH;
  }
  return 1;
}

/* The call that the context's virtual processor is in, by the records of its worlds. */
static struct world *calling_world(const struct context *who) {
  for (u32 n = 0; n < MAX_WORLDS; n++) {
    struct world *world = &worlds[n];
    if (world->entry.flags && world->owner == who->id && world->record && world->record->callee) return world;
  }
  return 0;
}

/* Enters a world as the processor does, with the error as the callee's answer. */
static void force_return(struct context *who, struct world *world, i64 error) {
  struct registers *r = &who->registers;
  const struct system_context *context = &world->system_context;
  if (world->entry.system_context) {
    load_msrs(&(struct system_msrs){context->star, context->lstar, context->fmask, context->kernel_gs_base});
  }
  r->rcx = world->record->callee;
  r->rdx = error;
  if (who->id == HOST_ID) return_to_host_world(world->entry.entry);
  vmwrite(EPT_POINTER, who->eptp);
  vmwrite(GUEST_CR3, world->entry.cr3);
  vmwrite(GUEST_RIP, world->entry.entry);
  vmwrite(GUEST_RFLAGS, 0x202);
  vmwrite(GUEST_CS, USER_CS);
  vmwrite(GUEST_CS_RIGHTS, 0xa0fb);
  vmwrite(GUEST_SS, USER_SS);
  vmwrite(GUEST_SS_RIGHTS, 0xc0f3);
  if (world->entry.system_context) {
    vmwrite(GUEST_GDTR_BASE, context->gdtr_base);
    vmwrite(GUEST_GDTR_LIMIT, context->gdtr_limit);
    vmwrite(GUEST_IDTR_BASE, context->idtr_base);
    vmwrite(GUEST_IDTR_LIMIT, context->idtr_limit);
    vmwrite(GUEST_TR, context->tr_selector);
    vmwrite(GUEST_TR_BASE, context->tr_base);
    vmwrite(GUEST_TR_LIMIT, context->tr_limit);
    vmwrite(GUEST_FS_BASE, context->fs_base);
    vmwrite(GUEST_GS_BASE, context->gs_base);
  }
}

/* The world that called what runs now in the place of `who`; NULL if it runs itself. */
static struct world *world_away(struct context *who) {
  int is_away = who->id == HOST_ID || vmread(EPT_POINTER) != who->eptp;
  return is_away ? calling_world(who) : 0;
}

/* The callee cannot go on. Gives 0 if there is no call. */
int end_world_call(struct context *who, i64 error) {
  struct world *world = world_away(who);
  if (world) force_return(who, world, error);
  return world != 0;
}

/* Now and then: is the call still the one that it was, for too long? */
void check_world_time(void) {
  static u64 last_wid, last_calls, since;
  struct world *world = world_away(current);
  if (!world) {
    last_wid = 0;
  } else if (world->entry.wid != last_wid || world->record->calls != last_calls) {
    last_wid = world->entry.wid;
    last_calls = world->record->calls;
    since = rdtsc();
  } else if (rdtsc() - since >= CALL_TIME_LIMIT) {
    last_wid = 0;
    force_return(current, world, -ETIMEDOUT);
  }
}
