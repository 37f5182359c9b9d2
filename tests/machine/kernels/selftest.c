/* A 64-bit kernel that exercises what kernels need of a processor, and prints what it sees. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

struct frame {
  u64 r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
  u64 vector, error, rip, cs, rflags, rsp, ss;
};

extern u8 stubs[], user_code[], user_code_end[], interrupt_stack_top[], ring0_stack_top[];
extern u64 level4[], gdt_tss[];
void syscall_entry(void);
void enter_user(u64 rip, u64 rsp);
void leave_user(void) __attribute__((noreturn));

static inline void outb(u16 port, u8 v) { __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port)); }
static inline void outw(u16 port, u16 v) { __asm__ volatile("outw %0, %1" ::"a"(v), "Nd"(port)); }
static inline void outl(u16 port, u32 v) { __asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port)); }
static inline u8 inb(u16 port) {
  u8 v;
  __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
  return v;
}
static inline void wrmsr(u32 index, u64 v) {
  __asm__ volatile("wrmsr" ::"c"(index), "a"((u32)v), "d"((u32)(v >> 32)));
}
static inline u64 rdmsr(u32 index) {
  u32 lo, hi;
  __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(index));
  return (u64)hi << 32 | lo;
}
static inline u64 read_cr2(void) {
  u64 v;
  __asm__ volatile("mov %%cr2, %0" : "=r"(v));
  return v;
}

static void put(char c) {
  while (!(inb(0x3fd) & 0x20)) {}
  outb(0x3f8, c);
}
static void text(const char *s) {
  while (*s) put(*s++);
}
static void hex(u64 v) {
  int shift = 60;
  while (shift && !(v >> shift & 15)) shift -= 4;
  for (; shift >= 0; shift -= 4) put("0123456789abcdef"[v >> shift & 15]);
}
static void line(const char *name, u64 v) {
  text(name);
  text(": ");
  hex(v);
  put('\n');
}
static void quit(u32 code) {
  outl(0xf4, code);
  for (;;) __asm__ volatile("cli; hlt");
}

static struct { u16 lo, selector, flags, mid; u32 hi, zero; } idt[128];
static struct { u32 reserved; u64 rsp[3], zero, ist[7]; u64 zero2; u16 zero3, map; } __attribute__((packed)) tss;

static void gate(int vector, int ist, int dpl) {
  u64 at = (u64)stubs + 16 * vector;
  idt[vector].lo = at;
  idt[vector].selector = 8;
  idt[vector].flags = 0x8e00 | dpl << 13 | ist;
  idt[vector].mid = at >> 16;
  idt[vector].hi = at >> 32;
}

static void tables(void) {
  for (int vector = 0; vector < 128; vector++) gate(vector, 0, vector == 3 ? 3 : 0);
  gate(8, 1, 0);
  tss.rsp[0] = (u64)ring0_stack_top;
  tss.ist[0] = (u64)interrupt_stack_top;
  tss.map = sizeof tss;
  u64 base = (u64)&tss;
  gdt_tss[0] = (sizeof tss - 1) | (base & 0xffffff) << 16 | 0x89ul << 40 | (base >> 24 & 0xff) << 56;
  gdt_tss[1] = base >> 32;
  struct { u16 limit; u64 base; } __attribute__((packed)) pointer = { sizeof idt - 1, (u64)idt };
  __asm__ volatile("lidt %0; ltr %w1" ::"m"(pointer), "r"(0x30));
}

/* A 4 KB page table for the 2 MB at 512 GB, so that pages can be tried there. */
#define WINDOW 0x8000000000ul
static u64 window_pointers[512] __attribute__((aligned(4096)));
static u64 window_directory[512] __attribute__((aligned(4096)));
static u64 window_table[512] __attribute__((aligned(4096)));
static u8 frames[4][4096] __attribute__((aligned(4096)));

static void map(int page, u64 entry) {
  window_table[page] = entry;
  __asm__ volatile("invlpg (%0)" ::"r"(WINDOW + 4096ul * page) : "memory");
}

static volatile u32 *const apic = (void *)0xfee00000ul;
static volatile int ticks;
static int steps;
static volatile u64 resume_at;

void interrupt(struct frame *f) {
  switch (f->vector) {
  case 1:
    steps++;
    return;
  case 0x40:
    ticks++;
    apic[0xb0 / 4] = 0;
    return;
  case 0x41:
    line("interprocessor interrupt to self, in service", apic[0x120 / 4]);
    apic[0xb0 / 4] = 0;
    return;
  case 14:
    text("page fault: error ");
    hex(f->error);
    line(" address", read_cr2());
    if (f->error == 0 || f->error == 2) map(1, (u64)frames[1] | 3);
    else if (f->error == 3) map(2, (u64)frames[2] | 3);
    else f->rip = resume_at;
    return;
  case 8:
    line("double fault: error", f->error);
    line("on the interrupt stack", f->rsp != 0 && (u64)f < (u64)interrupt_stack_top && (u64)f > (u64)interrupt_stack_top - 4096);
    quit(0x10);
    return;
  }
  text("exception ");
  hex(f->vector);
  text(" error ");
  hex(f->error);
  line(" cs", f->cs);
  if (f->cs & 3) leave_user();
  if (f->vector != 3) f->rip = resume_at;
}

u64 system_call(u64 number, u64 argument) {
  text("system call ");
  hex(number);
  line(" argument", argument);
  return argument + 1;
}

