/* Several processors: started, interrupting each other, sharing memory, code and page tables. One line a test. */
#include "kernel.h"

enum { ID = 0x20 / 4, EOI = 0xb0 / 4, LOGICAL = 0xd0 / 4, SPURIOUS = 0xf0 / 4, ICR = 0x300 / 4, TIMER = 0x320 / 4,
       INITIAL = 0x380 / 4, TPR = 0x80 / 4 };
enum { FIXED = 0, LOWEST = 1 << 8, NMI = 4 << 8, INIT = 5 << 8, STARTUP = 6 << 8, TO_LOGICAL = 1 << 11,
       ASSERT = 1 << 14, TO_SELF = 1 << 18, TO_ALL = 2 << 18, TO_OTHERS = 3 << 18 };
enum { CALL_VECTOR = 0x40, COUNT_VECTOR = 0x41, TIMER_VECTOR = 0x42 };
enum { RESUME = 1 << 16, DR7_FIXED = 1 << 10 };
enum { TRAMPOLINE = 0x8000, MAX = 8 };

extern u8 trampoline[], trampoline_end[];
extern volatile u32 next_stack;
static volatile u32 *const apic = (void *)0xfee00000ul;
static int x2apic, failures;
static volatile u32 online = 1, nmis[MAX], counted[MAX], ticks[MAX];
static void (*volatile function)(u64);
static volatile u64 argument_of_call;
static volatile u32 called;

static void pause(void) { __asm__ volatile("pause"); }
static u64 tsc(void) {
  u32 lo, hi;
  __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
  return (u64)hi << 32 | lo;
}
static u32 id(void) { return x2apic ? rdmsr(0x802) : apic[ID] >> 24; }
static void end_of_interrupt(void) {
  if (x2apic) wrmsr(0x80b, 0);
  else apic[EOI] = 0;
}
static void send(u32 command, u32 destination) {
  if (x2apic) {
    wrmsr(0x830, (u64)destination << 32 | command);
  } else {
    apic[ICR + 4] = destination << 24;
    apic[ICR] = command;
  }
}
static void report(const char *name, int passed) {
  text(passed ? "PASS: " : "FAIL: ");
  text(name);
  put('\n');
  failures += !passed;
}

/* Debug exceptions by processor and breakpoint. */
static volatile u32 breaks[MAX][2];
static void debug_exception(struct frame *f) {
  u64 status;
  __asm__ volatile("mov %%dr6, %0" : "=r"(status));
  for (int n = 0; n < 2; n++) breaks[id()][n] += status >> n & 1;
  __asm__ volatile("mov %0, %%dr6" ::"r"(0xffff0ff0ul));
  f->rflags |= RESUME;
}

void interrupt(struct frame *f) {
  switch (f->vector) {
  case 1:
    debug_exception(f);
    return;
  case 2:
    nmis[id()]++;
    return;
  case CALL_VECTOR:
    function(argument_of_call);
    called = 1;
    break;
  case COUNT_VECTOR:
    counted[id()]++;
    break;
  case TIMER_VECTOR:
    ticks[id()]++;
    send(ASSERT | COUNT_VECTOR, 0);
    break;
  default:
    text("exception");
    item("vector", f->vector);
    item("rip", f->rip);
    quit(0x7f);
  }
  end_of_interrupt();
}

/* Waits without PAUSE, as some do. */
static void on(u32 processor, void (*f)(u64), u64 value) {
  function = f;
  argument_of_call = value;
  called = 0;
  send(ASSERT | CALL_VECTOR, processor);
  while (!called) {}
}

void processor_main(void) {
  struct { u16 limit; u64 base; } __attribute__((packed)) idt;
  __asm__ volatile("sidt %0" : "=m"(idt));
  install_handlers();
  apic[SPURIOUS] = 0x1ff;
  apic[LOGICAL] = 1u << (24 + id());
  __asm__ volatile("lock incl %0" : "+m"(online));
  __asm__ volatile("sti");
}

static u32 count;
static void read_firmware(void) {
  __asm__ volatile("outw %0, %1" ::"a"((u16)5), "Nd"((u16)0x510));
  count = inb(0x511);
  count |= inb(0x511) << 8;
}

static void start(u32 command_bits, u32 destination, u32 expected) {
  send(command_bits | INIT | ASSERT, destination);
  send(command_bits | STARTUP | ASSERT | TRAMPOLINE >> 12, destination);
  while (online != expected) pause();
}

static volatile u32 ids, apic_ids;
static void note_id(u64 unused) {
  (void)unused;
  u32 a = 1, b, c, d;
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
  apic_ids |= 1 << (b >> 24);
  ids |= 1 << id();
}

