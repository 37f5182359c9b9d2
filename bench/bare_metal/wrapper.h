/* Where things lie in the 256 MB of the bare machine, and what the files of the wrapper need of each other. */
#ifndef WRAPPER_H
#define WRAPPER_H
#include "kernel.h"

#define MB 0x100000ul
/* The wrapper lies below the address that static programs are linked to; from 4 MB on everything is the program's. */
#define PROGRAM_END (96 * MB)
#define MAPPINGS (96 * MB)
#define MAPPINGS_END (160 * MB)
#define MODULES (160 * MB)
#define STACK_TOP (232 * MB)
#define RAM_END (256 * MB)

/* Multiboot information 0.6.96, section 3.3. */
struct information {
  u32 flags, memory_lower, memory_upper, boot_device, command_line, module_count, modules;
};
struct module {
  u32 start, end, string, reserved;
};

struct file {
  const u8 *bytes;
  u64 size;
};

/* main.c */
void copy(void *to, const void *from, u64 n);
void zero(void *to, u64 n);
void end_program(u64 code) __attribute__((noreturn));
/* syscalls.c */
void prepare_system_calls(u64 heap, struct file standard_input);
/* entry.S */
void bare_syscall_entry(void);
void start_program(u64 rip, u64 rsp) __attribute__((noreturn));
#endif
