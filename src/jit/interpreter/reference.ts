/**
 * The reference meaning of the IR: one row an opcode. Values live in the value file `v` (32-bit words, low first),
 * the processor state in `m`.
 */
import { FLOAT_OPCODES, type FloatOpcode } from "../../ir/float_opcodes.ts";
import type { Opcode } from "../../ir/opcodes.ts";
import { VECTOR_OPCODES, type VectorOpcode } from "../../ir/vector_opcodes.ts";
import type { HelperFunction } from "../../cpu/helpers.ts";
import type { WordPart } from "../../cpu/vector/reference.ts";
import {
  bswap32,
  ctz32,
  lts64,
  ltu64,
  mul64,
  mulHighS32,
  mulHighU32,
  mulhs64,
  mulhu64,
  mulo32,
  mulo64,
  popcnt32,
  rotl64,
  sar64,
  shl64,
  shr64,
} from "../../cpu/int64.ts";
import { RETURN_HI, RETURN_V128 } from "../../cpu/state.ts";
import type { Bindings } from "../bindings.ts";
import { Field, ResultKind } from "./words.ts";

/** Executes the operation at index `i` of a program. */
export type Run = (p: Int32Array, i: number) => void;
/** Opcodes that are executed: not halves of a value, which are read where that lies. */
export type ReferenceOpcode = Exclude<Opcode, "lo" | "hi">;
type CoreOpcode = Exclude<ReferenceOpcode, VectorOpcode | FloatOpcode>;

/** V8 knows the values of a module's own constants, and reads what objects have each time. */
const { A, ARGS, B, C, IMM, IMM2, RESULT, TO } = Field;

/** The meaning of every opcode over a value file. */
export function createReference(bindings: Bindings, v: Int32Array): Readonly<Record<ReferenceOpcode, Run>> {
  return {
    ...integerReference(v),
    ...wideReference(v),
    ...stateReference(bindings, v),
    ...memoryReference(bindings, v),
    ...laneReference(v),
    ...tableReference(bindings, v),
  } satisfies Record<ReferenceOpcode, Run>;
}

type Rows<K extends CoreOpcode> = Record<K, Run>;
type IntegerRow =
  | "add32"
  | "sub32"
  | "mul32"
  | "and32"
  | "or32"
  | "xor32"
  | "shl32"
  | "shr32"
  | "sar32"
  | "rotl32"
  | "rotr32"
  | "eq32"
  | "ne32"
  | "ltu32"
  | "lts32"
  | "leu32"
  | "les32"
  | "clz32"
  | "ctz32"
  | "popcnt32"
  | "bswap32"
  | "sext8"
  | "sext16"
  | "select32"
  | "const32"; // deno-fmt-ignore

function integerReference(v: Int32Array): Rows<IntegerRow> {
  const binary = (f: (x: number, y: number) => number): Run => (p, i) => {
    v[p[i + TO]!] = f(v[p[i + A]!]!, v[p[i + B]!]!);
  };
  const unary = (f: (x: number) => number): Run => (p, i) => {
    v[p[i + TO]!] = f(v[p[i + A]!]!);
  };
  return {
    const32: (p, i) => void (v[p[i + TO]!] = p[i + IMM]!),
    add32: (p, i) => void (v[p[i + TO]!] = v[p[i + A]!]! + v[p[i + B]!]!),
    sub32: (p, i) => void (v[p[i + TO]!] = v[p[i + A]!]! - v[p[i + B]!]!),
    mul32: (p, i) => void (v[p[i + TO]!] = Math.imul(v[p[i + A]!]!, v[p[i + B]!]!)),
    and32: (p, i) => void (v[p[i + TO]!] = v[p[i + A]!]! & v[p[i + B]!]!),
    or32: (p, i) => void (v[p[i + TO]!] = v[p[i + A]!]! | v[p[i + B]!]!),
    xor32: (p, i) => void (v[p[i + TO]!] = v[p[i + A]!]! ^ v[p[i + B]!]!),
    shl32: (p, i) => void (v[p[i + TO]!] = v[p[i + A]!]! << v[p[i + B]!]!),
    shr32: (p, i) => void (v[p[i + TO]!] = v[p[i + A]!]! >>> v[p[i + B]!]!),
    sar32: (p, i) => void (v[p[i + TO]!] = v[p[i + A]!]! >> v[p[i + B]!]!),
    rotl32: binary((x, n) => (x << n) | (x >>> (-n & 31))),
    rotr32: binary((x, n) => (x >>> n) | (x << (-n & 31))),
    eq32: binary((x, y) => x === y ? 1 : 0),
    ne32: binary((x, y) => x === y ? 0 : 1),
    ltu32: binary((x, y) => (x >>> 0) < (y >>> 0) ? 1 : 0),
    lts32: binary((x, y) => x < y ? 1 : 0),
    leu32: binary((x, y) => (x >>> 0) <= (y >>> 0) ? 1 : 0),
    les32: binary((x, y) => x <= y ? 1 : 0),
    clz32: unary(Math.clz32),
    ctz32: unary(ctz32),
    popcnt32: unary(popcnt32),
    bswap32: unary(bswap32),
    sext8: unary((x) => (x << 24) >> 24),
    sext16: unary((x) => (x << 16) >> 16),
    select32: (p, i) => void (v[p[i + TO]!] = v[p[i + A]!] !== 0 ? v[p[i + B]!]! : v[p[i + C]!]!),
  };
}

