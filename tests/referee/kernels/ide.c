/* What an IDE disk (primary master) and a CD-ROM (secondary master) answer, by PIO, packets and DMA, in lines of text. */
#include "kernel.h"

enum { PRIMARY = 0x1f0, SECONDARY = 0x170, DATA = 0, ERROR = 1, FEATURES = 1, COUNT = 2, LBA = 3, DEVICE = 6, STATUS = 7, CONTROL = 0x206 };
enum { BSY = 0x80, DRQ = 8, ERR = 1 };
enum { MASTER_START = 1, TO_MEMORY = 8, ACTIVE = 1, INTERRUPT = 4 };

static inline u16 inw(u16 port) {
  u16 v;
  __asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
  return v;
}
static inline void outw(u16 port, u16 v) { __asm__ volatile("outw %0, %1" ::"a"(v), "Nd"(port)); }
static inline u32 inl(u16 port) {
  u32 v;
  __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
  return v;
}
static void insw(u16 port, void *to, u64 count) {
  __asm__ volatile("rep insw" : "+D"(to), "+c"(count) : "d"(port) : "memory");
}
static void insl(u16 port, void *to, u64 count) {
  __asm__ volatile("rep insl" : "+D"(to), "+c"(count) : "d"(port) : "memory");
}
static void outsw(u16 port, const void *from, u64 count) {
  __asm__ volatile("rep outsw" : "+S"(from), "+c"(count) : "d"(port) : "memory");
}

void interrupt(struct frame *f) {
  text("exception");
  item("vector", f->vector);
  item("rip", f->rip);
  put('\n');
  quit(99);
}

static u16 base, master;
static u16 words[0x2000] PAGE;
static u8 *const bytes = (u8 *)words;

static void registers(void) {
  item("count", inb(base + COUNT));
  item("low", inb(base + LBA));
  item("mid", inb(base + LBA + 1));
  item("high", inb(base + LBA + 2));
}
/* Whether the drive has interrupted since it was asked last. */
static int interrupted(void) {
  u16 port = master + 2 + (base == PRIMARY ? 0 : 8);
  int is = inb(port) & INTERRUPT;
  outb(port, INTERRUPT);
  return is != 0;
}
/* Waits until the drive is not busy; the alternate status acknowledges nothing. */
static u8 settled(void) {
  while (inb(base + CONTROL) & BSY) {}
  return inb(base + CONTROL);
}
/* Prints how a command stands: status without bits that are of no use, error, whether it interrupts. */
static u8 tell(void) {
  u8 status = settled();
  item("irq", interrupted());
  item("status", inb(base + STATUS) & ~0x10);
  if (status & ERR) text(" failed");
  return status;
}
/* A software reset, until the signature is there. */
static void reset(void) {
  outb(base + DEVICE, 0);
  outb(base + COUNT, 0x55);
  outb(base + CONTROL, 4);
  for (int n = 0; n < 1000; n++) inb(base + CONTROL);
  outb(base + CONTROL, 0);
  do outb(base + DEVICE, 0);
  while (inb(base + COUNT) != 1);
}
static void address(u32 lba, u8 count, u8 device) {
  outb(base + DEVICE, 0xe0 | device | (lba >> 24 & 15));
  outb(base + COUNT, count);
  for (int n = 0; n < 3; n++) outb(base + LBA + n, lba >> 8 * n);
}
static void address_ext(u64 lba, u16 count) {
  outb(base + DEVICE, 0xe0);
  outb(base + COUNT, count >> 8);
  for (int n = 3; n < 6; n++) outb(base + LBA + n - 3, lba >> 8 * n);
  outb(base + COUNT, count);
  for (int n = 0; n < 3; n++) outb(base + LBA + n, lba >> 8 * n);
}
static void command(const char *name, u8 code) {
  text(name);
  interrupted();
  outb(base + STATUS, code);
}
/* Reads the blocks that there are, of so many sectors, and prints the first word of each sector. */
static void read_blocks(int sectors) {
  while (tell() & DRQ) {
    for (int n = 0; n < sectors && settled() & DRQ; n++) {
      if (n & 1) insw(base, words, 256);
      else insl(base, words, 128);
      item("word", words[255]);
    }
  }
  put('\n');
}
static void write_blocks(u16 value) {
  while (tell() & DRQ) {
    for (int n = 0; n < 256; n++) words[n] = value;
    outsw(base, words, 256);
    value++;
  }
  put('\n');
}
static void without_data(const char *name, u8 code) {
  command(name, code);
  if (tell() & ERR) item("error", inb(base + ERROR));
  put('\n');
}

