/** Bit tests and scans: BT, BTS, BTR, BTC, BSF, BSR, TZCNT, LZCNT, POPCNT, CRC32. SDM vol. 2. */
import { bitsOf } from "../../ir/builder.ts";
import { type IntType, MemoryFlag, type Value } from "../../ir/types.ts";
import type { Operand, OperandOf } from "../instruction.ts";
import { intType, type Translator } from "../translator.ts";
import { resultFlags } from "../flags.ts";

/** What a bit test does to the bit. */
type Change = (t: Translator, x: Value, mask: Value) => Value;

/** BT: CF ← bit; the other flags, undefined but ZF, stay as on current processors. */
export function BT(t: Translator, base: Operand, offset: Operand): void {
  bitTest(t, base, offset, undefined);
}
/** BTS: and sets it. */
export function BTS(t: Translator, base: Operand, offset: Operand): void {
  bitTest(t, base, offset, ({ ir }, x, mask) => ir.or(x, mask));
}
/** BTR: and clears it. */
export function BTR(t: Translator, base: Operand, offset: Operand): void {
  bitTest(t, base, offset, ({ ir }, x, mask) => ir.and(x, ir.not(mask)));
}
/** BTC: and complements it. */
export function BTC(t: Translator, base: Operand, offset: Operand): void {
  bitTest(t, base, offset, ({ ir }, x, mask) => ir.xor(x, mask));
}

function bitTest(t: Translator, base: Operand, offset: Operand, change: Change | undefined): void {
  const { ir } = t, type = t.operandType, bits = bitsOf(type);
  const position = t.read(offset);
  const bit = offset.kind === "imm" ? ir.i32(offset.lo & (bits - 1)) : bitNumber(t, position, bits);
  // A register offset reaches beyond the operand in memory: it is a bit string.
  const address = base.kind === "mem" && offset.kind === "gpr"
    ? stringAddress(t, base, position, bits)
    : undefined;
  const flags = base.kind === "mem" ? t.memoryFlags(base) : 0;
  if (change !== undefined && base.kind === "mem") t.checkWritable(base);
  const intent = change === undefined ? 0 : MemoryFlag.WRITE_INTENT;
  const x = address === undefined ? t.read(base, intent) : ir.load(type, address, flags | intent);
  if (change !== undefined) {
    const result = change(t, x, ir.shl(ir.const(type, 1), bit));
    if (address === undefined) t.write(base, result);
    else ir.store(address, result, flags);
  }
  t.setFlags({ cf: ir.and(ir.low(ir.shr(x, bit)), ir.i32(1)) });
}

/** The position modulo the width, as i32; engines take counts modulo 32 and 64 themselves. */
function bitNumber(t: Translator, position: Value, bits: number): Value {
  const low = t.ir.low(position);
  return bits === 16 ? t.ir.and(low, t.ir.i32(15)) : low;
}

/** Linear address of the operand-sized piece of a bit string that holds bit `position` (signed). */
function stringAddress(t: Translator, base: OperandOf<"mem">, position: Value, bits: number): Value {
  const { ir } = t, log = 31 - Math.clz32(bits);
  const piece = ir.sar(ir.sext(position, "i64"), ir.i32(log));
  const offset = ir.add(t.effectiveAddress(base), ir.shl(piece, ir.i32(log - 3)));
  const wrapped = ir.zext(ir.trunc(offset, intType(base.addressSize)), "i64");
  return t.segmentAddress(base.segment, wrapped, bits >> 3, base.addressSize === 2);
}

/** Number of trailing zeros as i32; the width for 0. */
function trailingZeros(t: Translator, x: Value): Value {
  const { ir } = t;
  if (x.type === "i64") return ir.emit("ctz64", "i32", [x]);
  if (x.type === "i32") return ir.emit("ctz32", "i32", [x]);
  return ir.emit("ctz32", "i32", [ir.or(ir.low(x), ir.i32(1 << bitsOf(x.type)))]);
}

