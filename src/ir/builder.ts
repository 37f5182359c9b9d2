/** Builds a block. Operations are polymorphic over the integer types; narrow values stay zero-extended. */
import type { Opcode } from "./opcodes.ts";
import type { Terminal } from "./terminal.ts";
import { type Block, Inst, type IntType, MemoryFlag, type Type, type Value } from "./types.ts";

const MASK = { i8: 0xff, i16: 0xffff } as const;
const BITS = { i8: 8, i16: 16, i32: 32, i64: 64 } as const;

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
    const inst = new Inst(op, type, args, imm, imm2, this.guest);
    inst.id = this.insts.length;
    this.insts.push(inst);
    return inst;
  }

  /** A constant. `hi` (the upper half) matters for i64 only; without it `lo` is sign-extended. */
  const(type: IntType, lo: number, hi: number = lo >> 31): Value {
    if (type === "i64") return this.emit("const64", "i64", [], lo | 0, hi | 0);
    return this.emit("const32", type, [], isNarrow(type) ? lo & MASK[type] : lo | 0);
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
    return this.emit(type === "i32" ? "get32" : type === "i64" ? "get64" : "getv", type, [], offset);
  }
  set(offset: number, value: Value): void {
    const op = value.type === "v128" ? "setv" : value.type === "i64" ? "set64" : "set32";
    this.emit(op, "void", [value], offset);
  }

  // Arithmetic: both operands and the result have one type.
  add(x: Value, y: Value): Value {
    if (isZero(y)) return x;
    if (isZero(x)) return y;
    return this.#wrap(x, y, "add32", "add64");
  }
  sub(x: Value, y: Value): Value {
    if (isZero(y)) return x;
    return this.#wrap(x, y, "sub32", "sub64");
  }
  mul(x: Value, y: Value): Value {
    return this.#wrap(x, y, "mul32", "mul64");
  }
  and(x: Value, y: Value): Value {
    return this.#same(x, y, "and32", "and64");
  }
  or(x: Value, y: Value): Value {
    if (isZero(y)) return x;
    if (isZero(x)) return y;
    return this.#same(x, y, "or32", "or64");
  }
  xor(x: Value, y: Value): Value {
    if (isZero(y)) return x;
    if (isZero(x)) return y;
    return this.#same(x, y, "xor32", "xor64");
  }
  not(x: Value): Value {
    return this.#wrap(x, this.const(x.type as IntType, -1), "xor32", "xor64");
  }
  neg(x: Value): Value {
    return this.#wrap(this.const(x.type as IntType, 0), x, "sub32", "sub64");
  }

  // Shifts. The count is i32; it must be below the width for i8 and i16 (results of larger counts are as for i32 code: check or mask before).
  shl(x: Value, count: Value): Value {
    return this.#mask(this.emit(x.type === "i64" ? "shl64" : "shl32", wide(x.type), [x, count]), x.type);
  }
  shr(x: Value, count: Value): Value {
    return this.emit(x.type === "i64" ? "shr64" : "shr32", x.type, [x, count]);
  }
  sar(x: Value, count: Value): Value {
    if (isNarrow(x.type)) {
      return this.#mask(this.emit("sar32", "i32", [this.sext(x, "i32"), count]), x.type);
    }
    return this.emit(x.type === "i64" ? "sar64" : "sar32", x.type, [x, count]);
  }
  /** Rotates i32 or i64 left. */
  rotl(x: Value, count: Value): Value {
    return this.emit(x.type === "i64" ? "rotl64" : "rotl32", x.type, [x, count]);
  }
  /** Rotates i32 or i64 right. */
  rotr(x: Value, count: Value): Value {
    return this.emit(x.type === "i64" ? "rotr64" : "rotr32", x.type, [x, count]);
  }

  // Comparisons: i32 0 or 1.
  eq(x: Value, y: Value): Value {
    return this.emit(x.type === "i64" ? "eq64" : "eq32", "i32", [x, y]);
  }
  ne(x: Value, y: Value): Value {
    return this.emit(x.type === "i64" ? "ne64" : "ne32", "i32", [x, y]);
  }
  ltu(x: Value, y: Value): Value {
    return this.emit(x.type === "i64" ? "ltu64" : "ltu32", "i32", [x, y]);
  }
  leu(x: Value, y: Value): Value {
    return this.emit(x.type === "i64" ? "leu64" : "leu32", "i32", [x, y]);
  }
  lts(x: Value, y: Value): Value {
    if (isNarrow(x.type)) return this.emit("lts32", "i32", [this.sext(x, "i32"), this.sext(y, "i32")]);
    return this.emit(x.type === "i64" ? "lts64" : "lts32", "i32", [x, y]);
  }
  les(x: Value, y: Value): Value {
    if (isNarrow(x.type)) return this.emit("les32", "i32", [this.sext(x, "i32"), this.sext(y, "i32")]);
    return this.emit(x.type === "i64" ? "les64" : "les32", "i32", [x, y]);
  }
  /** `condition` (i32) not 0: `x`, else `y`. */
  select(condition: Value, x: Value, y: Value): Value {
    return this.emit(x.type === "i64" ? "select64" : "select32", x.type, [condition, x, y]);
  }

  // Widths.
  /** Zero-extends or keeps. */
  zext(x: Value, type: IntType): Value {
    if (x.type === type) return x;
    if (type === "i64") return this.emit("zext", "i64", [x]);
    return this.#retype(x, type);
  }
  /** Sign-extends or keeps. */
  sext(x: Value, type: IntType): Value {
    if (x.type === type) return x;
    const word = x.type === "i8"
      ? this.emit("sext8", "i32", [x])
      : x.type === "i16"
      ? this.emit("sext16", "i32", [x])
      : x;
    if (type === "i64") return this.emit("sext", "i64", [word]);
    return this.#mask(word, type);
  }
  /** The low bits of `x` as `type`. */
  trunc(x: Value, type: IntType): Value {
    if (x.type === type) return x;
    const word = x.type === "i64" ? this.emit("lo", "i32", [x]) : x;
    return this.#mask(word, type);
  }
  /** Low 32 bits as i32 (narrow values as they are: zero-extended). */
  low(x: Value): Value {
    return x.type === "i64" ? this.emit("lo", "i32", [x]) : this.#retype(x, "i32");
  }
  /** High 32 bits of an i64. */
  high(x: Value): Value {
    return this.emit("hi", "i32", [x]);
  }
  /** i64 of two i32 halves. */
  pair(lo: Value, hi: Value): Value {
    return this.emit("pair", "i64", [lo, hi]);
  }
  /** An i32 whose bit 31 is the sign of `x`: an SF cell. */
  signCell(x: Value): Value {
    if (x.type === "i64") return this.high(x);
    if (x.type === "i32") return x;
    return this.emit("shl32", "i32", [x, this.i32(x.type === "i8" ? 24 : 16)]);
  }
  /** An i32 that is 0 exactly if `x` is: a ZF cell. */
  zeroCell(x: Value): Value {
    return x.type === "i64" ? this.or(this.low(x), this.high(x)) : this.#retype(x, "i32");
  }

  // Memory.
  load(type: Type, address: Value, flags = 0): Value {
    switch (type) {
      case "i8":
        return this.emit("load8", "i8", [address], flags);
      case "i16":
        return this.emit("load16", "i16", [address], flags | this.#check);
      case "i32":
        return this.emit("load32", "i32", [address], flags | this.#check);
      case "i64":
        return this.emit("load64", "i64", [address], flags | this.#check);
      case "v128":
        return this.emit("loadv", "v128", [address], flags);
      case "void":
        throw new TypeError("Cannot load a value of type void");
    }
  }
  store(address: Value, value: Value, flags = 0): void {
    const check = value.type === "i8" || value.type === "v128" ? 0 : this.#check;
    this.emit(STORES[value.type], "void", [address, value], flags | check);
  }
  /** Raises a fault if `condition` (i32) is not 0. */
  faultIf(condition: Value, vector: number, error = -1): void {
    this.emit("faultIf", "void", [condition], vector, error);
  }

  /** Ends the block. */
  finish(
    pc: bigint,
    mode: number,
    offsets: readonly number[],
    terminal: Terminal,
  ): Block {
    const block = { pc, mode, offsets, length: offsets[offsets.length - 1]!, insts: this.insts, terminal };
    return this.usesFloat ? { ...block, usesFloat: true } : block;
  }

  #retype(x: Value, type: IntType): Value {
    if (x.type === type) return x;
    // A widening inside 32 bits: the same bits under another type.
    return this.emit("or32", type, [x, this.i32(0)]);
  }
  #mask(x: Value, type: Type): Value {
    return isNarrow(type) ? this.emit("and32", type, [x, this.i32(MASK[type])]) : x;
  }
  #same(x: Value, y: Value, op32: Opcode, op64: Opcode): Value {
    return this.emit(x.type === "i64" ? op64 : op32, x.type, [x, y]);
  }
  #wrap(x: Value, y: Value, op32: Opcode, op64: Opcode): Value {
    if (x.type === "i64") return this.emit(op64, "i64", [x, y]);
    return this.#mask(this.emit(op32, wide(x.type), [x, y]), x.type);
  }
}

const STORES = {
  void: "store8",
  i8: "store8",
  i16: "store16",
  i32: "store32",
  i64: "store64",
  v128: "storev",
} as const satisfies Record<Type, Opcode>;

const wide = (type: Type): Type => isNarrow(type) ? "i32" : type;

/** Whether a value is the constant 0. */
export function isZero(x: Value): boolean {
  return (x.op === "const32" || x.op === "const64") && x.imm === 0 && (x.op === "const32" || x.imm2 === 0);
}

/** Width of an integer type in bits. */
export function bitsOf(type: Type): number {
  return BITS[type as IntType];
}