static volatile u32 go, done, atomic_sum, lock_word;
static volatile u64 locked_sum;
static void add_up(u64 unused) {
  (void)unused;
  end_of_interrupt();
  __asm__ volatile("sti");
  while (!go) pause();
  for (int i = 0; i < 3000; i++) {
    __asm__ volatile("lock incl %0" : "+m"(atomic_sum));
    u32 old = 1;
    do {
      old = 1;
      __asm__ volatile("xchg %0, %1" : "+r"(old), "+m"(lock_word)::"memory");
    } while (old);
    locked_sum = locked_sum + 1;
    lock_word = 0;
  }
  __asm__ volatile("lock incl %0" : "+m"(done));
}

/* Each runs `f` while the others do; the call is answered before it ends. */
static void all_run(void (*f)(u64)) {
  go = done = 0;
  function = f;
  send(ASSERT | TO_OTHERS | CALL_VECTOR, 0);
  go = 1;
  f(0);
  while (done != count) pause();
}

/* A function whose constant is changed while another processor calls it: MOV EAX, imm32; RET. */
static u8 code[4096] PAGE;
static volatile u32 seen, stop;
static void call_code(u64 unused) {
  (void)unused;
  called = 1;
  while (!stop) {
    u32 value = ((u32(*)(void))code)();
    if (value != seen) seen = value;
  }
}
static int modified_code(void) {
  code[0] = 0xb8;
  code[5] = 0xc3;
  stop = 0;
  on(1, note_id, 0);
  function = call_code;
  send(ASSERT | CALL_VECTOR, 1);
  for (u32 value = 1; value < 400; value += 7) {
    *(volatile u32 *)(code + 1) = value;
    while (seen != value) {}
  }
  stop = 1;
  return 1;
}

/* A page whose frame changes: another processor sees the new one after its own INVLPG. */
#define WINDOW 0x8000000000ul
static u64 pointers[512] PAGE, directory[512] PAGE, table[512] PAGE;
static u64 frames[2][512] PAGE;
static volatile u64 looked;
static void look(u64 invalidate) {
  if (invalidate) __asm__ volatile("invlpg (%0)" ::"r"(WINDOW) : "memory");
  looked = *(volatile u64 *)WINDOW;
}
static int shootdown(void) {
  level4[1] = (u64)pointers | 7;
  pointers[0] = (u64)directory | 7;
  directory[0] = (u64)table | 7;
  for (int n = 0; n < 2; n++) frames[n][0] = 100 + n;
  for (int round = 0; round < 6; round++) {
    table[0] = (u64)frames[round & 1] | 3;
    on(1, look, 1);
    if (looked != 100u + (round & 1)) return 0;
  }
  return 1;
}

static volatile u64 last_time;
static int backwards;
static void compare_time(u64 unused) {
  (void)unused;
  u64 now = tsc();
  if (now <= last_time) backwards++;
  last_time = now;
}

/* Waits for a store to a line of memory, or for an interrupt although it is masked. */
static volatile u32 line_waited_for[16] __attribute__((aligned(64)));
static volatile u32 waits, woken;
static void wait(u64 extensions) {
  called = 1;
  end_of_interrupt();
  while (!line_waited_for[0] && !waits) {
    __asm__ volatile("monitor" ::"a"(line_waited_for), "c"(0), "d"(0));
    __asm__ volatile("mwait" ::"a"(0), "c"((u32)extensions) : "memory");
    waits++;
  }
  woken = 1 + counted[id()];
}
static int waits_until(u64 extensions, void (*wake)(void)) {
  line_waited_for[0] = waits = woken = counted[1] = 0;
  on(1, wait, extensions);
  for (int i = 0; i < 100; i++) pause();
  if (woken) return 0;
  wake();
  while (!woken) pause();
  return waits == 1 && woken == 1;
}
static void store(void) { line_waited_for[3] = 1; }
static void interrupt_other(void) { send(ASSERT | COUNT_VECTOR, 1); }

static void set_priority(u64 value) { apic[TPR] = value; }
static void start_timer(u64 ticks_until) {
  apic[TIMER] = TIMER_VECTOR;
  apic[INITIAL] = ticks_until;
}

