/*
 * Runs a static Linux program in ring 0 on a bare machine with paging on: the same bytes that run in user mode elsewhere.
 * First module: the program; second, if there is one: its standard input. The words of its command line follow the unit
 * separators (1FH) in the kernel's. Prints "begin" before it starts and "end CODE" when it has ended.
 */
#include "wrapper.h"

enum { SEPARATOR = 0x1f, MOST_ARGUMENTS = 16 };
enum { PRESENT = 1, WRITABLE = 2, PAGE_BYTES = 4096, PAGE_ENTRIES = 512 };

/* ELF-64 Object File Format 1.5. */
struct elf {
  u8 ident[16];
  u16 type, machine;
  u32 version;
  u64 entry, headers, sections;
  u32 flags;
  u16 size, header_size, header_count;
};
struct segment {
  u32 type, flags;
  u64 offset, address, physical, file_size, memory_size, alignment;
};
enum { EXECUTABLE = 2, LOAD = 1 };

/* Kinds of the auxiliary vector: System V ABI, AMD64 supplement, section 3.4.3; AT_RANDOM is Linux's. */
enum { AT_NULL, AT_PHDR = 3, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_ENTRY = 9, AT_SECURE = 23, AT_RANDOM = 25 };

static u64 tables[RAM_END / PAGE_BYTES] PAGE;

void copy(void *to, const void *from, u64 n) {
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n)::"memory");
}
void zero(void *to, u64 n) {
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(0) : "memory");
}

void interrupt(struct frame *f) {
  text("exception"), item("vector", f->vector), item("error", f->error), item("rip", f->rip), put('\n');
  quit(1);
}

void end_program(u64 code) {
  text("end "), hex(code), put('\n');
  quit(0);
}

/* RAM in pages of 4 KB, as programs of an operating system have it; entry.S made pages of 2 MB. */
static void use_small_pages(void) {
  for (u64 n = 0; n < RAM_END / PAGE_BYTES; n++) tables[n] = n * PAGE_BYTES | PRESENT | WRITABLE;
  u64 *pointers = (u64 *)(level4[0] & ~0xffful), *directory = (u64 *)(pointers[0] & ~0xffful);
  for (u64 n = 0; n < RAM_END / PAGE_BYTES / PAGE_ENTRIES; n++)
    directory[n] = (u64)&tables[n * PAGE_ENTRIES] | PRESENT | WRITABLE;
  __asm__ volatile("mov %%cr3, %%rax; mov %%rax, %%cr3" ::: "rax", "memory");
}

/* Modules lie where the program will: they move out of its way. */
static struct file move_module(const struct module *m, u64 *free) {
  struct file file = {(u8 *)*free, m->end - m->start};
  copy((void *)*free, (void *)(u64)m->start, file.size);
  *free += (file.size + PAGE_BYTES - 1) & -PAGE_BYTES;
  return file;
}

/* Puts the program's segments where it wants them; answers the end of the last. */
static u64 load(const struct elf *program, const u8 *bytes) {
  const struct segment *s = (const struct segment *)(bytes + program->headers);
  u64 end = 0;
  for (int n = 0; n < program->header_count; n++, s++) {
    if (s->type != LOAD) continue;
    zero((void *)s->address, s->memory_size);
    copy((void *)s->address, bytes + s->offset, s->file_size);
    if (s->address + s->memory_size > end) end = s->address + s->memory_size;
  }
  return end;
}

/* The stack as the System V ABI has it at the start of a program: argument count, arguments, environment, vector. */
static u64 make_stack(const struct elf *program, char *line) {
  char *arguments[MOST_ARGUMENTS];
  u64 count = 0;
  for (char *c = line; *c; c++) {
    if (*c != SEPARATOR) continue;
    *c = 0;
    if (count < MOST_ARGUMENTS) arguments[count++] = c + 1;
  }
  const u64 vector[] = {
      AT_PHDR, MODULES + program->headers, AT_PHENT, program->header_size, AT_PHNUM, program->header_count,
      AT_PAGESZ, PAGE_BYTES, AT_ENTRY, program->entry, AT_SECURE, 0, AT_RANDOM, (u64)program->ident, AT_NULL, 0,
  };
  u64 words = 1 + count + 1 + 1 + sizeof vector / 8;
  u64 *sp = (u64 *)((STACK_TOP - 8 * words) & -16ul), *at = sp;
  *at++ = count;
  for (u64 n = 0; n < count; n++) *at++ = (u64)arguments[n];
  *at++ = 0;
  *at++ = 0;
  copy(at, vector, sizeof vector);
  return (u64)sp;
}

void kernel_main(u32 magic, struct information *information) {
  (void)magic;
  static char line[1024];
  install_handlers();
  use_small_pages();
  if (information->module_count == 0) text("no program\n"), quit(1);
  const char *given = (const char *)(u64)information->command_line;
  for (u64 n = 0; n < sizeof line - 1 && given[n]; n++) line[n] = given[n];
  u64 free = MODULES;
  struct module modules[2] = {0};
  copy(modules, (void *)(u64)information->modules, (information->module_count > 1 ? 2 : 1) * sizeof modules[0]);
  struct file image = move_module(&modules[0], &free);
  struct file input = move_module(&modules[1], &free);
  const struct elf *program = (const struct elf *)image.bytes;
  if (image.size < sizeof *program || program->type != EXECUTABLE) text("no static program\n"), quit(1);
  u64 end = load(program, image.bytes);
  prepare_system_calls((end + PAGE_BYTES - 1) & -PAGE_BYTES, input);
  u64 rsp = make_stack(program, line);
  text("begin\n");
  drain();
  start_program(program->entry, rsp);
}
