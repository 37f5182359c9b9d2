/*
 * Address spaces: four levels of page tables. SDM vol. 3A, section 4.5. Every address space begins with the kernel's
 * 512 GB, which all share; the next 512 GB are the process's own.
 */
#include "kernel.h"

#define ADDRESS_BITS 0x000ffffffffff000ul
#define LEVELS 4

static u64 *table_at(u64 entry) {
  return (u64 *)(entry & ADDRESS_BITS);
}

static u64 index_at(u64 address, int level) {
  return address >> (12 + 9 * level) & 511;
}

u64 *address_space_new(void) {
  u64 *root = frame_allocate();
  if (root) root[0] = kernel_root[0];
  return root;
}

static void release_table(u64 *table, int level) {
  for (int n = 0; n < 512; n++) {
    u64 entry = table[n];
    if (!(entry & PAGE_PRESENT)) continue;
    if (level > 0) release_table(table_at(entry), level - 1);
    else if (!(entry & PAGE_KEPT)) frame_release(table_at(entry));
  }
  frame_release(table);
}

void address_space_release(u64 *root) {
  root[0] = 0;
  release_table(root, LEVELS - 1);
}

/* The last-level entry for an address; missing tables are made if `make`. NULL: there is none. */
static u64 *entry_for(u64 *root, u64 address, int make) {
  u64 *table = root;
  for (int level = LEVELS - 1; level > 0; level--) {
    u64 *entry = &table[index_at(address, level)];
    if (!(*entry & PAGE_PRESENT)) {
      u64 *below = make ? frame_allocate() : NULL;
      if (!below) return NULL;
      *entry = (u64)below | PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER;
    }
    table = table_at(*entry);
  }
  return &table[index_at(address, 0)];
}

i64 map_page(u64 *root, u64 address, u64 new_entry) {
  u64 *entry = entry_for(root, address, 1);
  if (!entry) return -ENOMEM;
  if (*entry & PAGE_PRESENT) return -EEXIST;
  *entry = new_entry | PAGE_PRESENT | PAGE_USER;
  return 0;
}

static void unmap_memory(u64 *root, u64 start, u64 end) {
  for (u64 page = start; page < end; page += PAGE_SIZE) {
    u64 *entry = entry_for(root, page, 0);
    frame_release(table_at(*entry));
    *entry = 0;
  }
}

i64 map_memory(u64 *root, u64 address, u64 size, u64 flags) {
  u64 start = address & -PAGE_SIZE;
  for (u64 page = start; page < address + size; page += PAGE_SIZE) {
    void *frame = frame_allocate();
    i64 error = frame ? map_page(root, page, (u64)frame | flags) : -ENOMEM;
    if (!error) continue;
    if (frame) frame_release(frame);
    unmap_memory(root, start, page);
    return error;
  }
  return 0;
}

int user_may(u64 *root, const void *pointer, u64 size, u64 flags) {
  u64 address = (u64)pointer;
  if (address < USER_START || address > USER_END || size > USER_END - address) return 0;
  flags |= PAGE_PRESENT;
  for (u64 page = address & -PAGE_SIZE; page < address + size; page += PAGE_SIZE) {
    u64 *entry = entry_for(root, page, 0);
    if (!entry || (*entry & flags) != flags) return 0;
  }
  return 1;
}

u8 *user_byte(u64 *root, u64 address) {
  u64 *entry = entry_for(root, address, 0);
  if (!entry || !(*entry & PAGE_PRESENT)) return NULL;
  return (u8 *)table_at(*entry) + address % PAGE_SIZE;
}
