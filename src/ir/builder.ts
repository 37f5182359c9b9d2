/** Builds a block. Operations are polymorphic over the integer types; narrow values stay zero-extended. */
import { type Opcode, opcodeNumber } from "./opcodes.ts";
import type { Terminal } from "./terminal.ts";
import { type Block, Inst, type IntType, MemoryFlag, NO_OPERANDS, type Type, type Value } from "./types.ts";

const MASK = { i8: 0xff, i16: 0xffff } as const;
const BITS = { i8: 8, i16: 16, i32: 32, i64: 64 } as const;

/** Numbers of opcodes: to look one up takes longer than to make the operation. */
// deno-fmt-ignore
const
  CONST32 = opcodeNumber("const32"), CONST64 = opcodeNumber("const64"),
  GET32 = opcodeNumber("get32"), GET64 = opcodeNumber("get64"), GETV = opcodeNumber("getv"),
  SET32 = opcodeNumber("set32"), SET64 = opcodeNumber("set64"), SETV = opcodeNumber("setv"),
  ADD32 = opcodeNumber("add32"), ADD64 = opcodeNumber("add64"), SUB32 = opcodeNumber("sub32"),
  SUB64 = opcodeNumber("sub64"), MUL32 = opcodeNumber("mul32"), MUL64 = opcodeNumber("mul64"),
  AND32 = opcodeNumber("and32"), AND64 = opcodeNumber("and64"), OR32 = opcodeNumber("or32"),
  OR64 = opcodeNumber("or64"), XOR32 = opcodeNumber("xor32"), XOR64 = opcodeNumber("xor64"),
  SHL32 = opcodeNumber("shl32"), SHL64 = opcodeNumber("shl64"), SHR32 = opcodeNumber("shr32"),
  SHR64 = opcodeNumber("shr64"), SAR32 = opcodeNumber("sar32"), SAR64 = opcodeNumber("sar64"),
  ROTL32 = opcodeNumber("rotl32"), ROTL64 = opcodeNumber("rotl64"), ROTR32 = opcodeNumber("rotr32"),
  ROTR64 = opcodeNumber("rotr64"),
  EQ32 = opcodeNumber("eq32"), EQ64 = opcodeNumber("eq64"), NE32 = opcodeNumber("ne32"),
  NE64 = opcodeNumber("ne64"), LTU32 = opcodeNumber("ltu32"), LTU64 = opcodeNumber("ltu64"),
  LEU32 = opcodeNumber("leu32"), LEU64 = opcodeNumber("leu64"),
  LTS32 = opcodeNumber("lts32"), LTS64 = opcodeNumber("lts64"), LES32 = opcodeNumber("les32"),
  LES64 = opcodeNumber("les64"), SELECT32 = opcodeNumber("select32"), SELECT64 = opcodeNumber("select64"),
  ZEXT = opcodeNumber("zext"), SEXT = opcodeNumber("sext"), SEXT8 = opcodeNumber("sext8"),
  SEXT16 = opcodeNumber("sext16"), LO = opcodeNumber("lo"), HI = opcodeNumber("hi"),
  PAIR = opcodeNumber("pair"),
  LOAD8 = opcodeNumber("load8"), LOAD16 = opcodeNumber("load16"), LOAD32 = opcodeNumber("load32"),
  LOAD64 = opcodeNumber("load64"), LOADV = opcodeNumber("loadv"),
  STORE8 = opcodeNumber("store8"), STORE16 = opcodeNumber("store16"), STORE32 = opcodeNumber("store32"),
  STORE64 = opcodeNumber("store64"), STOREV = opcodeNumber("storev"),
  FAULT_IF = opcodeNumber("faultIf");

type Narrow = "i8" | "i16";
const isNarrow = (type: Type): type is Narrow => type === "i8" || type === "i16";

/** Appends operations to a block under construction. */
export class IrBuilder {
  readonly insts: Inst[] = [];
  /** Index of the guest instruction whose operations are being appended. */
  guest = 0;
  /** Set where exact floating-point operations are appended (Block.usesFloat). */
  usesFloat = false;
  /** MemoryFlag bits of loads and stores of 2, 4 and 8 bytes. */
  readonly #check: number;

  /**
   * @param checksAlignment loads and stores raise #AC(0) where their addresses are no multiples of their sizes
   */
  constructor(checksAlignment = false) {
    this.#check = checksAlignment ? MemoryFlag.CHECKED : 0;
  }

  /** Appends an operation as it is. Prefer the named methods. */
  emit(op: Opcode, type: Type, args: readonly Value[], imm = 0, imm2 = 0): Value {
    return this.#append(opcodeNumber(op), type, args, imm, imm2);
  }

