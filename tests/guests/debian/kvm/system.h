/* Linux system calls without a C library: the program is small, static and free of what a library would do besides. */
#pragma once

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers of the calls, x86-64. */
enum { SYS_WRITE = 1, SYS_OPEN = 2, SYS_MMAP = 9, SYS_IOCTL = 16, SYS_SCHED_YIELD = 24, SYS_CLONE = 56, SYS_EXIT = 60 };
enum { SYS_EXIT_GROUP = 231 };

/* A system call; a result from -4095 to -1 is an error number, negative. */
static inline long system_call(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 asm("r10") = d, r8 asm("r8") = e, r9 asm("r9") = f;
    long result;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return result;
}

static inline int open_file(const char *path)
{
    enum { READ_WRITE = 2, CLOSE_ON_EXEC = 02000000 };
    return (int)system_call(SYS_OPEN, (long)path, READ_WRITE | CLOSE_ON_EXEC, 0, 0, 0, 0);
}

static inline long io_control(int file, unsigned long request, const void *argument)
{
    return system_call(SYS_IOCTL, file, (long)request, (long)argument, 0, 0, 0);
}

/* Memory that is shared with what `file` stands for; file -1: anonymous memory. */
static inline void *map_memory(size_t bytes, int file)
{
    enum { READ_WRITE = 3, SHARED = 1, ANONYMOUS = 0x20 };
    return (void *)system_call(SYS_MMAP, 0, (long)bytes, READ_WRITE, file < 0 ? SHARED | ANONYMOUS : SHARED, file, 0);
}

static inline void write_out(const char *text, size_t length)
{
    system_call(SYS_WRITE, 1, (long)text, (long)length, 0, 0, 0);
}

static inline _Noreturn void end_process(int code)
{
    for (;;) system_call(SYS_EXIT_GROUP, code, 0, 0, 0, 0, 0);
}

static inline _Noreturn void end_thread(void)
{
    for (;;) system_call(SYS_EXIT, 0, 0, 0, 0, 0, 0);
}

static inline void yield_processor(void)
{
    system_call(SYS_SCHED_YIELD, 0, 0, 0, 0, 0, 0);
}

/* Starts a thread of this process that calls a function which does not return, on a stack that ends at `top`. */
static inline long start_thread(void (*run)(void), void *top)
{
    enum { VM = 0x100, FS = 0x200, FILES = 0x400, SIGHAND = 0x800, THREAD = 0x10000, SYSVSEM = 0x40000 };
    long flags = VM | FS | FILES | SIGHAND | THREAD | SYSVSEM, result;
    register long r10 asm("r10") = 0, r8 asm("r8") = 0;
    asm volatile("syscall\n\ttest %%rax, %%rax\n\tjnz 1f\n\txor %%ebp, %%ebp\n\tcall *%[run]\n1:"
                 : "=a"(result)
                 : "a"((long)SYS_CLONE), "D"(flags), "S"(top), "d"(0L), "r"(r10), "r"(r8), [run] "r"(run)
                 : "rcx", "r11", "memory");
    return result;
}
