/* What the parts of the hypervisor share. */
#ifndef HYPERVISOR_H
#define HYPERVISOR_H
#include "vmcs.h"

#define PAGE 4096ul

/* A callee that does not answer for so long (ticks of the time-stamp counter) is given up. */
#define CALL_TIME_LIMIT 20000000ul
#define TIME_CHECK_INTERVAL (CALL_TIME_LIMIT / 4)

/* The general registers but RSP, as entry.S saves them. */
struct registers {
  u64 rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
};

/* MSRs that a VM entry does not load: each kernel's own, swapped when another context runs. */
struct system_msrs {
  u64 star, lstar, fmask, kernel_gs_base;
};

enum state {
  ABSENT,
  READY,   /* runs when it is its turn */
  PARKED,  /* in HC_WAIT_CALL: waits for a request */
  CALLING, /* in HC_CALL: waits for the answer */
  STUCK,   /* did not answer in time: never runs again */
  ENDED,
};

/* What takes turns on the processor: a virtual machine, or the host's process (id HOST_ID). */
struct context {
  struct registers registers; /* first: entry.S */
  u64 rip, rflags, rsp;       /* of the host's process; a machine's are in its VMCS */
  u32 id;
  enum state state;
  struct system_msrs msrs;
  const char *name;
  u32 caller;       /* whose request it executes */
  u64 call_started; /* time-stamp counter, then */
  /* Virtual machines only. */
  u64 memory; /* host-physical address of guest-physical 0 */
  void *vmcs;
  int launched;
  u64 eptp;
  u64 *eptp_list;            /* index 0: its own memory; others: views */
  u64 *pointers;             /* EPT: entries for each GB */
  u64 *windows, *view_roots; /* EPT: tables with the pages of the windows, and of the roots of views */
  struct view *views;
  u32 view_count;
  u64 allowed_root, allowed_viewers; /* HC_VIEW_ALLOW */
  u64 timer_period, timer_left;      /* of time in which it runs */
  u32 timer_vector;
  int interrupt_pending;
};

/* Another machine's memory, in a machine's EPTP list. */
struct view {
  u32 callee; /* 0: taken back */
  u64 eptp;
  const struct view_record *record;
};
#define MAX_VIEWS 16 /* and index 0: the machine's own memory */

extern struct context contexts[MAX_VMS + 1];
/* Who has the processor, or is about to get it. */
extern struct context *current;

/* main.c */
extern int crossover; /* the processor has world calls, and they are enabled */
void next_in_line(void);
void end_context(struct context *context, u64 code) __attribute__((noreturn));
void resume(void) __attribute__((noreturn));
void switch_to(struct context *context);

/* console.c */
void text(const char *s);
void hex(u64 value);
void panic(const char *why, u64 value) __attribute__((noreturn));
void stop(u32 code) __attribute__((noreturn));

/* memory.c */
void *allocate_pages(u64 count);
void fill(void *to, u8 value, u64 size);
void copy(void *to, const void *from, u64 size);
int is_equal(const char *a, const char *b, u64 size);
u64 length(const char *s);
/* A file of the initrd; its size, or 0 if there is none of this name. */
u64 find_file(const char *name, const u8 **data);
extern const u8 *initrd;
extern u64 initrd_size;

/* ept.c */
void make_memory(struct context *vm);
void share_window(u32 window, struct context *vm);
u64 new_ept(struct context *vm, const u64 *below_1gb, const u64 *windows, u64 *view_roots);
u64 ept_page(u64 address);
/* What a machine has below 1 GB: its RAM. */
u64 *below_1gb(const struct context *vm);
u8 *window_memory(u32 window);
/* views.c */
i64 make_view(struct context *caller, struct context *callee, u64 caller_root, u64 record);
i64 allow_views(struct context *callee, u64 root, u64 machines);
int view_is_gone(struct context *caller);
void check_view_time(struct context *caller);
int end_view_call(struct context *caller, i64 error);
/* Host address of guest-physical memory; NULL if [gpa, gpa + size) is not the machine's RAM. */
void *guest_memory(const struct context *vm, u64 gpa, u64 size);

/* vm.c */
void make_vm(struct context *vm, const char *command_line);
void set_up_vmcs(struct context *vm);

/* exits.c */
extern struct registers *guest_registers;
void save_msrs(struct system_msrs *msrs);
void load_msrs(const struct system_msrs *msrs);

/* hypercalls.c: what machine or process `who` asks; the result. */
i64 hypercall(struct context *who, u64 number, u64 a, u64 b, u64 c);
void check_call_time(struct context *callee);
void answer(struct context *callee, i64 result);

/* timer.c */
void start_timers(struct context *vm);
void account_time(struct context *vm);
int wait_for_timer(struct context *vm);

/* worlds.c */
void enable_worlds(void);
i64 register_world(struct context *who, const struct world_description *description);
i64 drop_world(struct context *who, u64 wid);
i64 find_world(u32 owner, u32 cpl);
i64 owner_of_world(u64 wid);
void world_cache_miss(void);
int host_world_cache_miss(void);
void check_world_time(void);
int end_world_call(struct context *who, i64 error);
void drop_worlds_of(const struct context *who);

/* exits.c */
void enter_vm(struct context *vm) __attribute__((noreturn));

/* host_process.c */
void make_host_process(const char *program, const char *const *arguments);
void resume_host(void) __attribute__((noreturn));
void return_to_host_world(u64 entry) __attribute__((noreturn));
void host_left_guest(void);
#define HOST (&contexts[HOST_ID])
extern u64 host_cr3;

/* entry.S */
extern u64 level4[], gdt[], gdt_tss[];
extern u8 stack_top[], vm_exit[], syscall_entry[], exception_stubs[], wake_up[];
void resume_guest(struct registers *registers, int launched) __attribute__((noreturn));
void resume_host_process(void) __attribute__((noreturn));
void return_to_host_process(void) __attribute__((noreturn));
void idle_until_interrupt(void);

static inline void outb(u16 port, u8 value) { __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port)); }
static inline void outl(u16 port, u32 value) { __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port)); }
#endif
