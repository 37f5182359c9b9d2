/* The kernel's parts, and what each offers to the others. */
#ifndef WORLDS_KERNEL_H
#define WORLDS_KERNEL_H
#include "../fs/fs.h"
#include "../lib/format.h"
#include "traps.h"

/* console.c: the serial port, and the device /dev/console. */
void print(const char *pattern, ...) __attribute__((format(printf, 1, 2)));
void panic(const char *pattern, ...) __attribute__((format(printf, 1, 2), noreturn));
void console_mount(struct fs *);

/* tables.c: TSS, IDT, SYSCALL's registers. */
void tables_init(void);
/* What a world of this kernel's needs to take exceptions and system calls. */
void tables_describe(struct system_context *);
/* The stack that interrupts and system calls from user code begin on. */
void set_kernel_stack(u64 top);
u64 kernel_stack(void);

/* memory.c: frames of 4 KB, and smaller pieces. */
#define PAGE_SIZE 4096
void memory_init(u64 start, u64 end);
/* A frame of zeros, at its physical address, which is its address in the kernel as well. NULL: none left. */
void *frame_allocate(void);
void frame_release(void *);
extern const struct memory_source kernel_memory;

/* paging.c: address spaces. The root of an address space is the frame of its first page table. */
#define PAGE_PRESENT 1ul
#define PAGE_WRITABLE 2ul
#define PAGE_USER 4ul
#define PAGE_KEPT 0x200ul /* ignored by the processor: the frame does not belong to the address space */
#define PAGE_NO_EXECUTE (1ul << 63)
extern u64 kernel_root[512];
u64 *address_space_new(void);
void address_space_release(u64 *root);
i64 map_page(u64 *root, u64 address, u64 entry);
/* Memory of zeros in an address space: all of it, or none. */
i64 map_memory(u64 *root, u64 address, u64 size, u64 flags);
/* Whether user code may use all of this memory. */
int user_may(u64 *root, const void *address, u64 size, u64 flags);
/* Where the kernel finds a byte of user memory. */
u8 *user_byte(u64 *root, u64 address);

/* elf.c: loads a program into an address space; gives its entry. */
i64 elf_load(u64 *root, struct node *program, u64 *entry);

/* process.c */
#define MAX_PROCESSES 16
#define KERNEL_STACK_SIZE 8192
#define ARGUMENTS_SIZE 128
#define PATH_SIZE 128
enum state { FREE, READY, WAITING, ENDED };
struct process {
  enum state state;
  i32 pid, parent;
  u64 *root;           /* its page tables */
  u64 cr3;             /* what selects them: the root's address, or that of its alias in a view */
  u64 stack_pointer;   /* where it goes on in the kernel */
  const void *channel; /* what it waits for */
  u64 wake_at;         /* if not 0: when it stops waiting, in milliseconds since the start */
  u64 memory_end;      /* of what mmap has given */
  u64 world;           /* WID of its address space at CPL 3; 0: it is no world */
  i32 status;          /* as wait4 tells it */
  struct fd_table fds;
  char name[16];
  char arguments[ARGUMENTS_SIZE]; /* each with its 0 */
  u64 arguments_size;
  u8 stack[KERNEL_STACK_SIZE] __attribute__((aligned(16)));
};
extern struct process processes[MAX_PROCESSES];
extern struct fs files;
/* Starts a program as a child of the current process. `fds` names the caller's descriptors that become its 0, 1 and 2;
 * NULL: those of the same numbers. */
i64 process_spawn(const char *path, const char *arguments, u64 arguments_size, const i32 *fds);
/* The program that runs first. */
void process_first(const char *path, const char *arguments, u64 arguments_size);
/* Waits for a child (-1: any) to end. */
i64 process_wait(i32 pid, i32 *status);
/* Statuses as wait4 gives them. */
#define STATUS_EXIT(code) (((code) & 0xff) << 8)
#define STATUS_SIGNAL(signal) (signal)
void process_exit(i32 status) __attribute__((noreturn));
extern const struct proc_source process_list;

/* scheduler.c */
extern struct process *current;
/* Lets the next process run that can; the current one goes on later, if it is READY. */
void schedule(void);
void scheduler_start(void) __attribute__((noreturn));
/* Waits for what `channel` stands for, or until a time; then the caller looks again whether it is there. */
void wait(const void *channel, u64 until);
void wake(const void *channel);
void wake_everybody(void);
void wake_sleepers(void);

/* timer.c: time is the TSC's, which is taken to count at 1 GHz. */
#define TICK_PERIOD 1000000
void timer_init(void);
void timer_acknowledge(void);
u64 uptime_milliseconds(void);
u64 uptime_nanoseconds(void);

/* syscalls.c and own_syscalls.c */
typedef i64 syscall_handler(u64, u64, u64);
i64 system_call(u64 a, u64 b, u64 c, u64 number);
/* The user's registers, in a system call. */
struct syscall_frame *syscall_frame(void);
/* Copies a text from user memory; -EFAULT, or -ENAMETOOLONG. */
i64 copy_user_text(char *to, u64 from, u64 size);
#define OWN_SYSCALLS_START 1000
#define OWN_SYSCALLS 48
extern syscall_handler *const own_syscalls[OWN_SYSCALLS];

/* remote.c: system calls for callers in other machines. */
i64 kernel_remote_call(struct request *);
/* Whether such a call is being served: then nothing may wait. */
int remote_call_active(void);
/* The process goes: whatever leads to it from other machines has to go first. */
void remote_forget(struct process *);
syscall_handler sys_serve_allow, sys_serve, sys_service_entry, sys_service_return;
syscall_handler sys_remote_call, sys_view_open, sys_view_call;
syscall_handler sys_world_register, sys_world_serve, sys_world_allow, sys_world_drop, sys_world_find;
/* Ends the user-level code that serves a call: it has faulted, or tries to wait. */
void service_fault(void) __attribute__((noreturn));

/* main.c */
extern struct utsname system_name;

/* hypervisor.c: hypercalls, if there is somebody to call. */
void hypervisor_init(void);
int have_hypervisor(void);
i64 hypercall(u64 number, u64 a, u64 b, u64 c);
/* Nothing to do until the next interrupt. */
void idle(void);
void machine_exit(int code) __attribute__((noreturn));
#endif