#define TRY(code) __asm__ volatile("lea 1f(%%rip), %%rax; mov %%rax, %0\n" code "\n1:" : "=m"(resume_at)::"rax", "rcx", "rdx", "memory")

static void exceptions(void) {
  TRY("xor %%ecx, %%ecx; xor %%edx, %%edx; div %%ecx");
  TRY("ud2");
  TRY("int3");
  TRY("mov $0x1235, %%eax; mov %%eax, %%ds");
  TRY("mov $0x8000000000000000, %%rax; mov (%%rax), %%al");
  TRY("int $0x70");
  __asm__ volatile("pushf; orl $0x100, (%%rsp); popf; nop; nop; nop; pushf; andl $~0x100, (%%rsp); popf" ::: "memory", "cc");
  line("single steps", steps);
}

static void paging(void) {
  level4[1] = (u64)window_pointers | 7;
  window_pointers[0] = (u64)window_directory | 7;
  window_directory[0] = (u64)window_table | 7;
  volatile u8 *page = (void *)WINDOW;
  page[4096] = 5; /* not there: the handler maps it */
  line("page mapped by its fault", page[4096]);
  line("its entry", window_table[1] & 0xfff);
  map(2, (u64)frames[2] | 1);
  line("read-only page", page[8192]);
  line("its entry", window_table[2] & 0xfff);
  page[8192] = 7;
  line("made writable", page[8192]);
  frames[3][0] = 0xc3;
  map(3, (u64)frames[3] | 1);
  ((void (*)(void))(WINDOW + 0x3000))();
  text("code in a page ran\n");
  map(3, (u64)frames[3] | 1 | 1ul << 63);
  TRY("mov $0x8000003000, %%rax; call *%%rax");
  __asm__ volatile("add $8, %%rsp" ::: "memory"); /* the call's return address */
  frames[0][0] = 1;
  map(0, (u64)frames[0] | 3);
  line("page before remapping", page[0]);
  frames[3][0] = 2;
  map(0, (u64)frames[3] | 3);
  line("page after remapping", page[0]);
}

static void timer(void) {
  outb(0x21, 0xff);
  outb(0xa1, 0xff);
  line("local APIC enabled", rdmsr(0x1b) >> 11 & 1);
  apic[0xf0 / 4] = 0x1ff;
  apic[0x80 / 4] = 0;
  apic[0x3e0 / 4] = 0xb;
  apic[0x320 / 4] = 0x40;
  apic[0x380 / 4] = 100000;
  while (!ticks) __asm__ volatile("sti; hlt; cli");
  line("one-shot ticks", ticks);
  line("count left", apic[0x390 / 4]);
  apic[0x320 / 4] = 0x20040;
  apic[0x380 / 4] = 100000;
  __asm__ volatile("sti");
  while (ticks < 4) {}
  __asm__ volatile("cli");
  apic[0x380 / 4] = 0;
  line("with periodic ticks", ticks);
  apic[0x300 / 4] = 0x44041; /* fixed, to self */
  line("requested", apic[0x220 / 4]);
  apic[0x80 / 4] = 0x50; /* task priority holds it back */
  __asm__ volatile("sti; nop; nop; nop; cli");
  text("task priority held it back\n");
  __asm__ volatile("mov %0, %%cr8; sti; nop; nop; cli" ::"r"(0ul));
}

static void user(void) {
  for (u64 n = 0; n < (u64)(user_code_end - user_code); n++) frames[3][n] = user_code[n];
  map(3, (u64)frames[3] | 5);
  map(0, (u64)frames[0] | 7);
  wrmsr(0xc0000081, 0x0018000800000000ul);
  wrmsr(0xc0000082, (u64)syscall_entry);
  wrmsr(0xc0000084, 0x200);
  wrmsr(0xc0000102, 0x5555);
  enter_user(WINDOW + 0x3000, WINDOW + 0x1000);
  text("back from user code\n");
  line("kernel GS base", rdmsr(0xc0000102));
}

static u64 configuration(u16 key, int bytes) {
  u64 v = 0;
  outw(0x510, key);
  for (int n = 0; n < bytes; n++) v |= (u64)inb(0x511) << 8 * n;
  return v;
}

void kernel_main(u32 magic, u32 *information) {
  text("64-bit kernel\n");
  line("multiboot magic", magic);
  const char *arguments = (const char *)(u64)information[4];
  while (*arguments && *arguments != ' ') arguments++;
  text("arguments:");
  text(arguments);
  put('\n');
  line("modules", information[5]);
  if (information[5]) {
    const u32 *module = (u32 *)(u64)information[6];
    text("module: ");
    for (const char *c = (char *)(u64)module[0]; c < (char *)(u64)module[1]; c++) put(*c);
  }
  line("signature", configuration(0, 4));
  line("processors", configuration(5, 2));
  line("RAM", configuration(3, 8));
  tables();
  exceptions();
  paging();
  timer();
  user();
  text("now a fault without a stack\n");
  if (arguments[0] && arguments[1] == 't') {
    struct { u16 limit; u64 base; } __attribute__((packed)) none = { 0, 0 };
    __asm__ volatile("lidt %0; ud2" ::"m"(none));
  }
  __asm__ volatile("mov %0, %%rsp; push %%rax" ::"r"(WINDOW + 0x100000));
}
