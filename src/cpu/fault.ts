/** Faults and the other events that end a block early. SDM vol. 3A, section 6.3 (vectors), 6.13 (error codes). */

/** Exception vectors. */
export const Vector = {
  DE: 0,
  DB: 1,
  NMI: 2,
  BP: 3,
  OF: 4,
  BR: 5,
  UD: 6,
  NM: 7,
  DF: 8,
  TS: 10,
  NP: 11,
  SS: 12,
  GP: 13,
  PF: 14,
  MF: 16,
  AC: 17,
  MC: 18,
  XM: 19,
  VE: 20,
  CP: 21,
} as const; // deno-fmt-ignore
/** An exception vector. */
export type Vector = (typeof Vector)[keyof typeof Vector];

/** Value of the EVENT cell: why a block ended before its end. */
export const Event = {
  /** Nothing happened. */
  NONE: 0,
  /** An exception: EVENT_VECTOR, EVENT_ERROR (-1: none), EVENT_ADDRESS (page faults). RIP is at the instruction (faults) or behind it (traps). */
  FAULT: 1,
  /** SYSCALL. RIP is behind it. */
  SYSCALL: 2,
  /** HLT. RIP is behind it. */
  HALT: 3,
  /** INT n / INT3 / INTO: a software interrupt, EVENT_VECTOR. RIP is behind it. */
  INTERRUPT: 4,
  /** A store reached bytes that are translated: nothing of the instruction has happened; it must be executed alone. */
  CODE_WRITE: 5,
  /** The budget does not cover the next block. */
  BUDGET: 6,
  /** The mode of execution may have changed, or translated code was dropped: look the next block up afresh. */
  REDISPATCH: 7,
  /** The ATTENTION cell is set: an interrupt or timer may be due. */
  ATTENTION: 8,
  /** A VM exit: the owner of VMX has recorded its reason. Nothing of the instruction has happened. */
  VM_EXIT: 9,
  /** SYSCALL, and the system call has been made: the run is to end behind it. */
  SYSCALL_MADE: 10,
} as const;
/** Why a block ended before its end. */
export type Event = (typeof Event)[keyof typeof Event];

/** Whether the end of a block is that of SYSCALL. */
export const isSystemCall = ({ event }: { readonly event: number }): boolean => event === Event.SYSCALL;

/** Bits of a page-fault error code. SDM vol. 3A, section 4.7. */
export const PageFaultError = { P: 1, W: 2, U: 4, RSVD: 8, I: 16, PK: 32 } as const;

/** An exception as a value. */
export interface Fault {
  readonly vector: Vector;
  /** Error code, for the vectors that push one. */
  readonly error?: number;
  /** Linear address, for page faults. */
  readonly address?: bigint;
}
