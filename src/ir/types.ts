/** Types, values and blocks of the intermediate representation. */
import { type Opcode, OPCODE_NAMES } from "./opcodes.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Type of a value. Values of `i8` and `i16` are held as 32-bit values whose upper bits are 0 (the builder keeps
 * that so), which lets engines know only `i32`, `i64` and `v128`.
 * Floating-point values travel as the bits they are: `i32`, `i64`, `v128`.
 */
export type Type = "void" | "i8" | "i16" | "i32" | "i64" | "v128";
/** Types of integers. */
export type IntType = "i8" | "i16" | "i32" | "i64";

/** Width of a type in bytes. */
export const BYTES = { void: 0, i8: 1, i16: 2, i32: 4, i64: 8, v128: 16 } as const satisfies Record<
  Type,
  number
>;

/** One operation of a block, and the value it yields (if its type is not `void`). */
export class Inst {
  /** Position in the block; set by the builder and renumbered by passes. */
  id = 0;
  /** How often it is an operand of another operation or of the terminal. Counted by `countUses` and by the passes. */
  uses = 0;
  /** What the pass that runs has put in its place. */
  replacement: Inst | undefined = undefined;
  /** What is done. */
  readonly op: Opcode;
  constructor(
    /** Index of `op` in `OPCODE_NAMES`. */
    readonly code: number,
    readonly type: Type,
    /** Operands. */
    public args: readonly Inst[],
    /** First immediate: a constant's low 32 bits, a state offset, memory flags, a lane, a helper's id; see opcodes.ts. */
    readonly imm: number,
    /** Second immediate: a constant's high 32 bits; see opcodes.ts. */
    readonly imm2: number,
    /** Index of the guest instruction this belongs to. */
    readonly guest: number,
  ) {
    this.op = OPCODE_NAMES[code]!;
  }
}

/** A value: the operation that yields it. */
export type Value = Inst;

/** The operands of an operation that has none: a third of them all. */
export const NO_OPERANDS: readonly Inst[] = [];

/**
 * A translated run of guest instructions with one entry and one terminal.
 * State is read by `get` and written by `set`, in program order; a side exit leaves exactly the sets before it done.
 */
export interface Block {
  /** Linear address of the first instruction. */
  readonly pc: bigint;
  /** The mode bits it was translated for (cpu/mode.ts). */
  readonly mode: number;
  /** Offset from `pc` of each guest instruction, and of the end: `guestCount + 1` entries. */
  readonly offsets: readonly number[];
  /** Bytes of guest code. */
  readonly length: number;
  /** The operations, in order. */
  insts: Inst[];
  readonly terminal: Terminal;
  /**
   * It contains floating-point operations in FloatMode.UNROUNDED. They can set PE, which makes the mode plain: then what
   * follows shall be looked up afresh, for this code is right there too, but slow.
   */
  readonly usesFloat: boolean;
}

/** Flags of a memory operation (`imm` of `load`, `store`). */
export const MemoryFlag = {
  /** Stack segment: a non-canonical address raises #SS(0), not #GP(0). */
  STACK: 1,
  /** A load that a store to the same place follows: faults as a write. */
  WRITE_INTENT: 2,
  /** Implicit supervisor access (descriptor tables, TSS), whatever CPL is. */
  SYSTEM: 4,
  /** The address must be a multiple of the size, or #GP(0). */
  ALIGNED: 8,
  /** The address must be a multiple of the size, or #AC(0): alignment is checked (`Mode.ALIGN`). */
  CHECKED: 0x10,
} as const;
