/*
 * The machines' memory: extended page tables (SDM vol. 3C, section 29.3), and windows that two machines share.
 *
 * Guest-physical space of each machine:
 *   0 ..             its RAM, in pages of 2 MB
 *   WINDOW_GPA(n)    window n, if it is a party: the machine n, and those that serve it
 *   VIEW_ROOT(n)     the page-table root that goes with entry n of its EPTP list
 */
#include "hypervisor.h"

#define RIGHTS 7ul /* read, write, execute */
#define LARGE 0x80ul
#define WRITE_BACK (6ul << 3)
#define EPTP_FLAGS 0x1eul /* write back, 4 levels */
#define LARGE_PAGE 0x200000ul
#define GIGABYTE 0x40000000ul
#define ADDRESS 0xffffffffff000ul
#define ENTRIES 512

/* RAM of the machines begins here, VM_MEMORY bytes each. */
#define FIRST_MACHINE 0x4000000ul

static u64 table_entry(const void *table) { return (u64)table | RIGHTS; }
u64 ept_page(u64 address) { return address | WRITE_BACK | RIGHTS; }

void *guest_memory(const struct context *vm, u64 gpa, u64 size) {
  if (gpa >= VM_MEMORY || size > VM_MEMORY - gpa) return 0;
  return (void *)(vm->memory + gpa);
}

/* An EPT that maps what `vm` has below 1 GB, windows, and roots of views. */
u64 new_ept(struct context *vm, const u64 *below_1gb, const u64 *windows, u64 *view_roots) {
  u64 *level4 = allocate_pages(1), *pointers = allocate_pages(1), *second_gb = allocate_pages(1);
  level4[0] = table_entry(pointers);
  pointers[0] = table_entry(below_1gb);
  pointers[1] = table_entry(second_gb);
  second_gb[(WINDOW_GPA(0) - GIGABYTE) / LARGE_PAGE] = table_entry(windows);
  second_gb[(VIEW_ROOT(0) - GIGABYTE) / LARGE_PAGE] = table_entry(view_roots);
  if (!vm->pointers) vm->pointers = pointers;
  return (u64)level4 | EPTP_FLAGS;
}

u64 *below_1gb(const struct context *vm) { return (u64 *)(vm->pointers[0] & ADDRESS); }

void make_memory(struct context *vm) {
  u64 *ram = allocate_pages(1);
  vm->memory = FIRST_MACHINE + (vm->id - 1) * VM_MEMORY;
  vm->windows = allocate_pages(1);
  vm->view_roots = allocate_pages(1);
  vm->eptp_list = allocate_pages(1);
  for (u64 at = 0; at < VM_MEMORY; at += LARGE_PAGE) ram[at / LARGE_PAGE] = ept_page(vm->memory + at) | LARGE;
  vm->eptp = new_ept(vm, ram, vm->windows, vm->view_roots);
  vm->eptp_list[0] = vm->eptp;
  vm->views = allocate_pages(1);
  vm->view_count = 1;
}

u8 *window_memory(u32 window) {
  static u8 *memory[WINDOWS];
  if (!memory[window]) memory[window] = allocate_pages(WINDOW_SIZE / PAGE);
  return memory[window];
}

void share_window(u32 window, struct context *vm) {
  u64 first = window * (WINDOW_SIZE / PAGE);
  for (u64 n = 0; n < WINDOW_SIZE / PAGE; n++) vm->windows[first + n] = ept_page((u64)window_memory(window) + n * PAGE);
}