  #append(code: number, type: Type, args: readonly Value[], imm = 0, imm2 = 0): Value {
    const inst = new Inst(code, type, args, imm, imm2, this.guest);
    inst.id = this.insts.length;
    this.insts.push(inst);
    return inst;
  }

  /** A constant. `hi` (the upper half) matters for i64 only; without it `lo` is sign-extended. */
  const(type: IntType, lo: number, hi: number = lo >> 31): Value {
    if (type === "i64") return this.#append(CONST64, "i64", NO_OPERANDS, lo | 0, hi | 0);
    return this.#append(CONST32, type, NO_OPERANDS, isNarrow(type) ? lo & MASK[type] : lo | 0);
  }
  /** A 32-bit constant. */
  i32(value: number): Value {
    return this.const("i32", value);
  }
  /** A 64-bit constant from a bigint (translation time only). */
  i64(value: bigint): Value {
    return this.const("i64", Number(value & 0xffff_ffffn), Number((value >> 32n) & 0xffff_ffffn));
  }

  // State cells.
  get(offset: number, type: "i32" | "i64" | "v128"): Value {
    return this.#append(type === "i32" ? GET32 : type === "i64" ? GET64 : GETV, type, NO_OPERANDS, offset);
  }
  set(offset: number, value: Value): void {
    const code = value.type === "v128" ? SETV : value.type === "i64" ? SET64 : SET32;
    this.#append(code, "void", [value], offset);
  }

  // Arithmetic: both operands and the result have one type.
  add(x: Value, y: Value): Value {
    if (isZero(y)) return x;
    if (isZero(x)) return y;
    return this.#wrap(x, y, ADD32, ADD64);
  }
  sub(x: Value, y: Value): Value {
    if (isZero(y)) return x;
    return this.#wrap(x, y, SUB32, SUB64);
  }
  mul(x: Value, y: Value): Value {
    return this.#wrap(x, y, MUL32, MUL64);
  }
  and(x: Value, y: Value): Value {
    return this.#same(x, y, AND32, AND64);
  }
  or(x: Value, y: Value): Value {
    if (isZero(y)) return x;
    if (isZero(x)) return y;
    return this.#same(x, y, OR32, OR64);
  }
  xor(x: Value, y: Value): Value {
    if (isZero(y)) return x;
    if (isZero(x)) return y;
    return this.#same(x, y, XOR32, XOR64);
  }
  not(x: Value): Value {
    return this.#wrap(x, this.const(x.type as IntType, -1), XOR32, XOR64);
  }
  neg(x: Value): Value {
    return this.#wrap(this.const(x.type as IntType, 0), x, SUB32, SUB64);
  }

  // Shifts. The count is i32; it must be below the width for i8 and i16 (results of larger counts are as for i32 code: check or mask before).
  shl(x: Value, count: Value): Value {
    return this.#mask(this.#append(x.type === "i64" ? SHL64 : SHL32, wide(x.type), [x, count]), x.type);
  }
  shr(x: Value, count: Value): Value {
    return this.#append(x.type === "i64" ? SHR64 : SHR32, x.type, [x, count]);
  }
  sar(x: Value, count: Value): Value {
    if (isNarrow(x.type)) {
      return this.#mask(this.#append(SAR32, "i32", [this.sext(x, "i32"), count]), x.type);
    }
    return this.#append(x.type === "i64" ? SAR64 : SAR32, x.type, [x, count]);
  }
  /** Rotates i32 or i64 left. */
  rotl(x: Value, count: Value): Value {
    return this.#append(x.type === "i64" ? ROTL64 : ROTL32, x.type, [x, count]);
  }
  /** Rotates i32 or i64 right. */
  rotr(x: Value, count: Value): Value {
    return this.#append(x.type === "i64" ? ROTR64 : ROTR32, x.type, [x, count]);
  }

  // Comparisons: i32 0 or 1.
  eq(x: Value, y: Value): Value {
    return this.#append(x.type === "i64" ? EQ64 : EQ32, "i32", [x, y]);
  }
  ne(x: Value, y: Value): Value {
    return this.#append(x.type === "i64" ? NE64 : NE32, "i32", [x, y]);
  }
  ltu(x: Value, y: Value): Value {
    return this.#append(x.type === "i64" ? LTU64 : LTU32, "i32", [x, y]);
  }
  leu(x: Value, y: Value): Value {
    return this.#append(x.type === "i64" ? LEU64 : LEU32, "i32", [x, y]);
  }
  lts(x: Value, y: Value): Value {
    if (isNarrow(x.type)) return this.#append(LTS32, "i32", [this.sext(x, "i32"), this.sext(y, "i32")]);
    return this.#append(x.type === "i64" ? LTS64 : LTS32, "i32", [x, y]);
  }
  les(x: Value, y: Value): Value {
    if (isNarrow(x.type)) return this.#append(LES32, "i32", [this.sext(x, "i32"), this.sext(y, "i32")]);
    return this.#append(x.type === "i64" ? LES64 : LES32, "i32", [x, y]);
  }
  /** `condition` (i32) not 0: `x`, else `y`. */
  select(condition: Value, x: Value, y: Value): Value {
    return this.#append(x.type === "i64" ? SELECT64 : SELECT32, x.type, [condition, x, y]);
  }

  // Widths.
  /** Zero-extends or keeps. */
  zext(x: Value, type: IntType): Value {
    if (x.type === type) return x;
    if (type === "i64") return this.#append(ZEXT, "i64", [x]);
    return this.#retype(x, type);
  }
  /** Sign-extends or keeps. */
  sext(x: Value, type: IntType): Value {
    if (x.type === type) return x;
    const word = x.type === "i8"
      ? this.#append(SEXT8, "i32", [x])
      : x.type === "i16"
      ? this.#append(SEXT16, "i32", [x])
      : x;
    if (type === "i64") return this.#append(SEXT, "i64", [word]);
    return this.#mask(word, type);
  }
  /** The low bits of `x` as `type`. */
  trunc(x: Value, type: IntType): Value {
    if (x.type === type) return x;
    const word = x.type === "i64" ? this.#append(LO, "i32", [x]) : x;
    return this.#mask(word, type);
  }
  /** Low 32 bits as i32 (narrow values as they are: zero-extended). */
  low(x: Value): Value {
    return x.type === "i64" ? this.#append(LO, "i32", [x]) : this.#retype(x, "i32");
  }
  /** High 32 bits of an i64. */
  high(x: Value): Value {
    return this.#append(HI, "i32", [x]);
  }
  /** i64 of two i32 halves. */
  pair(lo: Value, hi: Value): Value {
    return this.#append(PAIR, "i64", [lo, hi]);
  }
  /** An i32 whose bit 31 is the sign of `x`: an SF cell. */
  signCell(x: Value): Value {
    if (x.type === "i64") return this.high(x);
    if (x.type === "i32") return x;
    return this.#append(SHL32, "i32", [x, this.i32(x.type === "i8" ? 24 : 16)]);
  }
  /** An i32 that is 0 exactly if `x` is: a ZF cell. */
  zeroCell(x: Value): Value {
    return x.type === "i64" ? this.or(this.low(x), this.high(x)) : this.#retype(x, "i32");
  }

  // Memory.
  load(type: Type, address: Value, flags = 0): Value {
    switch (type) {
      case "i8":
        return this.#append(LOAD8, "i8", [address], flags);
      case "i16":
        return this.#append(LOAD16, "i16", [address], flags | this.#check);
      case "i32":
        return this.#append(LOAD32, "i32", [address], flags | this.#check);
      case "i64":
        return this.#append(LOAD64, "i64", [address], flags | this.#check);
      case "v128":
        return this.#append(LOADV, "v128", [address], flags);
      case "void":
        throw new TypeError("Cannot load a value of type void");
    }
  }
  store(address: Value, value: Value, flags = 0): void {
    const check = value.type === "i8" || value.type === "v128" ? 0 : this.#check;
    this.#append(STORES[value.type], "void", [address, value], flags | check);
  }
  /** Raises a fault if `condition` (i32) is not 0. */
  faultIf(condition: Value, vector: number, error = -1): void {
    this.#append(FAULT_IF, "void", [condition], vector, error);
  }

  /** Ends the block. */
  finish(
    pc: bigint,
    mode: number,
    offsets: readonly number[],
    terminal: Terminal,
  ): Block {
    const { insts, usesFloat } = this, length = offsets[offsets.length - 1]!;
    return { pc, mode, offsets, length, insts, terminal, usesFloat };
  }

  #retype(x: Value, type: IntType): Value {
    if (x.type === type) return x;
    // A widening inside 32 bits: the same bits under another type.
    return this.#append(OR32, type, [x, this.i32(0)]);
  }
  #mask(x: Value, type: Type): Value {
    return isNarrow(type) ? this.#append(AND32, type, [x, this.i32(MASK[type])]) : x;
  }
  #same(x: Value, y: Value, code32: number, code64: number): Value {
    return this.#append(x.type === "i64" ? code64 : code32, x.type, [x, y]);
  }
  #wrap(x: Value, y: Value, code32: number, code64: number): Value {
    if (x.type === "i64") return this.#append(code64, "i64", [x, y]);
    return this.#mask(this.#append(code32, wide(x.type), [x, y]), x.type);
  }
}

const STORES = {
  void: STORE8,
  i8: STORE8,
  i16: STORE16,
  i32: STORE32,
  i64: STORE64,
  v128: STOREV,
} as const satisfies Record<Type, number>;

const wide = (type: Type): Type => isNarrow(type) ? "i32" : type;

/** Whether a value is the constant 0. */
export function isZero(x: Value): boolean {
  return (x.op === "const32" || x.op === "const64") && x.imm === 0 && (x.op === "const32" || x.imm2 === 0);
}

/** Width of an integer type in bits. */
export function bitsOf(type: Type): number {
  return BITS[type as IntType];
}
