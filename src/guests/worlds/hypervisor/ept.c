/*
 * The machines' memory: extended page tables (SDM vol. 3C, section 29.3), windows that two machines share, and views.
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
static u64 page_entry(u64 address) { return address | WRITE_BACK | RIGHTS; }

void *guest_memory(const struct context *vm, u64 gpa, u64 size) {
  if (gpa >= VM_MEMORY || size > VM_MEMORY - gpa) return 0;
  return (void *)(vm->memory + gpa);
}

/* An EPT that maps what `vm` has below 1 GB, windows, and roots of views. */
static u64 new_ept(struct context *vm, const u64 *below_1gb, const u64 *windows, u64 *view_roots) {
  u64 *level4 = allocate_pages(1), *pointers = allocate_pages(1), *second_gb = allocate_pages(1);
  level4[0] = table_entry(pointers);
  pointers[0] = table_entry(below_1gb);
  pointers[1] = table_entry(second_gb);
  second_gb[(WINDOW_GPA(0) - GIGABYTE) / LARGE_PAGE] = table_entry(windows);
  second_gb[(VIEW_ROOT(0) - GIGABYTE) / LARGE_PAGE] = table_entry(view_roots);
  if (!vm->pointers) vm->pointers = pointers;
  return (u64)level4 | EPTP_FLAGS;
}

void make_memory(struct context *vm) {
  u64 *below_1gb = allocate_pages(1);
  vm->memory = FIRST_MACHINE + (vm->id - 1) * VM_MEMORY;
  vm->windows = allocate_pages(1);
  vm->view_roots = allocate_pages(1);
  vm->eptp_list = allocate_pages(1);
  for (u64 at = 0; at < VM_MEMORY; at += LARGE_PAGE) below_1gb[at / LARGE_PAGE] = page_entry(vm->memory + at) | LARGE;
  vm->eptp = new_ept(vm, below_1gb, vm->windows, vm->view_roots);
  vm->eptp_list[0] = vm->eptp;
  vm->views = 1;
}

u8 *window_memory(u32 window) {
  static u8 *memory[WINDOWS];
  if (!memory[window]) memory[window] = allocate_pages(WINDOW_SIZE / PAGE);
  return memory[window];
}

void share_window(u32 window, struct context *vm) {
  u64 first = window * (WINDOW_SIZE / PAGE);
  for (u64 n = 0; n < WINDOW_SIZE / PAGE; n++) vm->windows[first + n] = page_entry((u64)window_memory(window) + n * PAGE);
}

/*
 * A view: what `callee` sees, but that one page is the callee's page-table root which its kernel set aside for such
 * calls. The caller loads CR3 with VIEW_ROOT(index), which is its own root while its own EPT is in force: then VMFUNC
 * changes the memory below and all addresses keep their meaning on either side.
 */
i64 make_view(struct context *caller, struct context *callee, u64 caller_root) {
  u64 index = caller->views, *view_roots;
  caller_root &= ADDRESS;
  if (!callee->allowed_viewers || !(callee->allowed_viewers >> caller->id & 1)) return -EPERM;
  if (!guest_memory(caller, caller_root, PAGE) || index >= ENTRIES) return -EINVAL;
  view_roots = allocate_pages(1);
  view_roots[index] = page_entry(callee->memory + callee->allowed_root);
  caller->eptp_list[index] = new_ept(callee, (u64 *)(callee->pointers[0] & ADDRESS), callee->windows, view_roots);
  caller->view_roots[index] = page_entry(caller->memory + caller_root);
  caller->views++;
  return index;
}
