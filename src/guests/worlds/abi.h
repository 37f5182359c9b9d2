/*
 * What the kernel, the hypervisor and the programs agree on: numbers of system calls and hypercalls, where things lie,
 * and the form of a request that travels from one virtual machine to another. Included by C and by assembly.
 */
#ifndef WORLDS_ABI_H
#define WORLDS_ABI_H

/* ---- System calls: SYSCALL, number in RAX, arguments in RDI RSI RDX R10, result in RAX (-errno). As in Linux. ---- */
#define SYS_read 0            /* fd, buffer, size */
#define SYS_write 1           /* fd, buffer, size */
#define SYS_open 2            /* path, flags, mode (ignored) */
#define SYS_close 3           /* fd */
#define SYS_stat 4            /* path, struct stat * */
#define SYS_fstat 5           /* fd, struct stat * */
#define SYS_mmap 9            /* address (ignored), size: anonymous memory, readable and writable */
#define SYS_pipe 22           /* int[2] */
#define SYS_sched_yield 24
#define SYS_nanosleep 35      /* struct timespec * */
#define SYS_getpid 39
#define SYS_exit 60           /* status */
#define SYS_wait4 61          /* pid or -1, int *status */
#define SYS_uname 63          /* struct utsname * */
#define SYS_iopl 172          /* 3: the program may use I/O ports, CLI and STI */
#define SYS_getdents64 217    /* fd, buffer, size */
#define SYS_clock_gettime 228 /* clock (ignored: time since boot), struct timespec * */

/* Our own. There are no users: every process may do all of this. */
#define SYS_spawn 1000        /* path, char **argv (NULL at the end), int fds[3] or NULL: starts a program, gives its pid */
#define SYS_vm_id 1001        /* identity of this virtual machine, 0 without a hypervisor */
#define SYS_window_map 1002   /* window: maps shared window n at USER_WINDOW(n) and gives this address */
/* Callee: who may call, and serving. */
#define SYS_serve_allow 1010  /* mask of virtual machines: this process is the proxy of remote callers, who are these */
#define SYS_serve 1011        /* result: answers the request before (ignored at first), waits for the next: its window */
#define SYS_service_entry 1012  /* address, stack top: calls over VMFUNC go to this code at user level: f(window) */
#define SYS_service_return 1013 /* result: the end of that code */
/* Caller: the two paths that lead through the kernel. Both send the request that lies in the window. */
#define SYS_remote_call 1020  /* VM, window: over the hypervisor (original path); gives the request's result */
#define SYS_view_open 1021    /* VM: has the hypervisor make a view of that machine; gives its index in the EPTP list */
#define SYS_view_call 1022    /* view, window: over VMFUNC alone */
/* Worlds. Arguments and result of a world call: world/world.h. */
#define SYS_world_register 1030 /* entry RIP, flags, struct call_record * or NULL: this process's address space at CPL 3 becomes
                                   a world; gives its WID */
#define SYS_world_serve 1031  /* this process's address space at CPL 0, entered at the kernel's stub; gives its WID */
#define SYS_world_allow 1032  /* WID: the kernel's world may be called by this one. (Worlds of machines that SYS_serve_allow
                                 lists need not be named: the stub asks HC_WORLD_OWNER once for each unknown caller.) */
#define SYS_world_drop 1033   /* WID */
#define SYS_world_find 1034   /* VM, CPL: as HC_WORLD_FIND */

/* ---- Error numbers, as in Linux ---- */
#define EPERM 1
#define ENOENT 2
#define EBADF 9
#define ECHILD 10
#define EAGAIN 11
#define ENOMEM 12
#define EACCES 13
#define EFAULT 14
#define EBUSY 16
#define EEXIST 17
#define ENOTDIR 20
#define EISDIR 21
#define EINVAL 22
#define ENFILE 23
#define EMFILE 24
#define ENOSPC 28
#define ESPIPE 29
#define EPIPE 32
#define ENAMETOOLONG 36
#define ENOSYS 38
#define ETIMEDOUT 110