type WideRow =
  | "const64"
  | "add64"
  | "sub64"
  | "mul64"
  | "mulhu64"
  | "mulhs64"
  | "and64"
  | "or64"
  | "xor64"
  | "shl64"
  | "shr64"
  | "sar64"
  | "rotl64"
  | "rotr64"
  | "eq64"
  | "ne64"
  | "ltu64"
  | "lts64"
  | "leu64"
  | "les64"
  | "clz64"
  | "ctz64"
  | "popcnt64"
  | "bswap64"
  | "select64"
  | "zext"
  | "sext"
  | "pair"
  | "mulwideu32"
  | "mulwides32"
  | "mulo32"
  | "mulo64"
  | "insert8"
  | "insert8high"
  | "insert16"; // deno-fmt-ignore

function wideReference(v: Int32Array): Rows<WideRow> {
  type Halves = (out: Int32Array, at: number, xl: number, xh: number, yl: number, yh: number) => number;
  const binary = (f: Halves): Run => (p, i) => {
    v[p[i + TO]!] = f(v, p[i + TO]! + 1, v[p[i + A]!]!, v[p[i + A]! + 1]!, v[p[i + B]!]!, v[p[i + B]! + 1]!);
  };
  const shift = (f: (out: Int32Array, at: number, lo: number, hi: number, n: number) => number): Run => (p, i) => {
    v[p[i + TO]!] = f(v, p[i + TO]! + 1, v[p[i + A]!]!, v[p[i + A]! + 1]!, v[p[i + B]!]!);
  };
  const compare = (f: (xl: number, xh: number, yl: number, yh: number) => number): Run => (p, i) => {
    v[p[i + TO]!] = f(v[p[i + A]!]!, v[p[i + A]! + 1]!, v[p[i + B]!]!, v[p[i + B]! + 1]!);
  };
  const each = (f: (x: number, y: number) => number): Run => (p, i) => {
    v[p[i + TO]!] = f(v[p[i + A]!]!, v[p[i + B]!]!);
    v[p[i + TO]! + 1] = f(v[p[i + A]! + 1]!, v[p[i + B]! + 1]!);
  };
  const set = (p: Int32Array, i: number, lo: number, hi: number): void => {
    v[p[i + TO]!] = lo;
    v[p[i + TO]! + 1] = hi;
  };
  return {
    const64: (p, i) => set(p, i, p[i + IMM]!, p[i + IMM2]!),
    add64: (p, i) => {
      const x = v[p[i + A]!]!, lo = (x + v[p[i + B]!]!) | 0;
      set(p, i, lo, v[p[i + A]! + 1]! + v[p[i + B]! + 1]! + ((lo >>> 0) < (x >>> 0) ? 1 : 0));
    },
    sub64: (p, i) => {
      const x = v[p[i + A]!]!, y = v[p[i + B]!]!;
      set(p, i, x - y, v[p[i + A]! + 1]! - v[p[i + B]! + 1]! - ((x >>> 0) < (y >>> 0) ? 1 : 0));
    },
    mul64: binary(mul64),
    mulhu64: binary(mulhu64),
    mulhs64: binary(mulhs64),
    and64: each((x, y) => x & y),
    or64: each((x, y) => x | y),
    xor64: each((x, y) => x ^ y),
    shl64: shift(shl64),
    shr64: shift(shr64),
    sar64: shift(sar64),
    rotl64: shift(rotl64),
    rotr64: shift((out, at, lo, hi, n) => rotl64(out, at, lo, hi, -n)),
    eq64: compare((xl, xh, yl, yh) => xl === yl && xh === yh ? 1 : 0),
    ne64: compare((xl, xh, yl, yh) => xl === yl && xh === yh ? 0 : 1),
    ltu64: compare(ltu64),
    lts64: compare(lts64),
    leu64: compare((xl, xh, yl, yh) => 1 - ltu64(yl, yh, xl, xh)),
    les64: compare((xl, xh, yl, yh) => 1 - lts64(yl, yh, xl, xh)),
    clz64: (p, i) => void (v[p[i + TO]!] = v[p[i + A]! + 1] !== 0 ? Math.clz32(v[p[i + A]! + 1]!) : 32 + Math.clz32(v[p[i + A]!]!)),
    ctz64: (p, i) => void (v[p[i + TO]!] = v[p[i + A]!] !== 0 ? ctz32(v[p[i + A]!]!) : 32 + ctz32(v[p[i + A]! + 1]!)),
    popcnt64: (p, i) => void (v[p[i + TO]!] = popcnt32(v[p[i + A]!]!) + popcnt32(v[p[i + A]! + 1]!)),
    bswap64: (p, i) => set(p, i, bswap32(v[p[i + A]! + 1]!), bswap32(v[p[i + A]!]!)),
    select64: (p, i) => {
      const from = v[p[i + A]!] !== 0 ? p[i + B]! : p[i + C]!;
      set(p, i, v[from]!, v[from + 1]!);
    },
    zext: (p, i) => set(p, i, v[p[i + A]!]!, 0),
    sext: (p, i) => set(p, i, v[p[i + A]!]!, v[p[i + A]!]! >> 31),
    pair: (p, i) => set(p, i, v[p[i + A]!]!, v[p[i + B]!]!),
    mulwideu32: (p, i) => set(p, i, Math.imul(v[p[i + A]!]!, v[p[i + B]!]!), mulHighU32(v[p[i + A]!]!, v[p[i + B]!]!)),
    mulwides32: (p, i) => set(p, i, Math.imul(v[p[i + A]!]!, v[p[i + B]!]!), mulHighS32(v[p[i + A]!]!, v[p[i + B]!]!)),
    mulo32: (p, i) => void (v[p[i + TO]!] = mulo32(v[p[i + A]!]!, v[p[i + B]!]!)),
    mulo64: compare(mulo64),
    insert8: (p, i) => set(p, i, (v[p[i + A]!]! & ~0xff) | (v[p[i + B]!]! & 0xff), v[p[i + A]! + 1]!),
    insert8high: (p, i) => set(p, i, (v[p[i + A]!]! & ~0xff00) | ((v[p[i + B]!]! & 0xff) << 8), v[p[i + A]! + 1]!),
    insert16: (p, i) => set(p, i, (v[p[i + A]!]! & ~0xffff) | (v[p[i + B]!]! & 0xffff), v[p[i + A]! + 1]!),
  };
}

