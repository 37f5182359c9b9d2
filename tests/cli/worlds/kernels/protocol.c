/*
 * Speaks the protocol of `causeway worlds` without being a hypervisor: a call is as many writes of CR3 as the path has hops
 * in crossover-isa's table for Proxos. Words on its command line make it misbehave: "differ" gives another result on one
 * path, "hang" never ends, "mute" leaves out a mark, "accept" refuses nobody, "die" ends with a triple fault.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

#define CONSOLE 0x3f8
#define MARK 0x4d00
#define EXIT 0xf4
#define EMPTY 0x7f

static inline void outb(u16 port, u8 v) { __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port)); }
static inline void outl(u16 port, u32 v) { __asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port)); }

static void text(const char *s) {
  while (*s) outb(CONSOLE, *s++);
}

/* The rest of `line` behind the first occurrence of `word`, or 0. */
static const char *behind(const char *line, const char *word) {
  for (; *line; line++) {
    const char *a = line, *b = word;
    while (*b && *a == *b) a++, b++;
    if (!*b) return a;
  }
  return 0;
}

static u32 number(const char *s) {
  u32 n = 0;
  while (s && *s >= '0' && *s <= '9') n = 10 * n + *s++ - '0';
  return n;
}

static void hop(void) {
  u64 cr3;
  __asm__ volatile("mov %%cr3, %0; mov %0, %%cr3" : "=r"(cr3)::"memory");
}

static void measure(u32 work, u32 iterations, int hops, int mute) {
  for (u32 i = 0; i < iterations; i++)
    for (int n = 0; n < hops; n++) hop();
  if (!mute) outl(MARK, work << 16 | iterations);
  for (u32 i = 0; i < iterations; i++) {
    __asm__ volatile("");
    for (int n = 0; n < hops; n++) hop();
  }
  outl(MARK, work << 16);
}

struct frame;
void interrupt(struct frame *frame);
void interrupt(struct frame *frame) { (void)frame; }
u64 system_call(u64 number, u64 argument);
u64 system_call(u64 number, u64 argument) { return number + argument; }

void kernel_main(u32 magic, u32 information);
void kernel_main(u32 magic, u32 information) {
  (void)magic;
  const char *line = (const char *)(u64) * (u32 *)(u64)(information + 16);
  const char *path = behind(line, "path=");
  int hops = *path == 'o' ? 10 : *path == 'v' ? 4 : 2;
  u32 iterations = number(behind(line, "iterations="));
  text("booting\n");
  if (behind(line, "hang"))
    for (;;) __asm__ volatile("");
  if (behind(line, "die")) *(volatile u8 *)0xffffff0000000000;
  measure(EMPTY, iterations, 0, 0);
  measure(1, iterations, hops, 0);
  text("result getpid 7\n");
  measure(3, iterations, hops, behind(line, "mute") != 0);
  text("result write1 1\n");
  u32 few = iterations / 10 ? iterations / 10 : 1;
  measure(7, few, 3 * hops, 0);
  text(behind(line, "differ") && hops == 4 ? "result ps 00000000deadbeef\n" : "result ps 0123456789abcdef\n");
  if (!behind(line, "accept")) text("refused stranger -1\n");
  text("done\n");
  outl(EXIT, 0);
}
