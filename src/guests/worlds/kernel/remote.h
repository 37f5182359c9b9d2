/* What the three ways into a kernel from another machine share. */
#ifndef WORLDS_REMOTE_H
#define WORLDS_REMOTE_H
#include "kernel.h"

/* The proxy: the process whose descriptors remote callers work with, and who they may be. */
struct remote {
  struct process *proxy;
  u64 allowed_machines;             /* a bit for each */
  u64 service_entry, service_stack; /* user-level code that serves instead of the kernel; 0: none */
};
extern struct remote remote;

/* Serves the request in a window, with the proxy as the current process. */
i64 remote_serve(u64 window, int at_user_level);

/* service.S: runs user-level code f(window) until service_leave(result), which service_call then returns. */
i64 service_call(u64 window, u64 entry, u64 stack);
void service_leave(i64 result) __attribute__((noreturn));

/* view.S: into the kernel of another machine and back. */
i64 view_call(u64 view, u64 window);
void view_returned(void);
/* view.S: the stack that calls from other machines are served on. */
extern u8 remote_stack_top[];

/* worlds.c: the kernel is no world any more. */
void kernel_world_end(void);
#endif
