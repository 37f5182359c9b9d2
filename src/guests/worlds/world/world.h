/*
 * The world library: to call other worlds, and to be called by them. Read it as the example of how to write a world.
 *
 * A world is an address space at one privilege level with one entry point (docs/crossover.md). A world call is the
 * instruction VMFUNC with EAX = 1 and RCX = WID of the callee. The processor enters the callee at its entry point with
 * RCX = WID of the caller, which nobody can forge; all other registers pass as they are. What the two sides agree on
 * beyond that is software's affair; here:
 *
 *   RDI, RSI   arguments of the call
 *   RDX        its result
 *
 * Neither side can trust what the other left in registers. A caller keeps what it needs in its own memory, a callee
 * loads its own stack before it touches memory through RSP.
 *
 * Compile world.S with WORLD_KERNEL defined for worlds at CPL 0: they answer with interrupts enabled.
 */
#ifndef WORLD_H
#define WORLD_H

/* How many callers a world can have on its list. */
#define WORLD_CALLERS 16

/* Offsets in struct world, for world.S. */
#define WORLD_CALLEE 0
#define WORLD_CALLS 8
#define WORLD_SAVED_RSP 16
#define WORLD_STACK_TOP 24
#define WORLD_BUSY 32
#define WORLD_ALLOWED_COUNT 40
#define WORLD_ALLOWED 48

#ifndef __ASSEMBLER__
#include "../abi.h"

/* What a world keeps about itself. */
struct world {
  struct call_record call; /* the call it is making: its address goes to SYS_world_register */
  u64 saved_rsp;           /* its stack, while it calls */
  u64 stack_top;           /* stack on which it serves; 0: it serves nobody */
  u64 busy;                /* it is serving: one call at a time */
  u64 allowed_count;       /* the policy: who may call */
  u64 allowed[WORLD_CALLERS];
  u32 owner[WORLD_CALLERS]; /* the machines that they belong to */
  u64 allowed_machines;     /* mask: worlds of these are put on the list when they first call */
};

/* One for each program, and one for the kernel. */
extern struct world this_world;

/* Where the world is entered, by calls and by answers to its own. To be registered. */
extern u8 world_entry[];

/* Calls a world. The callee's result; -ENOENT if there is no such world, -EPERM if the caller is no world itself or the
 * callee does not want it, -EBUSY if the callee is serving somebody, -ETIMEDOUT if it did not answer in time, -EFAULT if its
 * machine crashed meanwhile. */
i64 world_call(u64 wid, u64 a, u64 b);

/* Puts a caller on the list. 0, -ENOENT if there is no such world, or -ENOSPC. */
i64 world_allow(u64 wid);
/* The machine that a caller on the list belongs to; this is also the number of the window that it shares with us. */
u32 world_owner(u64 wid);
/* Takes it from the list. */
void world_refuse(u64 wid);

/* For programs that serve: parks the whole machine until a request comes over the original path; gives what HC_WAIT_CALL
 * gives. World calls come and go meanwhile. */
static inline i64 machine_park(i64 result) {
  i64 call;
  __asm__ volatile("vmcall" : "=a"(call) : "a"((u64)HC_WAIT_CALL), "D"(result) : "memory");
  return call;
}

/* The program's own: executes a call. The caller is one that the policy allows. */
i64 world_service(u64 a, u64 b, u64 caller);
#endif
#endif
