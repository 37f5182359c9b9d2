/* Directories and files in memory. A file's bytes lie in blocks, found through one block of pointers. */
#include "../lib/format.h"
#include "fs.h"

#define POINTERS (BLOCK_SIZE / sizeof(u8 *))

void ram_attach(struct node *directory, struct node *node) {
  struct node **end = &directory->children;
  while (*end) end = &(*end)->next;
  *end = node;
  node->parent = directory;
}

static struct node *lookup(struct node *directory, const char *name, u64 length) {
  for (struct node *node = directory->children; node; node = node->next) {
    if (memcmp(node->name, name, length) == 0 && !node->name[length]) {
      node->references++;
      return node;
    }
  }
  return NULL;
}

static struct node *create(struct node *directory, const char *name, u64 length, u32 mode) {
  const struct operations *operations = (mode & S_IFMT) == S_IFDIR ? &ram_directory : &ram_file;
  struct node *node = node_new(directory->fs, operations, name, length, mode);
  if (!node) return NULL;
  node->references++; /* the directory's own */
  ram_attach(directory, node);
  return node;
}

static i64 entry(struct node *directory, u64 index, struct entry *entry) {
  struct node *node = directory->children;
  while (node && index-- > 0) node = node->next;
  if (!node) return -ENOENT;
  entry->number = node->number;
  entry->mode = node->mode;
  copy_text(entry->name, node->name, NAME_SIZE);
  return 0;
}

static i64 read(struct node *node, u64 offset, void *buffer, u64 size) {
  if (offset >= node->size) return 0;
  if (size > node->size - offset) size = node->size - offset;
  for (u64 done = 0; done < size;) {
    u64 at = (offset + done) % BLOCK_SIZE;
    u64 piece = size - done < BLOCK_SIZE - at ? size - done : BLOCK_SIZE - at;
    const u8 *block = node->blocks[(offset + done) / BLOCK_SIZE];
    if (block) memcpy((u8 *)buffer + done, block + at, piece);
    else memset((u8 *)buffer + done, 0, piece);
    done += piece;
  }
  return size;
}

/* The block for an offset, made if it is not there; NULL: no memory, or the file would be too long. */
static u8 *block_for(struct node *node, u64 offset) {
  const struct memory_source *memory = node->fs->memory;
  u64 index = offset / BLOCK_SIZE;
  if (index >= POINTERS) return NULL;
  if (!node->blocks) node->blocks = memory->allocate(BLOCK_SIZE);
  if (!node->blocks) return NULL;
  if (!node->blocks[index]) node->blocks[index] = memory->allocate(BLOCK_SIZE);
  return node->blocks[index];
}

static i64 write(struct node *node, u64 offset, const void *buffer, u64 size) {
  u64 done = 0;
  while (done < size) {
    u64 at = (offset + done) % BLOCK_SIZE;
    u64 piece = size - done < BLOCK_SIZE - at ? size - done : BLOCK_SIZE - at;
    u8 *block = block_for(node, offset + done);
    if (!block) break;
    memcpy(block + at, (const u8 *)buffer + done, piece);
    done += piece;
    if (offset + done > node->size) node->size = offset + done;
  }
  return done > 0 || size == 0 ? (i64)done : -ENOSPC;
}

static void truncate(struct node *node) {
  const struct memory_source *memory = node->fs->memory;
  for (u64 index = 0; node->blocks && index < POINTERS; index++) {
    if (node->blocks[index]) memory->release(node->blocks[index], BLOCK_SIZE);
  }
  if (node->blocks) memory->release(node->blocks, BLOCK_SIZE);
  node->blocks = NULL;
  node->size = 0;
}

static void destroy(struct node *node) {
  truncate(node);
  node->fs->memory->release(node, sizeof *node);
}

const struct operations ram_file = { .read = read, .write = write, .truncate = truncate, .destroy = destroy };
const struct operations ram_directory = { .lookup = lookup, .create = create, .entry = entry, .destroy = destroy };