function stateReference(
  { memory, access, helpers }: Bindings,
  v: Int32Array,
): Rows<"get32" | "get64" | "getv" | "set32" | "set64" | "setv" | "faultIf" | "call" | "callpure"> {
  const m = memory.i32;
  const copy = (from: Int32Array, at: number, to: Int32Array, index: number, words: number): void => {
    for (let word = 0; word < words; word++) to[index + word] = from[at + word]!;
  };
  const call: Run = (p, i) => storeResult(m, v, p, i, callListed(helpers[p[i + IMM]!]!, v, p, i));
  return {
    get32: (p, i) => void (v[p[i + TO]!] = m[p[i + IMM]! >> 2]!),
    get64: (p, i) => {
      v[p[i + TO]!] = m[p[i + IMM]! >> 2]!;
      v[p[i + TO]! + 1] = m[(p[i + IMM]! >> 2) + 1]!;
    },
    getv: (p, i) => copy(m, p[i + IMM]! >> 2, v, p[i + TO]!, 4),
    set32: (p, i) => void (m[p[i + IMM]! >> 2] = v[p[i + A]!]!),
    set64: (p, i) => {
      m[p[i + IMM]! >> 2] = v[p[i + A]!]!;
      m[(p[i + IMM]! >> 2) + 1] = v[p[i + A]! + 1]!;
    },
    setv: (p, i) => copy(v, p[i + A]!, m, p[i + IMM]! >> 2, 4),
    faultIf: (p, i) => {
      if (v[p[i + A]!] !== 0) access.raise(p[i + IMM]!, p[i + IMM2]!);
    },
    call,
    callpure: call,
  };
}

