/* The callee's side: a process that lends other machines its system calls. */
#ifndef SERVE_H
#define SERVE_H
#include "../user/lib/user.h"

#define MACHINE(id) (1ul << (id))
/* Who calls in every case study: machine 2, or a process of the host. */
#define CLIENT 2

/* What every server does first: its window or windows, its policy (a mask of machines), the kernel's world, and something
 * for the callers to find. */
i64 serve_prepare(u64 machines);

/* Executes a request by the system call of this process. */
i64 serve_by_system_call(u64 window);

/* Waits for requests in ring 3 without the kernel's knowledge, and executes them as above: for helpers that the hypervisor
 * enters. Returns only after an error. */
i64 serve_in_ring_3(u64 machines);
#endif
