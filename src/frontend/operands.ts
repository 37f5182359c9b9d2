/**
 * Operand names of the opcode rows, compiled to readers.
 *
 * Letters as in SDM vol. 2D, section A.2.1:
 * A far pointer · B general register in VEX.vvvv · C control register · D debug register · E general register or memory ·
 * G general register in reg · I immediate · J relative branch · M memory · N MMX register in rm · O memory at an offset ·
 * P MMX register in reg · Q MMX register or memory · R general register in rm · S segment register · U XMM register in
 * rm · V XMM register in reg · W XMM register or memory. Besides, Z is a general register in the opcode's low three
 * bits, and sIb an immediate byte that is sign-extended to the operand size.
 *
 * Types as in section A.2.2: a b d dq p pd ps q s sd ss v w y z; and t for 10 bytes.
 */
import { Gpr, Segment } from "../cpu/state.ts";
import type { DecodeState } from "./fetch.ts";
import type { Operand, OperandOf } from "./instruction.ts";

/** Reads one operand of the instruction; undefined is #UD. */
export type OperandReader = (d: DecodeState) => Operand | undefined;

type GprSize = 1 | 2 | 4 | 8;

/** General registers, by size and number: operands without state are made once. */
const GPRS: Record<GprSize, readonly Operand[]> = {
  1: gprs(1),
  2: gprs(2),
  4: gprs(4),
  8: gprs(8),
};
const HIGH_BYTES: readonly Operand[] = [0, 1, 2, 3].map((reg) => ({ kind: "gpr", reg, size: 1, high: true }));

function gprs(size: GprSize): readonly Operand[] {
  return Array.from({ length: 16 }, (_, reg) => ({ kind: "gpr", reg, size, high: false }));
}

/** General register `reg`; without REX, byte registers 4 to 7 are AH CH DH BH. */
function gpr(d: DecodeState, reg: number, size: GprSize): Operand {
  if (size === 1 && d.rex === 0 && reg >= 4 && reg < 8) return HIGH_BYTES[reg - 4]!;
  return GPRS[size][reg]!;
}

function memory(d: DecodeState, size: number): OperandOf<"mem"> {
  return {
    kind: "mem",
    segment: d.segment,
    base: d.base,
    index: d.index,
    scale: d.scale,
    disp: d.displacement,
    dispHi: d.displacement >> 31,
    ripRelative: d.ripRelative,
    addressSize: d.addressSize,
    size,
  };
}

function immediate(size: GprSize, lo: number, hi: number): Operand {
  return { kind: "imm", lo, hi, size };
}

/** A signed value extended to `size` bytes. */
function signedImmediate(value: number, size: GprSize): Operand {
  if (size === 8) return immediate(8, value, value >> 31);
  return immediate(size, size === 4 ? value : size === 2 ? value & 0xffff : value & 0xff, 0);
}

/** Bytes of each type whose size is fixed. */
// deno-fmt-ignore
const FIXED_SIZES: Readonly<Record<string, number>> = {
  "": 0, b: 1, w: 2, d: 4, q: 8, t: 10, dq: 16, ps: 16, pd: 16, ss: 4, sd: 8,
};

/** Bytes of each type that depends on the operand size. */
const SIZES: Readonly<Record<string, (d: DecodeState) => number>> = {
  v: (d) => d.operandSize,
  z: (d) => Math.min(d.operandSize, 4),
  y: (d) => d.operandSize === 8 ? 8 : 4,
  p: (d) => d.operandSize + 2,
  a: (d) => d.operandSize * 2,
  s: (d) => d.mode64 ? 10 : 6,
};

function fixedSize(type: string): number {
  const size = FIXED_SIZES[type];
  if (size === undefined) throw new Error(`The operand type "${type}" has no fixed size`);
  return size;
}

function sizeOf(type: string): (d: DecodeState) => number {
  const fixed = FIXED_SIZES[type];
  if (fixed !== undefined) return () => fixed;
  const size = SIZES[type];
  if (size === undefined) throw new Error(`No operand type "${type}"`);
  return size;
}

/** Operands that are the same in every instruction, or depend on the operand size only. */
const FIXED: Readonly<Record<string, OperandReader>> = {
  AL: () => GPRS[1][Gpr.RAX],
  CL: () => GPRS[1][Gpr.RCX],
  AX: () => GPRS[2][Gpr.RAX],
  DX: () => GPRS[2][Gpr.RDX],
  eAX: (d) => GPRS[d.operandSize === 2 ? 2 : 4][Gpr.RAX],
  rAX: (d) => GPRS[d.operandSize][Gpr.RAX],
  "1": () => immediate(1, 1, 0),
  ES: () => SEGMENTS[Segment.ES],
  CS: () => SEGMENTS[Segment.CS],
  SS: () => SEGMENTS[Segment.SS],
  DS: () => SEGMENTS[Segment.DS],
  FS: () => SEGMENTS[Segment.FS],
  GS: () => SEGMENTS[Segment.GS],
  ST0: () => STACK[0],
  STi: (d) => STACK[d.rm],
  XMM0: () => XMM0,
};