/* open's flags. */
#define O_RDONLY 0
#define O_WRONLY 1
#define O_RDWR 2
#define O_CREAT 0100
#define O_TRUNC 01000
#define O_APPEND 02000
#define O_DIRECTORY 0200000

/* Kinds of files: bits 15:12 of st_mode, and (shifted) d_type. */
#define S_IFMT 0170000
#define S_IFIFO 0010000
#define S_IFCHR 0020000
#define S_IFDIR 0040000
#define S_IFREG 0100000

/* ---- Hypercalls: VMCALL, number in RAX, arguments in RDI RSI RDX, result in RAX (-errno); other registers are kept. ---- */
/* A machine leaves the processor in HC_IDLE, HC_WAIT_CALL, HC_CALL and HC_EXIT only: whoever enters its kernel by another way
 * finds nothing half done. */
#define HC_VM_ID 1           /* identity of the calling machine: 1 and up; 0 is the host */
#define HC_TIMER 2           /* period in TSC ticks (0: none), vector: interrupts from now on */
#define HC_IDLE 3            /* nothing to do until the next interrupt */
#define HC_WAIT_CALL 4       /* result of the request before (ignored at first): parks the machine until a request comes;
                                gives CALL_WINDOW and CALL_FROM. Any CPL. */
#define HC_CALL 5            /* VM, window: hands the request to the machine that is parked, gives its result */
#define HC_WORLD_REGISTER 6  /* guest-physical address of struct world_description: gives the WID */
#define HC_WORLD_DROP 7      /* WID */
#define HC_VIEW_ALLOW 8      /* page-table root (guest-physical), mask of VMs: they may make views of this machine,
                                in which CR3 leads to this root. Mask 0 takes it back, and the views with it. */
