/* The kernel's beginning: what the boot loader tells, the parts in order, the first program. */
#include "cpu.h"
#include "kernel.h"

/* Multiboot Specification 0.6.96, section 3.3. */
struct multiboot_information {
  u32 flags, memory_lower, memory_upper, boot_device, command_line, module_count, modules;
};
struct multiboot_module {
  u32 start, end, command_line, reserved;
};
#define MULTIBOOT_BOOTED 0x2badb002
#define HAS_MEMORY 1
#define HAS_COMMAND_LINE 4
#define HAS_MODULES 8
#define MEMORY_UPPER_START 0x100000
#define MOST_MEMORY WINDOW_GPA(0)

extern u8 kernel_end[];
struct utsname system_name = {
  .sysname = "Causeway", .nodename = "machine", .release = "1.0", .version = "1", .machine = "x86_64",
};

/* What the command line says: name=NAME init=PROGRAM ARGUMENTS… Words before, such as the kernel's own name, mean nothing. */
static void read_command_line(const char *line, char arguments[ARGUMENTS_SIZE], u64 *size) {
  *size = 0;
  while (*line) {
    char word[ARGUMENTS_SIZE];
    u64 length = 0;
    while (*line == ' ') line++;
    while (*line && *line != ' ') {
      if (length < sizeof word - 1) word[length++] = *line;
      line++;
    }
    word[length] = 0;
    const char *text = word;
    if (memcmp(word, "name=", 5) == 0) {
      copy_text(system_name.nodename, word + 5, sizeof system_name.nodename);
      continue;
    }
    if (memcmp(word, "init=", 5) == 0) text = word + 5;
    else if (*size == 0) continue;
    u64 needed = strlen(text) + 1;
    if (needed == 1) continue;
    if (needed > ARGUMENTS_SIZE - *size) panic("the command line is too long");
    memcpy(arguments + *size, text, needed);
    *size += needed;
  }
}

void kernel_main(u32 magic, const struct multiboot_information *information) {
  if (magic != MULTIBOOT_BOOTED || !(information->flags & HAS_MEMORY)) panic("not booted by multiboot");
  hypervisor_init();
  tables_init();

  const struct multiboot_module *initrd = (const struct multiboot_module *)(u64)information->modules;
  int has_initrd = information->flags & HAS_MODULES && information->module_count > 0;
  if (!has_initrd) panic("no initrd");
  u64 initrd_start = initrd->start, initrd_end = initrd->end; /* read before memory is given out: it may lie there */
  u64 end = MEMORY_UPPER_START + (u64)information->memory_upper * 1024;
  memory_init((u64)kernel_end > initrd_end ? (u64)kernel_end : initrd_end, end < MOST_MEMORY ? end : MOST_MEMORY);

  char arguments[ARGUMENTS_SIZE] = "";
  u64 size = 0;
  if (information->flags & HAS_COMMAND_LINE) {
    read_command_line((const char *)(u64)information->command_line, arguments, &size);
  }
  if (size == 0) panic("the command line names no init=");

  fs_init(&files, &kernel_memory);
  i64 error = fs_unpack(&files, (const u8 *)initrd_start, initrd_end - initrd_start);
  if (error) panic("cannot unpack the initrd: error %ld", -error);
  console_mount(&files);
  proc_mount(&files, "proc", &process_list);
  timer_init();
  process_first(arguments, arguments, size);
  scheduler_start();
}