type MemoryRow =
  | "load8"
  | "load16"
  | "load32"
  | "load64"
  | "loadv"
  | "store8"
  | "store16"
  | "store32"
  | "store64"
  | "storev"; // deno-fmt-ignore

function memoryReference({ memory, access }: Bindings, v: Int32Array): Rows<MemoryRow> {
  const m = memory.i32;
  return {
    load8: (p, i) => void (v[p[i + TO]!] = access.load8(v[p[i + A]!]!, v[p[i + A]! + 1]!, p[i + IMM]!)),
    load16: (p, i) => void (v[p[i + TO]!] = access.load16(v[p[i + A]!]!, v[p[i + A]! + 1]!, p[i + IMM]!)),
    load32: (p, i) => void (v[p[i + TO]!] = access.load32(v[p[i + A]!]!, v[p[i + A]! + 1]!, p[i + IMM]!)),
    load64: (p, i) => {
      v[p[i + TO]!] = access.load64(v[p[i + A]!]!, v[p[i + A]! + 1]!, p[i + IMM]!);
      v[p[i + TO]! + 1] = m[RETURN_HI >> 2]!;
    },
    loadv: (p, i) => storeResult(m, v, p, i, access.loadv(v[p[i + A]!]!, v[p[i + A]! + 1]!, p[i + IMM]!)),
    store8: (p, i) => access.store8(v[p[i + A]!]!, v[p[i + A]! + 1]!, v[p[i + B]!]!, p[i + IMM]!),
    store16: (p, i) => access.store16(v[p[i + A]!]!, v[p[i + A]! + 1]!, v[p[i + B]!]!, p[i + IMM]!),
    store32: (p, i) => access.store32(v[p[i + A]!]!, v[p[i + A]! + 1]!, v[p[i + B]!]!, p[i + IMM]!),
    store64: (p, i) => access.store64(v[p[i + A]!]!, v[p[i + A]! + 1]!, v[p[i + B]!]!, v[p[i + B]! + 1]!, p[i + IMM]!),
    storev: (p, i) =>
      access.storev(v[p[i + A]!]!, v[p[i + A]! + 1]!, v[p[i + B]!]!, v[p[i + B]! + 1]!, v[p[i + B]! + 2]!, v[p[i + B]! + 3]!, p[i + IMM]!),
  };
}

type LaneRow =
  | "vconst"
  | "vextract32"
  | "vextract64"
  | "vinsert32"
  | "vinsert64"
  | "vpair"
  | "vand"
  | "vor"
  | "vxor"
  | "vandn"; // deno-fmt-ignore