static struct { u32 address; u16 length, flags; } table[2] PAGE;
static void dma(const char *name, u8 code, int to_memory, u32 first, u32 second) {
  u16 port = master + (base == PRIMARY ? 0 : 8);
  table[0].address = (u64)bytes;
  table[0].length = first;
  table[0].flags = second ? 0 : 0x8000;
  table[1].address = (u64)bytes + 0x2000;
  table[1].length = second;
  table[1].flags = 0x8000;
  outl(port + 4, (u64)table);
  command(name, code);
  outb(port, MASTER_START | (to_memory ? TO_MEMORY : 0));
  while (!(inb(port + 2) & INTERRUPT) && inb(port + 2) & ACTIVE) {}
  item("master", inb(port + 2) & 7);
  outb(port, 0);
  tell();
  if (to_memory) {
    item("word", words[0]);
    item("word", words[first / 2 - 1]);
    if (second) item("word", words[0x1000]);
  }
  put('\n');
}

/* Sends a packet, and prints what comes: how many bytes in each block, and the first ones of each. */
static void packet(const char *name, const u8 *p, u16 limit) {
  outb(base + DEVICE, 0xa0);
  outb(base + FEATURES, 0);
  outb(base + LBA + 1, limit);
  outb(base + LBA + 2, limit >> 8);
  command(name, 0xa0);
  settled();
  item("reason", inb(base + COUNT) & 7);
  item("status", inb(base + STATUS) & ~0x10);
  outsw(base, p, 6);
  for (;;) {
    u8 status = tell();
    item("reason", inb(base + COUNT) & 7);
    if (!(status & DRQ)) {
      if (status & ERR) item("error", inb(base + ERROR) & 0xf0);
      break;
    }
    u32 length = inb(base + LBA + 1) | inb(base + LBA + 2) << 8;
    item("bytes", length);
    insw(base, words, (length + 1) / 2);
    for (u32 n = 0; n < 8 && n < length; n++) item("byte", bytes[n]);
  }
  put('\n');
}

/* Finds the controller, and enables its bus masters. */
static u32 configuration(u32 at) {
  outl(0xcf8, 0x80000000 | at);
  return inl(0xcfc);
}
static void find_controller(void) {
  for (u32 at = 0; at < 0x10000; at += 0x100) {
    if (configuration(at) == 0xffffffff || configuration(at + 8) >> 16 != 0x0101) continue;
    text("controller");
    item("id", configuration(at));
    item("class", configuration(at + 8) >> 8);
    put('\n');
    master = configuration(at + 0x20) & 0xfff0;
    outl(0xcf8, 0x80000000 | (at + 4));
    outw(0xcfc, 5);
  }
}

static void disk(void) {
  base = PRIMARY;
  reset();
  text("software reset");
  settled();
  item("error", inb(base + ERROR));
  registers();
  item("status", inb(base + STATUS) & ~0x10);
  put('\n');

  address(0, 0, 0);
  command("identify", 0xec);
  tell();
  insw(base, words, 256);
  for (int n = 0; n < 7; n++) item("word", words[(int[]){0, 1, 3, 6, 53, 60, 61}[n]]);
  item("capabilities", words[49] & 0x300);
  item("commands", words[83]);
  item("long", words[100] | (u64)words[101] << 16);
  put('\n');

  address(5, 3, 0);
  command("read", 0x20);
  read_blocks(1);
  address_ext(6, 2);
  command("read ext", 0x24);
  read_blocks(1);
  address(7, 2, 0);
  command("write", 0x30);
  write_blocks(0x1111);
  address_ext(9, 1);
  command("write ext", 0x34);
  write_blocks(0x3333);
  address(6, 5, 0);
  command("read", 0x20);
  read_blocks(1);

  address(5, 18, 0);
  command("read multiple at first", 0xc4);
  read_blocks(16);
  address(0, 0, 0);
  without_data("disable multiple", 0xc6);
  address(5, 1, 0);
  without_data("read multiple", 0xc4);
  address(0, 4, 0);
  without_data("set multiple", 0xc6);
  address(0, 3, 0);
  without_data("set multiple", 0xc6);
  address(0, 4, 0);
  without_data("set multiple", 0xc6);
  address(5, 6, 0);
  command("read multiple", 0xc4);
  read_blocks(4);

  outb(base + DEVICE, 0xa2);
  outb(base + COUNT, 1);
  outb(base + LBA, 5);
  outb(base + LBA + 1, 1);
  outb(base + LBA + 2, 0);
  command("read by cylinder", 0x20);
  read_blocks(1);

  address(2047, 1, 0);
  command("read the last", 0x20);
  read_blocks(1);
  address(2048, 1, 0);
  command("read behind it", 0x20);
  tell();
  put('\n');
  address(5, 1, 0);
  without_data("verify", 0x40);
  without_data("recalibrate", 0x10);
  without_data("flush", 0xe7);
  without_data("flush ext", 0xea);
  without_data("no operation", 0);
  without_data("an unknown command", 0xfe);
  without_data("packet identity", 0xa1);
  without_data("idle", 0xe3);
  without_data("power mode", 0xe5);
  address(0, 0, 0);
  command("last address", 0xf8);
  tell();
  item("low", inb(base + LBA));
  item("mid", inb(base + LBA + 1));
  put('\n');
  outb(base + FEATURES, 3);
  address(0, 0x22, 0);
  without_data("transfer mode", 0xef);
  outb(base + FEATURES, 0x99);
  without_data("an unknown feature", 0xef);

  address(5, 3, 0);
  dma("read dma", 0xc8, 1, 1024, 512);
  address_ext(5, 2);
  dma("read dma ext", 0x25, 1, 1024, 0);
  words[0] = words[511] = 0x4444;
  words[0x1000] = 0x5555;
  address(20, 3, 0);
  dma("write dma", 0xca, 0, 1024, 512);
  address(20, 3, 0);
  dma("read dma", 0xc8, 1, 1024, 512);
  address(5, 1, 0);
  dma("read dma into more", 0xc8, 1, 1024, 0);

  outb(base + CONTROL, 2);
  address(5, 1, 0);
  without_data("verify without interrupts", 0x40);
  outb(base + CONTROL, 0);

  text("high order bytes");
  outb(base + COUNT, 0x12);
  outb(base + COUNT, 0x34);
  item("now", inb(base + COUNT));
  outb(base + CONTROL, 0x80);
  item("before", inb(base + COUNT));
  outb(base + CONTROL, 0);
  put('\n');

  command("diagnostic", 0x90);
  settled();
  item("error", inb(base + ERROR));
  registers();
  put('\n');

  text("no second drive");
  outb(base + DEVICE, 0xf0);
  item("status", inb(base + STATUS));
  item("alternate", inb(base + CONTROL));
  outb(base + COUNT, 0x55);
  item("count", inb(base + COUNT));
  outb(base + STATUS, 0xec);
  item("status", inb(base + STATUS));
  outb(base + DEVICE, 0xe0);
  item("status", inb(base + STATUS) & ~0x10);
  put('\n');
}