const SEGMENTS: readonly Operand[] = Array.from({ length: 6 }, (_, reg) => ({ kind: "segment", reg }));
const STACK: readonly Operand[] = Array.from({ length: 8 }, (_, reg) => ({ kind: "st", reg }));
const CONTROL: readonly Operand[] = Array.from({ length: 9 }, (_, reg) => ({ kind: "control", reg }));
const DEBUG: readonly Operand[] = Array.from({ length: 8 }, (_, reg) => ({ kind: "debug", reg }));
const XMM0: Operand = { kind: "xmm", reg: 0, size: 16 };
/** CR0, CR2, CR3, CR4 and, in 64-bit mode, CR8; others are #UD. SDM vol. 2B, "MOV - Move to/from Control Registers". */
const CONTROL_REGISTERS = 0b1_0001_1101;

/** Registers of a kind other than general ones, made once: reg 0 to 15 of one size. */
function registers(kind: "xmm" | "mmx", size: number): readonly Operand[] {
  return Array.from({ length: 16 }, (_, reg) => ({ kind, reg, size }));
}

/** Memory at an offset that stands in the instruction. */
function offsetOperand(d: DecodeState, size: number): Operand {
  d.base = d.index = -1;
  d.scale = 1;
  d.ripRelative = false;
  d.segment = d.segmentOverride >= 0 ? d.segmentOverride : Segment.DS;
  d.displacement = d.addressSize === 2 ? d.next16() : d.next32();
  const dispHi = d.addressSize === 8 ? d.next32() : 0;
  return { ...memory(d, size), dispHi };
}

/** The reader of an operand name. `destination` tells that it is the row's first operand. */
export function operandReader(name: string, destination: boolean): OperandReader {
  const fixed = FIXED[name];
  if (fixed !== undefined) return fixed;
  if (name === "sIb") return (d) => signedImmediate((d.next8() << 24) >> 24, d.operandSize);
  const letter = name[0]!, type = name.slice(1);
  const make = READERS[letter];
  if (make === undefined) throw new Error(`No operand "${name}"`);
  return make(type, destination);
}

/** Makers of readers, by letter. */
const READERS: Readonly<Record<string, (type: string, destination: boolean) => OperandReader>> = {
  A: () => (d) => {
    const size = d.operandSize === 2 ? 2 : 4;
    const offset = size === 2 ? d.next16() : d.next32();
    return { kind: "far", selector: d.next16(), offset, size };
  },
  B: (type) => {
    const size = sizeOf(type);
    return (d) => GPRS[size(d) as GprSize][d.mode64 ? d.vexV : d.vexV & 7];
  },
  C: () => (d) => (CONTROL_REGISTERS >> (d.reg | d.r)) & 1 ? CONTROL[d.reg | d.r] : undefined,
  D: () => (d) => DEBUG[d.reg | d.r],
  E: (type) => {
    const size = sizeOf(type);
    return (d) => d.mod === 3 ? gpr(d, d.rm | d.b, size(d) as GprSize) : memory(d, size(d));
  },
  G: (type) => {
    const size = sizeOf(type);
    return (d) => gpr(d, d.reg | d.r, size(d) as GprSize);
  },
  I: (type) => {
    if (type === "b") return (d) => immediate(1, d.next8(), 0);
    if (type === "w") return (d) => immediate(2, d.next16(), 0);
    if (type === "z") {
      return (d) =>
        d.operandSize === 2 ? immediate(2, d.next16(), 0) : signedImmediate(d.next32(), d.operandSize);
    }
    return (d) => {
      if (d.operandSize === 2) return immediate(2, d.next16(), 0);
      const lo = d.next32();
      return d.operandSize === 8 ? immediate(8, lo, d.next32()) : immediate(4, lo, 0);
    };
  },
  J: (type) => {
    if (type === "b") return (d) => ({ kind: "rel", disp: (d.next8() << 24) >> 24, size: 1 });
    return (d) =>
      d.operandSize === 2
        ? { kind: "rel", disp: (d.next16() << 16) >> 16, size: 2 }
        : { kind: "rel", disp: d.next32(), size: 4 };
  },
  M: (type) => {
    const size = sizeOf(type);
    return (d) => memory(d, size(d));
  },
  N: (type) => {
    const mmx = registers("mmx", fixedSize(type));
    return (d) => mmx[d.rm];
  },
  O: (type) => {
    const size = sizeOf(type);
    return (d) => offsetOperand(d, size(d));
  },
  P: (type) => {
    const mmx = registers("mmx", fixedSize(type));
    return (d) => mmx[d.reg];
  },
  Q: (type) => {
    const size = fixedSize(type);
    const mmx = registers("mmx", size);
    return (d) => d.mod === 3 ? mmx[d.rm] : memory(d, size);
  },
  R: (type) => {
    const size = sizeOf(type);
    return (d) => gpr(d, d.rm | d.b, size(d) as GprSize);
  },
  S: (_, destination) => (d) => destination && d.reg === Segment.CS ? undefined : SEGMENTS[d.reg],
  U: (type) => {
    const xmm = registers("xmm", fixedSize(type));
    return (d) => xmm[d.rm | d.b];
  },
  V: (type) => {
    const xmm = registers("xmm", fixedSize(type));
    return (d) => xmm[d.reg | d.r];
  },
  W: (type) => {
    const size = fixedSize(type);
    const xmm = registers("xmm", size);
    return (d) => d.mod === 3 ? xmm[d.rm | d.b] : memory(d, size);
  },
  Z: (type) => {
    const size = sizeOf(type);
    return (d) => gpr(d, (d.opcode & 7) | d.b, size(d) as GprSize);
  },
};