/** Number of leading zeros as i32; the width for 0. */
function leadingZeros(t: Translator, x: Value): Value {
  const { ir } = t;
  if (x.type === "i64") return ir.emit("clz64", "i32", [x]);
  const zeros = ir.emit("clz32", "i32", [ir.low(x)]);
  return x.type === "i32" ? zeros : ir.sub(zeros, ir.i32(32 - bitsOf(x.type)));
}

/** A small count (i32) as a value of `type`. */
function counted(t: Translator, count: Value, type: IntType): Value {
  return t.ir.zext(count, type);
}

/** BSF: position of the lowest 1. For 0, ZF is set and the destination stays whole. */
export function BSF(t: Translator, dst: Operand, src: Operand): void {
  const x = t.read(src);
  scan(t, dst, x, trailingZeros(t, x));
}

/** BSR: position of the highest 1. For 0, ZF is set and the destination stays whole. */
export function BSR(t: Translator, dst: Operand, src: Operand): void {
  const { ir } = t, x = t.read(src);
  scan(t, dst, x, ir.sub(ir.i32(bitsOf(x.type) - 1), leadingZeros(t, x)));
}

function scan(t: Translator, dst: Operand, x: Value, position: Value): void {
  const { ir } = t;
  if (dst.kind !== "gpr") throw new TypeError("A bit scan writes a register");
  const { zf } = resultFlags(ir, x);
  const cell = ir.zext(zf!, "i32"), old = t.readGpr(dst.reg, 8);
  const found = x.type === "i16" ? ir.emit("insert16", "i64", [old, position]) : ir.zext(position, "i64");
  t.writeGpr(dst.reg, ir.select(cell, found, old));
  const zero = ir.i32(0);
  t.setFlags({ zf: cell, cf: zero, of: zero, sf: zero, af: zero, pf: ir.select(cell, position, zero) });
}

/** TZCNT: the width for 0. CF = source 0, ZF = result 0. */
export function TZCNT(t: Translator, dst: Operand, src: Operand): void {
  const x = t.read(src);
  zeroCount(t, dst, x, trailingZeros(t, x));
}

/** LZCNT: the width for 0. CF = source 0, ZF = result 0. */
export function LZCNT(t: Translator, dst: Operand, src: Operand): void {
  const x = t.read(src);
  zeroCount(t, dst, x, leadingZeros(t, x));
}

function zeroCount(t: Translator, dst: Operand, x: Value, count: Value): void {
  const { ir } = t, type = x.type as IntType, zero = ir.i32(0);
  t.write(dst, counted(t, count, type));
  t.setFlags({ cf: ir.eq(x, ir.const(type, 0)), zf: count, of: zero, sf: zero, af: zero, pf: ir.i32(1) });
}

/** POPCNT: ZF = source 0, the other flags are cleared. */
export function POPCNT(t: Translator, dst: Operand, src: Operand): void {
  const { ir } = t, x = t.read(src), zero = ir.i32(0);
  const ones = x.type === "i64" ? ir.emit("popcnt64", "i32", [x]) : ir.emit("popcnt32", "i32", [ir.low(x)]);
  t.write(dst, counted(t, ones, x.type as IntType));
  t.setFlags({ cf: zero, pf: ir.i32(1), af: zero, zf: ones, sf: zero, of: zero });
}

/** CRC32: accumulates the Castagnoli polynomial. SDM vol. 2A, "CRC32". */
export function CRC32(t: Translator, dst: Operand, src: Operand): void {
  const { ir } = t, x = t.read(src);
  let crc = ir.low(t.read(dst));
  if (x.type === "i64") {
    crc = t.call("crc32", crc, ir.low(x), ir.i32(4));
    crc = t.call("crc32", crc, ir.high(x), ir.i32(4));
  } else {
    crc = t.call("crc32", crc, ir.low(x), ir.i32(bitsOf(x.type) / 8));
  }
  t.write(dst, dst.kind === "gpr" && dst.size === 8 ? ir.zext(crc, "i64") : crc);
}