static void cdrom(void) {
  base = SECONDARY;
  reset();
  text("cd: software reset");
  settled();
  registers();
  item("status", inb(base + STATUS));
  put('\n');
  address(0, 0, 0);
  command("cd: identify", 0xec);
  tell();
  registers();
  put('\n');
  command("cd: packet identity", 0xa1);
  tell();
  insw(base, words, 256);
  item("word", words[0]);
  item("capabilities", words[49] & 0x300);
  put('\n');
  packet("cd: test unit ready", (u8[12]){0}, 0xfffe);
  packet("cd: request sense", (u8[12]){3, 0, 0, 0, 18}, 0xfffe);
  packet("cd: inquiry", (u8[12]){0x12, 0, 0, 0, 4}, 0xfffe);
  packet("cd: capacity", (u8[12]){0x25}, 0xfffe);
  packet("cd: read", (u8[12]){0x28, 0, 0, 0, 0, 3, 0, 0, 2}, 2048);
  packet("cd: read in parts", (u8[12]){0xa8, 0, 0, 0, 0, 3, 0, 0, 0, 1}, 1000);
  packet("cd: read behind the end", (u8[12]){0x28, 0, 0, 0, 0, 99, 0, 0, 2}, 2048);
  packet("cd: request sense", (u8[12]){3, 0, 0, 0, 18}, 0xfffe);
  packet("cd: an unknown packet", (u8[12]){0xf0}, 2048);
  packet("cd: table of contents", (u8[12]){0x43, 0, 0, 0, 0, 0, 0, 0, 20}, 2048);
  packet("cd: event", (u8[12]){0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8}, 2048);
  packet("cd: prevent removal", (u8[12]){0x1e, 0, 0, 0, 1}, 2048);
  packet("cd: allow removal", (u8[12]){0x1e, 0, 0, 0, 0}, 2048);
  text("cd: no second drive");
  outb(base + DEVICE, 0xb0);
  item("status", inb(base + STATUS));
  put('\n');
}

/* What the setup program has left about disks. */
static void setup(void) {
  text("setup");
  for (int at = 0x12; at < 0x3a; at++) {
    if (at > 0x12 && at < 0x19) continue;
    if (at > 0x2c && at < 0x39) continue;
    outb(0x70, at);
    put(' ');
    hex(inb(0x71));
  }
  put('\n');
}

void kernel_main(void) {
  install_handlers();
  outb(0x21, 0xff);
  outb(0xa1, 0xff);
  setup();
  find_controller();
  disk();
  cdrom();
  quit(0);
}
