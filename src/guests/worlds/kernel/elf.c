/* Loads programs: static 64-bit ELF files, linked at USER_CODE. */
#include "kernel.h"

struct elf_header {
  u8 magic[4], class, data, version, padding[9];
  u16 type, machine;
  u32 version2;
  u64 entry, program_headers, section_headers;
  u32 flags;
  u16 size, program_header_size, program_header_count;
};
struct program_header {
  u32 type, flags;
  u64 offset, address, physical, file_size, memory_size, alignment;
};
#define CLASS_64 2
#define MACHINE_X86_64 62
#define PT_LOAD 1
#define PF_X 1
#define PF_W 2

static i64 read_exactly(struct node *node, u64 offset, void *buffer, u64 size) {
  return node->operations->read(node, offset, buffer, size) == (i64)size ? 0 : -EINVAL;
}

static i64 load_segment(u64 *root, struct node *program, const struct program_header *segment) {
  u64 start = segment->address, size = segment->memory_size;
  if (start < USER_CODE || start > USER_MEMORY || size > USER_MEMORY - start) return -EINVAL;
  if (segment->file_size > size) return -EINVAL;
  u64 flags = (segment->flags & PF_W ? PAGE_WRITABLE : 0) | (segment->flags & PF_X ? 0 : PAGE_NO_EXECUTE);
  i64 error = map_memory(root, start, size, flags);
  for (u64 done = 0; !error && done < segment->file_size;) {
    u64 piece = PAGE_SIZE - (start + done) % PAGE_SIZE;
    if (piece > segment->file_size - done) piece = segment->file_size - done;
    error = read_exactly(program, segment->offset + done, user_byte(root, start + done), piece);
    done += piece;
  }
  return error;
}

i64 elf_load(u64 *root, struct node *program, u64 *entry) {
  struct elf_header header;
  if (!program->operations->read) return -EISDIR;
  i64 error = read_exactly(program, 0, &header, sizeof header);
  if (error) return error;
  if (memcmp(header.magic, "\177ELF", 4) != 0) return -EINVAL;
  if (header.class != CLASS_64 || header.machine != MACHINE_X86_64) return -EINVAL;
  for (u64 n = 0; n < header.program_header_count; n++) {
    struct program_header segment;
    error = read_exactly(program, header.program_headers + n * header.program_header_size, &segment, sizeof segment);
    if (!error && segment.type == PT_LOAD && segment.memory_size > 0) error = load_segment(root, program, &segment);
    if (error) return error;
  }
  *entry = header.entry;
  return 0;
}