/* Two functions that all processors call. Those with an even number have breakpoints on both, the others on the second. */
static volatile u32 calls;
static __attribute__((noinline)) void first(void) { calls = calls + 1; }
static __attribute__((noinline)) void second(void) { calls = calls + 2; }
static void set_breakpoints(u64 enabled) {
  u64 control = DR7_FIXED | (enabled ? (id() & 1) ? 2 << 2 : 2 | 2 << 2 : 0);
  __asm__ volatile("mov %0, %%dr0" ::"r"(first));
  __asm__ volatile("mov %0, %%dr1" ::"r"(second));
  __asm__ volatile("mov %0, %%dr7" ::"r"(control));
}
static void call_both(u64 unused) {
  (void)unused;
  end_of_interrupt();
  __asm__ volatile("sti");
  while (!go) pause();
  for (int i = 0; i < 500; i++) {
    first();
    second();
  }
  __asm__ volatile("lock incl %0" : "+m"(done));
}
static int break_in_turns(u32 processors_with) {
  for (u32 n = 0; n < count; n++) {
    breaks[n][0] = breaks[n][1] = 0;
    on(n, set_breakpoints, processors_with >> n & 1);
  }
  all_run(call_both);
  for (u32 n = 0; n < count; n++) {
    u32 has = processors_with >> n & 1;
    if (breaks[n][0] != (has && !(n & 1) ? 500 : 0) || breaks[n][1] != (has ? 500 : 0)) return 0;
  }
  return 1;
}

static u32 sum(volatile u32 *of) {
  u32 total = 0;
  for (u32 n = 0; n < count; n++) total += of[n];
  return total;
}

static void enable_x2apic(u64 unused) {
  (void)unused;
  end_of_interrupt();
  wrmsr(0x1b, rdmsr(0x1b) | 0xc00);
}

static void test_interrupts(void) {
  for (u32 n = 0; n < count; n++) counted[n] = 0;
  send(ASSERT | TO_OTHERS | COUNT_VECTOR, 0);
  while (sum(counted) != count - 1) pause();
  report("to all but self", counted[0] == 0);
  send(ASSERT | TO_ALL | COUNT_VECTOR, 0);
  while (sum(counted) != 2 * count - 1) pause();
  report("to all", counted[0] == 1);
  send(ASSERT | TO_SELF | COUNT_VECTOR, 0);
  report("to self", counted[0] == 2);
  send(ASSERT | COUNT_VECTOR, x2apic ? 0xffffffff : 0xff);
  while (sum(counted) != 3 * count) pause();
  report("broadcast ID", 1);
  send(ASSERT | NMI | TO_LOGICAL, x2apic ? 1 << 1 : 2);
  while (!nmis[1]) pause();
  report("NMI to a logical destination", nmis[1] == 1 && sum(nmis) == 1);
  nmis[1] = 0;
}

void kernel_main(u32 magic, u32 *information) {
  (void)magic, (void)information;
  install_handlers();
  read_firmware();
  for (u8 *from = trampoline, *to = (u8 *)TRAMPOLINE; from != trampoline_end;) *to++ = *from++;
  apic[SPURIOUS] = 0x1ff;
  apic[LOGICAL] = 1u << 24;
  start(TO_OTHERS, 0, count);
  report("all processors start", online == count);
  __asm__ volatile("sti");

  for (u32 n = 0; n < count; n++) on(n, note_id, 0);
  report("each has its ID", ids == (1u << count) - 1 && apic_ids == ids);
  all_run(add_up);
  report("locked instructions are atomic", atomic_sum == 3000 * count);
  report("a spin lock excludes", locked_sum == 3000 * count);
  report("code modified by another processor", modified_code());
  report("INVLPG on another processor", shootdown());
  for (int round = 0; round < 20; round++) {
    for (u32 n = 0; n < count; n++) on(n, compare_time, 0);
  }
  report("time goes forward everywhere", backwards == 0);
  test_interrupts();

  on(1, set_priority, 0x80);
  for (u32 n = 0; n < count; n++) counted[n] = 0;
  send(ASSERT | LOWEST | TO_LOGICAL | COUNT_VECTOR, 3);
  while (!sum(counted)) pause();
  report("lowest priority", counted[0] == 1 && counted[1] == 0);
  send(ASSERT | COUNT_VECTOR, 1);
  for (int i = 0; i < 100; i++) pause();
  report("the task priority holds back", counted[1] == 0);
  on(0, set_priority, 0);

  start(0, 1, count + 1);
  for (int i = 0; i < 100; i++) pause();
  report("INIT drops what was pending", counted[1] == 0);

  report("MWAIT until a store", waits_until(0, store));
  report("MWAIT until a masked interrupt", waits_until(1, interrupt_other));

  u64 before = tsc();
  counted[0] = 0;
  on(1, start_timer, 50000);
  __asm__ volatile("hlt" ::: "memory");
  report("a timer of another processor", ticks[1] == 1 && counted[0] == 1 && tsc() - before >= 50000);

  for (u32 n = count; n-- > 0;) on(n, enable_x2apic, 0);
  x2apic = 1;
  test_interrupts();

  report("each has its breakpoints", break_in_turns(-1u));
  report("one has breakpoints", break_in_turns(1) && break_in_turns(2));
  report("none has breakpoints", break_in_turns(0));
  quit(failures);
}
