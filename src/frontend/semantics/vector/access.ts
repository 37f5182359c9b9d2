/** Operands of vector instructions as v128 values, and the rules that come with MMX registers. */
import type { Opcode } from "../../../ir/opcodes.ts";
import { MemoryFlag, type Value } from "../../../ir/types.ts";
import { Vector } from "../../../cpu/fault.ts";
import { Flag } from "../../../cpu/rflags.ts";
import { FSW, FTW, X87, X87_EXPONENT } from "../../../cpu/state.ts";
import type { Operand } from "../../instruction.ts";
import type { StatusFlags, Translator } from "../../translator.ts";
import type { Mnemonic } from "../../opcodes/mnemonics.ts";
import type { Semantics } from "../semantics.ts";

/** Semantics of a group of instructions. */
export type SemanticsTable = Partial<Record<Mnemonic, Semantics>>;

/** Error summary of the x87 status word: an unmasked exception is pending. SDM vol. 1, section 8.1.3.3. */
const FSW_ES = 0x80;
/** TOP of the x87 status word. */
const FSW_TOP = 0x3800;

/** MemoryFlag.ALIGNED where the instruction wants its 16-byte memory operand aligned. */
export function alignment(t: Translator, operand: Operand): number {
  return operand.kind === "mem" && operand.size === 16 && t.instruction.traits.aligned
    ? MemoryFlag.ALIGNED
    : 0;
}

/** An operand as v128: all of an XMM register; an MMX register, or less than 16 bytes of memory, with zeros above. */
export function readVector(t: Translator, operand: Operand): Value {
  if (operand.kind === "xmm") return t.readXmm(operand.reg);
  if (operand.kind === "mmx") return widen(t, t.ir.get(X87 + 16 * operand.reg, "i64"));
  return widen(t, t.read(operand, alignment(t, operand)));
}

/** A value with zeros above, as v128. */
export function widen(t: Translator, value: Value): Value {
  const { ir } = t;
  if (value.type === "v128") return value;
  return ir.emit("vpair", "v128", [ir.zext(value, "i64"), ir.const("i64", 0)]);
}

/** Writes a v128 to an XMM register, its low half to an MMX register, or what fits to memory. */
export function writeVector(t: Translator, operand: Operand, value: Value): void {
  if (operand.kind === "xmm") t.writeXmm(operand.reg, value);
  else if (operand.kind === "mmx") writeMmx(t, operand.reg, lane64(t, value, 0));
  else if (operand.kind === "mem" && operand.size === 8) t.write(operand, lane64(t, value, 0));
  else if (operand.kind === "mem" && operand.size === 4) t.write(operand, lane32(t, value, 0));
  else t.write(operand, value, alignment(t, operand));
}

/** Writes an MMX register: the exponent of the x87 register it is part of becomes all ones. SDM vol. 1, section 9.5.2. */
export function writeMmx(t: Translator, reg: number, value: Value): void {
  t.ir.set(X87 + 16 * reg, value);
  t.ir.set(X87 + 16 * reg + X87_EXPONENT, t.ir.i32(0xffff));
}

/**
 * Wraps the semantics of an instruction with MMX operands: a pending x87 exception is raised before anything else, and
 * afterwards TOP is 0 and all registers are valid. SDM vol. 1, section 9.5.1; vol. 3A, section 12.2.
 */
export function mmx(semantics: Semantics): Semantics {
  return (t, ...operands) => {
    if (!operands.some(({ kind }) => kind === "mmx")) return semantics(t, ...operands);
    raisePending(t);
    // Current processors clear TOP even when a store then faults.
    if (operands[0]!.kind === "mem") clearTop(t);
    semantics(t, ...operands);
    enterMmx(t);
  };
}

/** Raises a pending x87 exception. */
export function raisePending(t: Translator): void {
  t.ir.faultIf(t.ir.and(t.ir.get(FSW, "i32"), t.ir.i32(FSW_ES)), Vector.MF);
}

/** TOP becomes 0 and all registers valid. */
export function enterMmx(t: Translator): void {
  clearTop(t);
  t.ir.set(FTW, t.ir.i32(0xff));
}
function clearTop(t: Translator): void {
  t.ir.set(FSW, t.ir.and(t.ir.get(FSW, "i32"), t.ir.i32(~FSW_TOP)));
}

// Short names for what vector semantics are made of.
/** A v128 operation. */
export function vector(t: Translator, op: Opcode, args: readonly Value[], imm = 0): Value {
  return t.ir.emit(op, "v128", args, imm);
}
/** 32-bit lane `n`. */
export function lane32(t: Translator, value: Value, n: number): Value {
  return t.ir.emit("vextract32", "i32", [value], n);
}
/** 64-bit lane `n`. */
export function lane64(t: Translator, value: Value, n: number): Value {
  return t.ir.emit("vextract64", "i64", [value], n);
}
/** `vector` with 32-bit lane `n` replaced. */
export function insert32(t: Translator, vector: Value, value: Value, n: number): Value {
  return t.ir.emit("vinsert32", "v128", [vector, value], n);
}
/** `vector` with 64-bit lane `n` replaced. */
export function insert64(t: Translator, vector: Value, value: Value, n: number): Value {
  return t.ir.emit("vinsert64", "v128", [vector, value], n);
}
/** v128 of two 64-bit lanes. */
export function pair64(t: Translator, low: Value, high: Value): Value {
  return t.ir.emit("vpair", "v128", [low, high]);
}
/** v128 of four 32-bit lanes. */
export function lanes32(t: Translator, [a, b, c, d]: readonly Value[]): Value {
  return pair64(t, t.ir.pair(a!, b!), t.ir.pair(c!, d!));
}
/** All lanes equal to a 32-bit constant. */
export function constant(t: Translator, word: number): Value {
  return t.ir.emit("vconst", "v128", [], word | 0);
}
/** Chooses 32-bit lanes: 0-3 of `x`, 4-7 of `y`. */
export function shuffle(
  t: Translator,
  x: Value,
  y: Value,
  lanes: readonly [number, number, number, number],
): Value {
  const imm = lanes.reduce((sum, lane, i) => sum | (lane << (4 * i)), 0);
  return t.ir.emit("vshuffle32", "v128", [x, y], imm);
}
/** The immediate byte. */
export function immediate(operand: Operand): number {
  if (operand.kind !== "imm") throw new TypeError(`The operand is ${operand.kind}, not an immediate`);
  return operand.lo & 0xff;
}

/** Flags of COMISD, FCOMI and so on from RFLAGS bits CF, PF and ZF; OF, SF and AF are cleared. */
export function orderFlags(t: Translator, relation: Value): StatusFlags {
  const { ir } = t;
  const zero = ir.i32(0);
  const inverted = (bit: number): Value => ir.xor(ir.and(relation, ir.i32(bit)), ir.i32(bit));
  return {
    cf: ir.and(relation, ir.i32(Flag.CF)),
    // A cell with one bit set has odd parity: PF clear.
    pf: inverted(Flag.PF),
    zf: inverted(Flag.ZF),
    af: zero,
    sf: zero,
    of: zero,
  };
}
