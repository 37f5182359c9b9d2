/** What a debugger sees of a computer, or of programs without one. */
import type { DebugPoints } from "../../cpu/system/debug_points.ts";

/** A thread, as debuggers have it: a processor, or a task. */
export interface DebugThread {
  /** Its number, from 1. */
  readonly id: number;
  readonly name: string;
}

/** Signals, as GDB numbers them. */
export const DebugSignal = { NONE: 0, INT: 2, TRAP: 5, KILL: 9, SEGV: 11 } as const;

/** What a debugger looks at, while it is stopped. */
export interface DebugTarget {
  readonly points: DebugPoints;
  /** Whether it is a Linux program: then GDB follows its libraries and takes its system calls for Linux's. */
  readonly isProgram: boolean;
  /** All threads; there is at least one while something can be debugged. */
  readonly threads: readonly DebugThread[];
  /** The thread whose turn it is. */
  readonly current: number;
  /** State of a thread, laid out as cpu/state.ts tells; undefined: there is no such thread. */
  state(thread: number): DataView | undefined;
  /** Bytes at a linear address as a thread sees them: as many of those asked for as are mapped. */
  read(thread: number, address: bigint, length: number): Uint8Array;
  /** Writes bytes at a linear address of a thread. Returns false, having written nothing, if not all are mapped. */
  write(thread: number, address: bigint, bytes: Uint8Array): boolean;
  /** Where a linear address of a thread is in RAM; undefined: nowhere. */
  physical(thread: number, address: bigint): number | undefined;
  /** Bytes of RAM, as `read`. */
  readPhysical(address: bigint, length: number): Uint8Array;
  /** Writes RAM, as `write`. */
  writePhysical(address: bigint, bytes: Uint8Array): boolean;
  /** The auxiliary vector of a Linux program. */
  readonly auxiliary: Uint8Array | undefined;
  /** The siginfo_t of the signal that a thread of a Linux program has stopped for; undefined: it has not. */
  signalInfo(thread: number): Uint8Array | undefined;
  /** Its files. */
  readonly files: DebugFiles | undefined;
}

/** The files that a Linux program sees. */
export interface DebugFiles {
  /** Path of the program. */
  readonly executable: string;
  /** All bytes of a file; undefined where there is none that can be read. */
  read(path: string): Uint8Array | undefined;
}

/** How to go on. */
export interface Resumption {
  /** Steps this thread; undefined: all go on. */
  readonly step: number | undefined;
  /** While it steps, it goes on inside this range of addresses. */
  readonly range: readonly [start: bigint, end: bigint] | undefined;
  /** The signal to deliver instead of one that waits for the debugger's decision, 0 for none; undefined: that one. */
  readonly signal: number | undefined;
}

/** What became of going on for a while. */
export type Advance<End> =
  /** Nothing that a debugger must be told. */
  | { readonly kind: "ran" }
  /** The thread that was to step has executed an instruction. */
  | { readonly kind: "stepped" }
  /** Something that ends it all, or is a reason to look at it. */
  | { readonly kind: "stop"; readonly signal: number; readonly message: string }
  /** It waits for what may come from outside. */
  | { readonly kind: "idle"; readonly end: End }
  /** It has ended: GDB is told with a W or X packet. */
  | { readonly kind: "end"; readonly end: End; readonly packet: string };

/** What a debugger can also run. */
export interface Debuggee<End> extends DebugTarget {
  /** Executes about so many instructions; one, of the thread that is to step. */
  advance(instructions: number, how: Resumption): Advance<End>;
}
