/* The caller's side: system calls that are executed by another machine, over one of three paths. */
#ifndef REMOTE_H
#define REMOTE_H
#include "../user/lib/calls.h"

/* The machine that serves (hypervisor/main.c). */
#define SERVER 1

/* Prepares calls of the server over the path "original", "vmfunc" or "crossover". `cpl`: at which level the server's world
 * serves. 0, or -errno: -EPERM if this machine or program may not call. */
i64 remote_connect(const char *path, u64 cpl);

/* One call; pointers are offsets in the window. */
i64 remote_request(u64 number, u64 a, u64 b, u64 c);

/* The server's system calls. */
extern const struct calls remote_calls;

/* WID of the world that a machine registered last at this level, or -errno. */
i64 find_world(u64 machine, u64 cpl);
#endif