#define HC_VIEW 9            /* VM, the caller's page-table root, guest-physical address of a struct view_record or 0: a view of
                                that machine; gives its index in the EPTP list (index 0 is the machine's own memory).
                                The caller's root appears at VIEW_ROOT(index) in its own view as well: that goes to CR3. */
#define HC_EXIT 10           /* exit code: this machine has ended */
#define HC_WORLD_FIND 11     /* VM, CPL: WID of the world that this machine (0: the host) registered last at that privilege
                                level, or -ENOENT. Any CPL. */
#define HC_WORLD_OWNER 12    /* WID: the machine that registered it, or -ENOENT: how a callee learns who an unknown caller
                                is. Any CPL, also from within a world call. */

/* What HC_WAIT_CALL and SYS_serve give: from whom, and in which window the request lies. */
#define CALL_RESULT(from, window) ((from) << 8 | (window))
#define CALL_WINDOW(result) ((result) & 0xff)
#define CALL_FROM(result) ((result) >> 8 & 0xff)

/* CPUID leaf that tells guests that they are: this text in EBX, ECX, EDX. */
#define VMM_CPUID_LEAF 0x40000000
#define VMM_SIGNATURE "CausewayVMM"
/* Machines: 1 to MAX_VMS; 0 is the host. */
#define HOST_ID 0
#define MAX_VMS 4
#define VM_MEMORY 0x2000000 /* bytes of RAM of each */

/* ---- Where things lie ---- */
/* Guest-physical, and the kernel's linear addresses: one to one. */
#define WINDOW_GPA(n) (0x40000000 + (n) * WINDOW_SIZE)
#define WINDOW_SIZE 0x10000
#define WINDOWS 16
/* Roots of views: one page each, mapped by the hypervisor to the caller's root in its own view, to the callee's in the other. */
#define VIEW_ROOT(index) (0x50000000 + (index) * 0x1000)
/* Linear, for user programs: the second 512 GB. */
#define USER_START 0x8000000000
#define USER_CODE 0x8000400000
#define USER_MEMORY 0x8010000000 /* mmap gives addresses from here on */
#define USER_WINDOW(n) (0x8040000000 + (n) * WINDOW_SIZE)
#define USER_STACK_TOP 0x8080000000
#define USER_STACK_SIZE 0x10000
#define USER_END 0x8080000000

/* ---- Selectors: the same in the kernel and in every world, flat. ---- */
#define KERNEL_CS 0x08
#define KERNEL_SS 0x10
#define USER_CS 0x2b
#define USER_SS 0x23
#define TSS_SELECTOR 0x30

/* ---- World entries (the processor's format) ---- */
#define WORLD_VALID 1
#define WORLD_HOST 2
#define WORLD_CPL(cpl) ((cpl) << 2)
#define WORLD_KEEP_IF 16
/* Functions of VMFUNC, in EAX. */
#define VMFUNC_EPTP_SWITCHING 0
#define VMFUNC_WORLD_CALL 1
#define VMFUNC_MANAGE_WTC 2

/* ---- Measuring ---- */
#define WORK_GETPID 1
#define WORK_READ1 2
#define WORK_WRITE1 3
#define WORK_STAT 4
#define WORK_OPEN_CLOSE 5
#define WORK_PIPE 6
#define WORK_PS 7
#define WORK_LS 8
#define WORK_UPTIME 9
#define WORK_GREP 10
#define WORK_EMPTY 0x7f /* the loop itself */
/* A 32-bit OUT to this port: workload << 16 | iterations before the loop, workload << 16 after it. */
#define MARK_PORT 0x4d00
/* A write of n to this port ends the machine with exit code n * 2 + 1. */
#define EXIT_PORT 0xf4

#ifndef __ASSEMBLER__
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef int i32;
typedef long i64;

/* A system call for another machine, at the beginning of a shared window. Pointers are offsets from there. */
struct request {
  u64 number;      /* SYS_read, _write, _open, _close, _stat, _fstat, _pipe, _getpid, _uname, _getdents64, _clock_gettime */
  u64 argument[3]; /* as the system call's; where it takes a pointer: an offset, at least WINDOW_DATA */
  i64 result;      /* written by the callee */
  u64 reserved[3];
};
/* Where buffers begin in a window. */
#define WINDOW_DATA 0x100

/* What a machine tells of a world that it registers; the hypervisor adds EPTP and WID. 16-byte aligned. */
struct world_description {
  u32 flags;          /* WORLD_CPL, WORLD_KEEP_IF */
  u16 cs, ss;
  u64 cr3, entry;
  u64 system_context; /* guest-physical address of a struct system_context, or 0: unchanged on entry */
  u64 call_record;    /* guest-physical address of a struct call_record, or 0: calls have no time limit */
};
/* What a world that calls keeps up to date, so that the hypervisor can end a call which does not return: the world is then
 * entered with RCX = callee and the result -ETIMEDOUT, as if the callee had answered so. Within one page. */
struct call_record {
  u64 callee; /* WID of the world called, 0 outside of calls */
  u64 calls;  /* counted up at each call */
};
/* The same for calls over VMFUNC: a call through a view that does not return, or a view that is no more. The kernel then goes
 * on at CPL 0 with its own memory, interrupts off, RSP undefined, and the error in RDX. Within one page. */
struct view_record {
  u64 calls; /* counted up at each call */
  u64 goes_on_at;
};
/* The processor's format: a quadword for each field, 128 bytes. */
struct system_context {
  u64 gdtr_base, gdtr_limit, idtr_base, idtr_limit, tr_selector, tr_base, tr_limit;
  u64 fs_base, gs_base, kernel_gs_base, lstar, star, fmask, reserved[3];
};

/* Linux's format: 144 bytes. */
struct stat {
  u64 st_dev, st_ino, st_nlink;
  u32 st_mode, st_uid, st_gid, st_pad;
  u64 st_rdev;
  i64 st_size, st_blksize, st_blocks;
  u64 st_times[6];
  i64 st_reserved[3];
};
struct timespec {
  i64 tv_sec, tv_nsec;
};
struct utsname {
  char sysname[65], nodename[65], release[65], version[65], machine[65], domainname[65];
};
struct dirent64 {
  u64 d_ino;
  i64 d_off;
  u16 d_reclen;
  u8 d_type;
  char d_name[];
};
#endif
#endif