function laneReference(v: Int32Array): Rows<LaneRow> {
  const words = (f: (p: Int32Array, i: number, word: number) => number): Run => (p, i) => {
    for (let word = 0; word < 4; word++) v[p[i + TO]! + word] = f(p, i, word);
  };
  return {
    vconst: words((p, i) => p[i + IMM]!),
    vextract32: (p, i) => void (v[p[i + TO]!] = v[p[i + A]! + p[i + IMM]!]!),
    vextract64: (p, i) => {
      v[p[i + TO]!] = v[p[i + A]! + 2 * p[i + IMM]!]!;
      v[p[i + TO]! + 1] = v[p[i + A]! + 2 * p[i + IMM]! + 1]!;
    },
    vinsert32: words((p, i, word) => word === p[i + IMM]! ? v[p[i + B]!]! : v[p[i + A]! + word]!),
    vinsert64: words((p, i, word) => word >> 1 === p[i + IMM]! ? v[p[i + B]! + (word & 1)]! : v[p[i + A]! + word]!),
    vpair: words((p, i, word) => word < 2 ? v[p[i + A]! + word]! : v[p[i + B]! + word - 2]!),
    vand: words((p, i, word) => v[p[i + A]! + word]! & v[p[i + B]! + word]!),
    vor: words((p, i, word) => v[p[i + A]! + word]! | v[p[i + B]! + word]!),
    vxor: words((p, i, word) => v[p[i + A]! + word]! ^ v[p[i + B]! + word]!),
    vandn: words((p, i, word) => ~v[p[i + A]! + word]! & v[p[i + B]! + word]!),
  };
}

/** Rows of the opcodes whose meaning is a table of functions. */
function tableReference(
  { memory, vector, float }: Bindings,
  v: Int32Array,
): Record<VectorOpcode | FloatOpcode, Run> {
  const m = memory.i32;
  const rows: Partial<Record<VectorOpcode | FloatOpcode, Run>> = {};
  const out = m.subarray(RETURN_V128 >> 2, (RETURN_V128 >> 2) + 4);
  for (const name of Object.keys(VECTOR_OPCODES) as VectorOpcode[]) {
    const row = vector[name];
    if (row.kind === "words") {
      rows[name] = (p, i) => {
        const { parts } = row, to = p[i + TO]!, list = p[i + ARGS]! + 1;
        for (let n = 0; n < parts.length; n++) v[to + n] = callPart(parts[n]!, v, p, list);
      };
    } else {
      rows[name] = (p, i) => storeResult(m, v, p, i, row.fn(out, ...operandWords(v, p, i), p[i + IMM]!));
    }
  }
  for (const name of Object.keys(FLOAT_OPCODES) as FloatOpcode[]) {
    const f: HelperFunction = float[name];
    rows[name] = (p, i) => storeResult(m, v, p, i, callListed(f, v, p, i));
  }
  return rows as Record<VectorOpcode | FloatOpcode, Run>;
}

/** Calls the function of a result's word with some of the operands' words, which are listed from `list` on. */
function callPart({ fn, from }: WordPart, v: Int32Array, p: Int32Array, list: number): number {
  switch (from.length) {
    case 1:
      return fn(v[p[list + from[0]!]!]!);
    case 2:
      return fn(v[p[list + from[0]!]!]!, v[p[list + from[1]!]!]!);
    default:
      return fn(...from.map((word) => v[p[list + word]!]!));
  }
}

/** Calls a function with the operands in the calling convention of helpers. Most calls make no array of them. */
function callListed(f: HelperFunction, v: Int32Array, p: Int32Array, i: number): number | void {
  const list = p[i + ARGS]! + 1;
  switch (p[list - 1]!) {
    case 0:
      return f();
    case 1:
      return f(v[p[list]!]!);
    case 2:
      return f(v[p[list]!]!, v[p[list + 1]!]!);
    case 3:
      return f(v[p[list]!]!, v[p[list + 1]!]!, v[p[list + 2]!]!);
    default:
      return f(...operandWords(v, p, i));
  }
}

/** Operands in the calling convention of helpers: the list that ARGS points at. */
function operandWords(v: Int32Array, p: Int32Array, i: number): number[] {
  const at = p[i + ARGS]!, count = p[at]!;
  const words = new Array<number>(count);
  for (let n = 0; n < count; n++) words[n] = v[p[at + 1 + n]!]!;
  return words;
}

/** Stores what a function of that convention returned. */
function storeResult(m: Int32Array, v: Int32Array, p: Int32Array, i: number, result: number | void): void {
  const to = p[i + TO]!;
  switch (p[i + RESULT]) {
    case ResultKind.V128:
      for (let word = 0; word < 4; word++) v[to + word] = m[(RETURN_V128 >> 2) + word]!;
      return;
    case ResultKind.I64:
      v[to + 1] = m[RETURN_HI >> 2]!;
      v[to] = result as number;
      return;
    case ResultKind.I32:
      v[to] = result as number;
  }
}
