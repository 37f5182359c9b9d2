/** A decoded instruction and its operands. */
import type { Mnemonic } from "./opcodes/mnemonics.ts";

/** Width of code: real and virtual-8086 mode and 16-bit segments, 32-bit segments, 64-bit mode. */
export type CodeSize = 16 | 32 | 64;

/** An operand as decoded. `size` is in bytes. */
export type Operand =
  /** General register `reg` (0-15); `high` marks AH CH DH BH, for which `reg` is the register they are part of (0-3). */
  | { readonly kind: "gpr"; readonly reg: number; readonly size: 1 | 2 | 4 | 8; readonly high: boolean }
  /**
   * Memory. `base` and `index` are general registers or -1 for none; `ripRelative`: base is the address of the next instruction.
   * `segment` is the segment register in force (default or override). `size` is 0 where no width applies (LEA, INVLPG, FXSAVE).
   */
  | {
    readonly kind: "mem";
    readonly segment: number;
    readonly base: number;
    readonly index: number;
    readonly scale: 1 | 2 | 4 | 8;
    /** Displacement: `disp` is its low half (signed 32 bits), `dispHi` its high half (the sign, or the rest of a moffs64). */
    readonly disp: number;
    readonly dispHi: number;
    readonly ripRelative: boolean;
    readonly addressSize: 2 | 4 | 8;
    readonly size: number;
  }
  /**
   * Immediate, extended to `size` bytes as the instruction does. `lo` and `hi` are signed 32-bit halves for sizes 4 and 8;
   * for sizes 1 and 2 `lo` is not negative (0-0xff, 0-0xffff). `hi` is 0 below size 8.
   */
  | { readonly kind: "imm"; readonly lo: number; readonly hi: number; readonly size: 1 | 2 | 4 | 8 }
  /** Branch displacement (sign-extended), relative to the next instruction. */
  | { readonly kind: "rel"; readonly disp: number; readonly size: 1 | 2 | 4 }
  /** Far pointer ptr16:16 or ptr16:32. */
  | { readonly kind: "far"; readonly selector: number; readonly offset: number; readonly size: 2 | 4 }
  /** XMM register; `size` is the part the instruction uses (4, 8, 16). */
  | { readonly kind: "xmm"; readonly reg: number; readonly size: number }
  | { readonly kind: "mmx"; readonly reg: number; readonly size: number }
  /** x87 ST(reg). */
  | { readonly kind: "st"; readonly reg: number }
  | { readonly kind: "segment"; readonly reg: number }
  | { readonly kind: "control"; readonly reg: number }
  | { readonly kind: "debug"; readonly reg: number };

/** Kinds of operand by name. */
export type OperandOf<K extends Operand["kind"]> = Extract<Operand, { kind: K }>;

/** A decoded instruction. */
export interface Instruction {
  readonly mnemonic: Mnemonic;
  /** Bytes, 1 to 15. */
  readonly length: number;
  /**
   * Effective operand size in bytes, after prefixes and the row's rules (default-64 and forced-64 included).
   * 1 in byte forms: string instructions (MOVSB is MOVS with operandSize 1), IN, OUT, and forms whose first operand is a byte.
   */
  readonly operandSize: 1 | 2 | 4 | 8;
  readonly addressSize: 2 | 4 | 8;
  /** Operands in the manual's (Intel) order. Implicit operands stand in the row, so they are here too. */
  readonly operands: readonly Operand[];
  readonly lock: boolean;
  /** 0xF2 or 0xF3 where the prefix acts as REP/REPNE (string instructions), else 0. */
  readonly rep: 0 | 0xf2 | 0xf3;
  /** Segment override in force (0-5), or -1. */
  readonly segmentOverride: number;
  /** Opcode byte of x87 instructions' 11-bit FOP: ((first & 7) << 8) | modrm; 0 elsewhere. */
  readonly fop: number;
  /** Condition code 0 to 15 (O NO B AE E NE BE A S NS P NP L GE LE G) of Jcc, SETcc and CMOVcc; -1 elsewhere. */
  readonly condition: number;
  /** What holds for every instance of the instruction's encoding. */
  readonly traits: Traits;
}

/** Registers an instruction works on, which decides how CR0.EM, CR0.TS and CR4.OSFXSR stop it (#UD, #NM). */
export type Unit = "integer" | "x87" | "mmx" | "sse" | "vex";

/** What holds for every instance of an encoding, taken from its opcode row. */
export interface Traits {
  /** Position of the mnemonic in `MNEMONICS`. */
  readonly number: number;
  /** LOCK may stand before it (with a memory destination). */
  readonly lock: boolean;
  /** #GP(0) if CPL is not 0. */
  readonly cpl0: boolean;
  /** #UD if CPL is not 0. */
  readonly cpl0Ud: boolean;
  /** #UD in real-address and virtual-8086 mode. */
  readonly protectedOnly: boolean;
  /** Nothing may follow it in its block: a control transfer, or a change of the mode of execution. */
  readonly ends: boolean;
  /** Its memory operand of 16 bytes must be aligned, or #GP(0): SSE but for unaligned moves and PCMPxSTRx, CMPXCHG16B. */
  readonly aligned: boolean;
  readonly unit: Unit;
}

/** Why bytes do not decode: #UD, #GP(0) for more than 15 bytes, or more bytes are needed than are there. */
export type DecodeFailure = { readonly failure: "UD" | "GP" | "truncated" };
