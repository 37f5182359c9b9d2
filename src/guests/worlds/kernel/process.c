/* Processes: starting programs, ending, waiting for children. */
#include "cpu.h"
#include "kernel.h"

struct process processes[MAX_PROCESSES];
struct fs files;
static i32 last_pid;

static struct process *free_process(void) {
  for (int n = 0; n < MAX_PROCESSES; n++) {
    if (processes[n].state == FREE) return &processes[n];
  }
  return NULL;
}

/* Maps the user stack and puts the arguments there as the System V ABI wants them: count, pointers, NULL, NULL. */
static i64 make_user_stack(struct process *process, u64 *stack_pointer) {
  i64 error = map_memory(process->root, USER_STACK_TOP - USER_STACK_SIZE, USER_STACK_SIZE,
                         PAGE_WRITABLE | PAGE_NO_EXECUTE);
  if (error) return error;
  u64 texts = USER_STACK_TOP - ARGUMENTS_SIZE;
  u64 pointers[ARGUMENTS_SIZE / 2 + 2];
  u64 count = 0;
  for (u64 at = 0; at < process->arguments_size; at += strlen(process->arguments + at) + 1) {
    pointers[count++] = texts + at;
  }
  pointers[count] = pointers[count + 1] = 0;
  u64 size = (count + 3) * sizeof(u64);
  *stack_pointer = (texts - size) & -16ul;
  u8 *top = user_byte(process->root, USER_STACK_TOP - PAGE_SIZE) + PAGE_SIZE;
  memcpy(top - ARGUMENTS_SIZE, process->arguments, process->arguments_size);
  u8 *at = top - (USER_STACK_TOP - *stack_pointer);
  memcpy(at, &count, sizeof count);
  memcpy(at + sizeof count, pointers, size - sizeof count);
  return 0;
}

/* A kernel stack that looks as if the process had been interrupted before its first instruction. */
static void make_kernel_stack(struct process *process, u64 rip, u64 rsp) {
  u64 top = (u64)process->stack + KERNEL_STACK_SIZE;
  struct trap_frame *frame = (struct trap_frame *)top - 1;
  *frame = (struct trap_frame){
    .rip = rip,
    .cs = USER_CS,
    .rflags = RFLAGS_FIXED | RFLAGS_IF,
    .rsp = rsp,
    .ss = USER_SS,
  };
  u64 *stack = (u64 *)frame;
  *--stack = (u64)trap_return;
  for (int n = 0; n < 6; n++) *--stack = 0; /* what switch_stacks restores */
  process->stack_pointer = (u64)stack;
}

static i64 load(struct process *process, const char *path) {
  process->root = address_space_new();
  if (!process->root) return -ENOMEM;
  process->cr3 = (u64)process->root;
  process->memory_end = USER_MEMORY;
  struct node *program;
  i64 error = fs_resolve(&files, path, &program);
  if (error) return error;
  u64 entry, stack_pointer;
  error = elf_load(process->root, program, &entry);
  node_release(program);
  if (!error) error = make_user_stack(process, &stack_pointer);
  if (!error) make_kernel_stack(process, entry, stack_pointer);
  return error;
}

/* Everything of a new process but its descriptors. */
static i64 make_process(const char *path, const char *arguments, u64 size, struct process **made) {
  struct process *process = free_process();
  if (!process) return -EAGAIN;
  memset(process, 0, __builtin_offsetof(struct process, stack));
  memcpy(process->arguments, arguments, size);
  process->arguments_size = size;
  const char *name = path + strlen(path);
  while (name > path && name[-1] != '/') name--;
  copy_text(process->name, name, sizeof process->name);
  i64 error = load(process, path);
  if (error) {
    if (process->root) address_space_release(process->root);
    return error;
  }
  process->pid = ++last_pid;
  *made = process;
  return 0;
}

i64 process_spawn(const char *path, const char *arguments, u64 size, const i32 *fds) {
  struct process *child;
  i64 error = make_process(path, arguments, size, &child);
  if (error) return error;
  child->parent = current->pid;
  for (u64 fd = 0; fd < 3; fd++) fs_share(&current->fds, fds ? (u64)fds[fd] : fd, &child->fds, fd);
  child->state = READY;
  return child->pid;
}

void process_first(const char *path, const char *arguments, u64 size) {
  struct process *process;
  i64 error = make_process(path, arguments, size, &process);
  if (error) panic("cannot start %s: error %ld", path, -error);
  if (fs_open(&files, &process->fds, "/dev/console", O_RDWR) != 0) panic("no console");
  fs_share(&process->fds, 0, &process->fds, 1);
  fs_share(&process->fds, 0, &process->fds, 2);
  process->state = READY;
}

i64 process_wait(i32 pid, i32 *status) {
  for (;;) {
    int children = 0;
    for (int n = 0; n < MAX_PROCESSES; n++) {
      struct process *child = &processes[n];
      if (child->state == FREE || child->parent != current->pid || (pid != -1 && child->pid != pid)) continue;
      children = 1;
      if (child->state != ENDED) continue;
      *status = child->status;
      child->state = FREE;
      return child->pid;
    }
    if (!children) return -ECHILD;
    wait(current, 0);
  }
}

void process_exit(i32 status) {
  if (remote_call_active()) service_fault();
  if (current->pid == 1) machine_exit(status >> 8);
  remote_forget(current);
  fs_close_all(&current->fds);
  write_cr3((u64)kernel_root);
  address_space_release(current->root);
  for (int n = 0; n < MAX_PROCESSES; n++) {
    if (processes[n].state != FREE && processes[n].parent == current->pid) processes[n].parent = 1;
  }
  current->state = ENDED;
  current->status = status;
  wake_everybody(); /* its pipes have lost an end, and somebody may wait for it */
  schedule();
  panic("an ended process goes on");
}

/* ---- For /proc ---- */

static i64 describe(u64 index, struct process_information *out) {
  /* Slots are reused, so the order of identities has to be found. */
  struct process *found = NULL;
  for (i32 last = 0; ; last = found->pid) {
    found = NULL;
    for (int n = 0; n < MAX_PROCESSES; n++) {
      struct process *process = &processes[n];
      if (process->state == FREE || process->pid <= last) continue;
      if (!found || process->pid < found->pid) found = process;
    }
    if (!found) return -ENOENT;
    if (index-- == 0) break;
  }
  out->pid = found->pid;
  out->parent = found->parent;
  out->state = found == current ? 'R' : "?RSZ"[found->state];
  copy_text(out->name, found->name, sizeof out->name);
  memcpy(out->arguments, found->arguments, found->arguments_size);
  out->arguments_size = found->arguments_size;
  return 0;
}

const struct proc_source process_list = { describe, uptime_milliseconds };
