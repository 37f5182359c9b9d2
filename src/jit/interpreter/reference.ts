/**
 * The reference meaning of the IR: one row an opcode. Values live in the value file `v` (32-bit words, low first),
 * the processor state in `m`.
 */
import { FLOAT_OPCODES, type FloatOpcode } from "../../ir/float_opcodes.ts";
import type { Opcode } from "../../ir/opcodes.ts";
import type { Value } from "../../ir/types.ts";
import { VECTOR_OPCODES, type VectorOpcode } from "../../ir/vector_opcodes.ts";
import type { HelperFunction } from "../../cpu/helpers.ts";
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
import { type Step, wordOf } from "./step.ts";

type Run = (step: Step) => void;
type CoreOpcode = Exclude<Opcode, VectorOpcode | FloatOpcode>;

/** The meaning of every opcode over a value file. */
export function createReference(bindings: Bindings, v: Int32Array): Readonly<Record<Opcode, Run>> {
  return {
    ...integerReference(v),
    ...wideReference(v),
    ...stateReference(bindings, v),
    ...memoryReference(bindings, v),
    ...laneReference(v),
    ...tableReference(bindings, v),
  } satisfies Record<Opcode, Run>;
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
  const binary = (f: (x: number, y: number) => number): Run => (s) => {
    v[s.to] = f(v[s.a]!, v[s.b]!);
  };
  const unary = (f: (x: number) => number): Run => (s) => {
    v[s.to] = f(v[s.a]!);
  };
  return {
    const32: (s) => void (v[s.to] = s.imm),
    add32: (s) => void (v[s.to] = v[s.a]! + v[s.b]!),
    sub32: (s) => void (v[s.to] = v[s.a]! - v[s.b]!),
    mul32: (s) => void (v[s.to] = Math.imul(v[s.a]!, v[s.b]!)),
    and32: (s) => void (v[s.to] = v[s.a]! & v[s.b]!),
    or32: (s) => void (v[s.to] = v[s.a]! | v[s.b]!),
    xor32: (s) => void (v[s.to] = v[s.a]! ^ v[s.b]!),
    shl32: (s) => void (v[s.to] = v[s.a]! << v[s.b]!),
    shr32: (s) => void (v[s.to] = v[s.a]! >>> v[s.b]!),
    sar32: (s) => void (v[s.to] = v[s.a]! >> v[s.b]!),
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
    select32: (s) => void (v[s.to] = v[s.a] !== 0 ? v[s.b]! : v[s.c]!),
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
  | "lo"
  | "hi"
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
  const binary = (f: Halves): Run => (s) => {
    v[s.to] = f(v, s.to + 1, v[s.a]!, v[s.a + 1]!, v[s.b]!, v[s.b + 1]!);
  };
  const shift = (f: (out: Int32Array, at: number, lo: number, hi: number, n: number) => number): Run => (s) => {
    v[s.to] = f(v, s.to + 1, v[s.a]!, v[s.a + 1]!, v[s.b]!);
  };
  const compare = (f: (xl: number, xh: number, yl: number, yh: number) => number): Run => (s) => {
    v[s.to] = f(v[s.a]!, v[s.a + 1]!, v[s.b]!, v[s.b + 1]!);
  };
  const each = (f: (x: number, y: number) => number): Run => (s) => {
    v[s.to] = f(v[s.a]!, v[s.b]!);
    v[s.to + 1] = f(v[s.a + 1]!, v[s.b + 1]!);
  };
  const set = (s: Step, lo: number, hi: number): void => {
    v[s.to] = lo;
    v[s.to + 1] = hi;
  };
  return {
    const64: (s) => set(s, s.imm, s.imm2),
    add64: (s) => {
      const x = v[s.a]!, lo = (x + v[s.b]!) | 0;
      set(s, lo, v[s.a + 1]! + v[s.b + 1]! + ((lo >>> 0) < (x >>> 0) ? 1 : 0));
    },
    sub64: (s) => {
      const x = v[s.a]!, y = v[s.b]!;
      set(s, x - y, v[s.a + 1]! - v[s.b + 1]! - ((x >>> 0) < (y >>> 0) ? 1 : 0));
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
    clz64: (s) => void (v[s.to] = v[s.a + 1] !== 0 ? Math.clz32(v[s.a + 1]!) : 32 + Math.clz32(v[s.a]!)),
    ctz64: (s) => void (v[s.to] = v[s.a] !== 0 ? ctz32(v[s.a]!) : 32 + ctz32(v[s.a + 1]!)),
    popcnt64: (s) => void (v[s.to] = popcnt32(v[s.a]!) + popcnt32(v[s.a + 1]!)),
    bswap64: (s) => set(s, bswap32(v[s.a + 1]!), bswap32(v[s.a]!)),
    select64: (s) => {
      const from = v[s.a] !== 0 ? s.b : s.c;
      set(s, v[from]!, v[from + 1]!);
    },
    lo: (s) => void (v[s.to] = v[s.a]!),
    hi: (s) => void (v[s.to] = v[s.a + 1]!),
    zext: (s) => set(s, v[s.a]!, 0),
    sext: (s) => set(s, v[s.a]!, v[s.a]! >> 31),
    pair: (s) => set(s, v[s.a]!, v[s.b]!),
    mulwideu32: (s) => set(s, Math.imul(v[s.a]!, v[s.b]!), mulHighU32(v[s.a]!, v[s.b]!)),
    mulwides32: (s) => set(s, Math.imul(v[s.a]!, v[s.b]!), mulHighS32(v[s.a]!, v[s.b]!)),
    mulo32: (s) => void (v[s.to] = mulo32(v[s.a]!, v[s.b]!)),
    mulo64: compare(mulo64),
    insert8: (s) => set(s, (v[s.a]! & ~0xff) | (v[s.b]! & 0xff), v[s.a + 1]!),
    insert8high: (s) => set(s, (v[s.a]! & ~0xff00) | ((v[s.b]! & 0xff) << 8), v[s.a + 1]!),
    insert16: (s) => set(s, (v[s.a]! & ~0xffff) | (v[s.b]! & 0xffff), v[s.a + 1]!),
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
  const call: Run = (s) => storeResult(m, v, s, helpers[s.imm]!(...flatten(v, s.inst.args)));
  return {
    get32: (s) => void (v[s.to] = m[s.imm >> 2]!),
    get64: (s) => {
      v[s.to] = m[s.imm >> 2]!;
      v[s.to + 1] = m[(s.imm >> 2) + 1]!;
    },
    getv: (s) => copy(m, s.imm >> 2, v, s.to, 4),
    set32: (s) => void (m[s.imm >> 2] = v[s.a]!),
    set64: (s) => {
      m[s.imm >> 2] = v[s.a]!;
      m[(s.imm >> 2) + 1] = v[s.a + 1]!;
    },
    setv: (s) => copy(v, s.a, m, s.imm >> 2, 4),
    faultIf: (s) => {
      if (v[s.a] !== 0) access.raise(s.imm, s.imm2);
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
    load8: (s) => void (v[s.to] = access.load8(v[s.a]!, v[s.a + 1]!, s.imm)),
    load16: (s) => void (v[s.to] = access.load16(v[s.a]!, v[s.a + 1]!, s.imm)),
    load32: (s) => void (v[s.to] = access.load32(v[s.a]!, v[s.a + 1]!, s.imm)),
    load64: (s) => {
      v[s.to] = access.load64(v[s.a]!, v[s.a + 1]!, s.imm);
      v[s.to + 1] = m[RETURN_HI >> 2]!;
    },
    loadv: (s) => storeResult(m, v, s, access.loadv(v[s.a]!, v[s.a + 1]!, s.imm)),
    store8: (s) => access.store8(v[s.a]!, v[s.a + 1]!, v[s.b]!, s.imm),
    store16: (s) => access.store16(v[s.a]!, v[s.a + 1]!, v[s.b]!, s.imm),
    store32: (s) => access.store32(v[s.a]!, v[s.a + 1]!, v[s.b]!, s.imm),
    store64: (s) => access.store64(v[s.a]!, v[s.a + 1]!, v[s.b]!, v[s.b + 1]!, s.imm),
    storev: (s) =>
      access.storev(v[s.a]!, v[s.a + 1]!, v[s.b]!, v[s.b + 1]!, v[s.b + 2]!, v[s.b + 3]!, s.imm),
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
  const words = (f: (s: Step, word: number) => number): Run => (s) => {
    for (let word = 0; word < 4; word++) v[s.to + word] = f(s, word);
  };
  return {
    vconst: words((s) => s.imm),
    vextract32: (s) => void (v[s.to] = v[s.a + s.imm]!),
    vextract64: (s) => {
      v[s.to] = v[s.a + 2 * s.imm]!;
      v[s.to + 1] = v[s.a + 2 * s.imm + 1]!;
    },
    vinsert32: words((s, word) => word === s.imm ? v[s.b]! : v[s.a + word]!),
    vinsert64: words((s, word) => word >> 1 === s.imm ? v[s.b + (word & 1)]! : v[s.a + word]!),
    vpair: words((s, word) => word < 2 ? v[s.a + word]! : v[s.b + word - 2]!),
    vand: words((s, word) => v[s.a + word]! & v[s.b + word]!),
    vor: words((s, word) => v[s.a + word]! | v[s.b + word]!),
    vxor: words((s, word) => v[s.a + word]! ^ v[s.b + word]!),
    vandn: words((s, word) => ~v[s.a + word]! & v[s.b + word]!),
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
      rows[name] = (s) => {
        const words = flatten(v, s.inst.args);
        row.parts.forEach(({ fn, from }, i) => v[s.to + i] = fn(...from.map((n) => words[n]!)));
      };
    } else {
      rows[name] = (s) => storeResult(m, v, s, row.fn(out, ...flatten(v, s.inst.args), s.imm));
    }
  }
  for (const name of Object.keys(FLOAT_OPCODES) as FloatOpcode[]) {
    const f: HelperFunction = float[name];
    rows[name] = (s) => storeResult(m, v, s, f(...flatten(v, s.inst.args)));
  }
  return rows as Record<VectorOpcode | FloatOpcode, Run>;
}

/** Operands in the calling convention of helpers. */
function flatten(v: Int32Array, operands: readonly Value[]): number[] {
  const words: number[] = [];
  for (const operand of operands) {
    const at = wordOf(operand);
    const count = operand.type === "v128" ? 4 : operand.type === "i64" ? 2 : 1;
    for (let word = 0; word < count; word++) words.push(v[at + word]!);
  }
  return words;
}

/** Stores what a function of that convention returned. */
function storeResult(m: Int32Array, v: Int32Array, s: Step, result: number | void): void {
  switch (s.inst.type) {
    case "void":
      return;
    case "v128":
      for (let word = 0; word < 4; word++) v[s.to + word] = m[(RETURN_V128 >> 2) + word]!;
      return;
    case "i64":
      v[s.to + 1] = m[RETURN_HI >> 2]!;
      v[s.to] = result as number;
      return;
    default:
      v[s.to] = result as number;
  }
}
