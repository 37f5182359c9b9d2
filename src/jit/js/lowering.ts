/** One row an IR opcode: its JavaScript. Names that the text uses are bound in engine.ts. */
import { FLOAT_OPCODES, type FloatOpcode } from "../../ir/float_opcodes.ts";
import type { Opcode } from "../../ir/opcodes.ts";
import type { Inst, Value } from "../../ir/types.ts";
import { VECTOR_OPCODES, type VectorOpcode } from "../../ir/vector_opcodes.ts";
import { HELPER_NAMES, helperInfo } from "../../cpu/helpers.ts";
import { RETURN_HI, RETURN_V128 } from "../../cpu/state.ts";
import { shuffleSources, VECTOR_REFERENCE, type WordPart } from "../../cpu/vector/reference.ts";
import { TLB_READ, TLB_WRITE } from "../../memory/physical.ts";
import { MemoryFlag } from "../../ir/types.ts";
import type { Emitter } from "./emitter.ts";

/** Writes the code of one operation. */
export type Lowering = (e: Emitter, inst: Inst) => void;

const RH = RETURN_HI >> 2, RV = RETURN_V128 >> 2;

const binary = (text: (x: string, y: string) => string): Lowering => (e, inst) =>
  e.define(inst, text(e.lo(inst.args[0]!), e.lo(inst.args[1]!)));
const unary = (text: (x: string) => string): Lowering => (e, inst) =>
  e.define(inst, text(e.lo(inst.args[0]!)));
const comparison = (text: (x: string, y: string) => string): Lowering => (e, inst) =>
  e.defineBoolean(inst, text(e.lo(inst.args[0]!), e.lo(inst.args[1]!)));
/** An operation that mentions an operand more than once. */
const atoms = (text: (x: string, y: string) => string): Lowering => (e, inst) =>
  e.define(inst, text(e.atom(e.lo(inst.args[0]!)), e.atom(e.lo(inst.args[1]!))));
const halfwise = (text: (x: string, y: string) => string): Lowering => (e, inst) => {
  const [x, y] = inst.args as [Value, Value];
  e.define64(inst, text(e.lo(x), e.lo(y)), text(e.hi(x), e.hi(y)));
};
const compare64 =
  (text: (xl: string, xh: string, yl: string, yh: string) => string): Lowering => (e, inst) => {
    const [x, y] = inst.args as [Value, Value];
    e.define(inst, text(e.atom(e.lo(x)), e.atom(e.hi(x)), e.atom(e.lo(y)), e.atom(e.hi(y))));
  };
const equality = (operator: string): Lowering => (e, inst) => {
  const [x, y] = inst.args as [Value, Value];
  e.defineBoolean(inst, `((${e.lo(x)}^${e.lo(y)})|(${e.hi(x)}^${e.hi(y)}))${operator}0`);
};
/** A call of a function over halves that returns the low half and stores the high half. */
const call64 = (name: string): Lowering => (e, inst) => {
  const words = inst.args.flatMap((value) =>
    value.type === "i64" ? [e.lo(value), e.hi(value)] : [e.lo(value)]
  );
  const variable = e.name(inst);
  e.write(`const ${variable}=${name}(M,${RH},${words.join(",")}),${variable}h=M[${RH}];`);
};
/** A shift of 64 bits: in line when the count is constant. */
const shift64 = (
  name: string,
  below: (lo: string, hi: string, n: number) => [string, string],
  above: typeof below,
): Lowering =>
(e, inst) => {
  const [value, count] = inst.args as [Value, Value];
  if (count.op !== "const32") return call64(name)(e, inst);
  const n = count.imm & 63;
  const lo = e.atom(e.lo(value)), hi = e.atom(e.hi(value));
  if (n === 0) return e.define64(inst, lo, hi);
  e.define64(inst, ...(n < 32 ? below(lo, hi, n) : above(lo, hi, n - 32)));
};

// Unsigned comparison by flipping the signs: `>>>0` makes numbers that are no small integers.
const SIGN = -0x8000_0000;
const less = (x: string, y: string): string => `(${x}^${SIGN})<(${y}^${SIGN})`;
const lessEqual = (x: string, y: string): string => `(${x}^${SIGN})<=(${y}^${SIGN})`;
/** 0 or 1, without a branch (see Emitter.defineBoolean). */
const bool = (text: string): string => `(${text})|0`;

/** Flags of accesses whose alignment the fast path must see. */
const CHECKING = MemoryFlag.ALIGNED | MemoryFlag.CHECKED;
const load =
  (size: number, masked: (lo: string) => string, fast: string, name: string): Lowering => (e, inst) => {
    const { imm } = inst;
    const address = inst.args[0]!;
    const variable = e.name(inst);
    const tag = (imm & MemoryFlag.WRITE_INTENT) !== 0 ? TLB_WRITE : TLB_READ;
    const slow = `${name}(${e.lo(address)},${e.hi(address)},${imm})`;
    const mask = (imm & CHECKING) !== 0 ? aligned(size) : masked;
    if (size === 16) {
      e.write(`let ${[0, 1, 2, 3].map((word) => `${variable}_${word}`).join(",")};`);
      const words = (text: (word: number) => string) =>
        [0, 1, 2, 3].map((word) => `${variable}_${word}=${text(word)};`).join("");
      return e.access(
        inst,
        tag,
        mask,
        `e>>>=2;${words((n) => `M[e+${n}]`)}`,
        `${slow};${words((n) => `M[${RV + n}]`)}`,
      );
    }
    if (size === 8) {
      e.write(`let ${variable},${variable}h;`);
      const quick = `e>>>=2;${variable}=M[e];${variable}h=M[e+1];`;
      return e.access(inst, tag, mask, quick, `${variable}=${slow};${variable}h=M[${RH}];`);
    }
    e.write(`let ${variable};`);
    e.access(inst, tag, mask, `${variable}=${fast};`, `${variable}=${slow};`);
  };
const store =
  (size: number, masked: (lo: string) => string, array: string, name: string): Lowering => (e, inst) => {
    const [address, value] = inst.args as [Value, Value];
    const words = size === 16
      ? [0, 1, 2, 3].map((word) => e.word(value, word))
      : size === 8
      ? [e.atom(e.lo(value)), e.atom(e.hi(value))]
      : [e.atom(e.lo(value))];
    const fast = size < 8
      ? `${array}=${words[0]};`
      : `e>>>=2;${words.map((word, n) => `M[e+${n}]=${word};`).join("")}`;
    e.access(
      inst,
      TLB_WRITE,
      (inst.imm & CHECKING) !== 0 ? aligned(size) : masked,
      fast,
      `${name}(${e.lo(address)},${e.hi(address)},${words.join(",")},${inst.imm});`,
    );
  };
// The tag has no bit below the page: bits kept by a mask must be 0 in the address. What is wider than a word is
// checked at its last word, which must lie in the page whose entry the first byte selects.
const page1 = (lo: string): string => `${lo}&-4096`;
const page2 = (lo: string): string => `${lo}&-4095`;
const page4 = (lo: string): string => `${lo}&-4093`;
const page8 = (lo: string): string => `(${lo}+4)&-4093`;
const page16 = (lo: string): string => `(${lo}+12)&-4093`;
const aligned = (size: number) => (lo: string): string => `${lo}&${size - 0x1001}`;

/** Operands in the calling convention of helpers. */
function flatten(e: Emitter, operands: readonly Value[]): string[] {
  return operands.flatMap((value) => {
    if (value.type === "v128") return [0, 1, 2, 3].map((word) => e.word(value, word));
    return value.type === "i64" ? [e.lo(value), e.hi(value)] : [e.lo(value)];
  });
}

/** Defines the value from the result of a call in that convention. Returns the statement. */
function defineResult(e: Emitter, inst: Inst, call: string): string {
  const name = e.name(inst);
  switch (inst.type) {
    case "void":
      return `${call};`;
    case "v128":
      return `${call};const ${[0, 1, 2, 3].map((word) => `${name}_${word}=M[${RV + word}]`).join(",")};`;
    case "i64":
      return `const ${name}=${call},${name}h=M[${RH}];`;
    default:
      return `const ${name}=${call};`;
  }
}

const callHelper: Lowering = (e, inst) => {
  const info = helperInfo(inst.imm);
  const call = defineResult(e, inst, `H_${HELPER_NAMES[inst.imm]}(${flatten(e, inst.args).join(",")})`);
  if (info.state === "all") e.aroundAllState(call);
  else e.write(call);
  if (info.exits === true) e.checkEvent(inst);
};

const get: Lowering = (e, inst) => e.get(inst);
const set: Lowering = (e, inst) => e.set(inst);
const words = (text: (x: string, y: string) => string): Lowering => (e, inst) => {
  const [x, y] = inst.args as [Value, Value];
  e.defineWords(inst, (word) => text(e.word(x, word), e.word(y, word)));
};
const NOTHING: Lowering = () => {};

type TableOpcode = VectorOpcode | FloatOpcode;

// deno-fmt-ignore
const CORE: Record<Exclude<Opcode, TableOpcode>, Lowering> = {
  const32: NOTHING, // literals stand where they are mentioned
  const64: NOTHING,
  get32: get,
  get64: get,
  getv: (e, inst) => e.defineWords(inst, (word) => `M[${(inst.imm >> 2) + word}]`),
  set32: set,
  set64: set,
  setv: (e, inst) => e.write([0, 1, 2, 3].map((n) => `M[${(inst.imm >> 2) + n}]=${e.word(inst.args[0]!, n)};`).join("")),

  add32: binary((x, y) => `(${x}+${y})|0`),
  sub32: binary((x, y) => `(${x}-${y})|0`),
  mul32: binary((x, y) => `Math.imul(${x},${y})`),
  and32: binary((x, y) => `${x}&${y}`),
  or32: binary((x, y) => `${x}|${y}`),
  xor32: binary((x, y) => `${x}^${y}`),
  shl32: binary((x, y) => `${x}<<${y}`),
  shr32: binary((x, y) => `(${x}>>>${y})|0`),
  sar32: binary((x, y) => `${x}>>${y}`),
  rotl32: atoms((x, n) => `(${x}<<${n})|(${x}>>>(-${n}&31))`),
  rotr32: atoms((x, n) => `(${x}>>>${n})|(${x}<<(-${n}&31))`),
  eq32: comparison((x, y) => `${x}===${y}`),
  ne32: comparison((x, y) => `${x}!==${y}`),
  ltu32: comparison((x, y) => less(x, y)),
  lts32: comparison((x, y) => `${x}<${y}`),
  leu32: comparison((x, y) => lessEqual(x, y)),
  les32: comparison((x, y) => `${x}<=${y}`),
  clz32: unary((x) => `Math.clz32(${x})`),
  ctz32: unary((x) => `ctz32(${x})`),
  popcnt32: unary((x) => `popcnt32(${x})`),
  bswap32: unary((x) => `bswap32(${x})`),
  sext8: unary((x) => `(${x}<<24)>>24`),
  sext16: unary((x) => `(${x}<<16)>>16`),
  select32: (e, inst) => {
    const [c, x, y] = inst.args as [Value, Value, Value];
    e.define(inst, `${e.condition(c)}?${e.lo(x)}:${e.lo(y)}`);
  },

  add64: (e, inst) => {
    const [x, y] = inst.args as [Value, Value];
    const name = e.name(inst), xl = e.atom(e.lo(x));
    e.write(`const ${name}=(${xl}+${e.lo(y)})|0;`);
    if (e.needs(inst, 2)) e.write(`const ${name}h=(${e.hi(x)}+${e.hi(y)}+(${bool(less(name, xl))}))|0;`);
  },
  sub64: (e, inst) => {
    const [x, y] = inst.args as [Value, Value];
    const name = e.name(inst), xl = e.atom(e.lo(x)), yl = e.atom(e.lo(y));
    e.write(`const ${name}=(${xl}-${yl})|0;`);
    if (e.needs(inst, 2)) e.write(`const ${name}h=(${e.hi(x)}-${e.hi(y)}-(${bool(less(xl, yl))}))|0;`);
  },
  mul64: (e, inst) => {
    const [x, y] = inst.args as [Value, Value];
    if (e.needs(inst, 2)) return call64("mul64")(e, inst);
    e.write(`const ${e.name(inst)}=Math.imul(${e.lo(x)},${e.lo(y)});`);
  },
  mulhu64: call64("mulhu64"),
  mulhs64: call64("mulhs64"),
  and64: halfwise((x, y) => `${x}&${y}`),
  or64: halfwise((x, y) => `${x}|${y}`),
  xor64: halfwise((x, y) => `${x}^${y}`),
  shl64: shift64(
    "shl64",
    (lo, hi, n) => [`${lo}<<${n}`, `(${hi}<<${n})|(${lo}>>>${32 - n})`],
    (lo, _hi, n) => ["0", `${lo}<<${n}`],
  ),
  shr64: shift64(
    "shr64",
    (lo, hi, n) => [`(${lo}>>>${n})|(${hi}<<${32 - n})`, `(${hi}>>>${n})|0`],
    (_lo, hi, n) => [`(${hi}>>>${n})|0`, "0"],
  ),
  sar64: shift64(
    "sar64",
    (lo, hi, n) => [`(${lo}>>>${n})|(${hi}<<${32 - n})`, `${hi}>>${n}`],
    (_lo, hi, n) => [`${hi}>>${n}`, `${hi}>>31`],
  ),
  rotl64: shift64(
    "rotl64",
    (lo, hi, n) => [`(${lo}<<${n})|(${hi}>>>${32 - n})`, `(${hi}<<${n})|(${lo}>>>${32 - n})`],
    (lo, hi, n) => n === 0 ? [hi, lo] : [`(${hi}<<${n})|(${lo}>>>${32 - n})`, `(${lo}<<${n})|(${hi}>>>${32 - n})`],
  ),
  rotr64: shift64(
    "rotr64",
    (lo, hi, n) => [`(${lo}>>>${n})|(${hi}<<${32 - n})`, `(${hi}>>>${n})|(${lo}<<${32 - n})`],
    (lo, hi, n) => n === 0 ? [hi, lo] : [`(${hi}>>>${n})|(${lo}<<${32 - n})`, `(${lo}>>>${n})|(${hi}<<${32 - n})`],
  ),
  eq64: equality("==="),
  ne64: equality("!=="),
  ltu64: compare64((xl, xh, yl, yh) => `(${less(xh, yh)})|((${xh}===${yh})&(${less(xl, yl)}))`),
  lts64: compare64((xl, xh, yl, yh) => `(${xh}<${yh})|((${xh}===${yh})&(${less(xl, yl)}))`),
  leu64: compare64((xl, xh, yl, yh) => `(${less(xh, yh)})|((${xh}===${yh})&(${lessEqual(xl, yl)}))`),
  les64: compare64((xl, xh, yl, yh) => `(${xh}<${yh})|((${xh}===${yh})&(${lessEqual(xl, yl)}))`),
  clz64: (e, inst) => {
    const hi = e.atom(e.hi(inst.args[0]!));
    e.define(inst, `${hi}!==0?Math.clz32(${hi}):32+Math.clz32(${e.lo(inst.args[0]!)})`);
  },
  ctz64: (e, inst) => {
    const lo = e.atom(e.lo(inst.args[0]!));
    e.define(inst, `${lo}!==0?ctz32(${lo}):32+ctz32(${e.hi(inst.args[0]!)})`);
  },
  popcnt64: (e, inst) => e.define(inst, `popcnt32(${e.lo(inst.args[0]!)})+popcnt32(${e.hi(inst.args[0]!)})`),
  bswap64: (e, inst) => e.define64(inst, `bswap32(${e.hi(inst.args[0]!)})`, `bswap32(${e.lo(inst.args[0]!)})`),
  select64: (e, inst) => {
    const [c, x, y] = inst.args as [Value, Value, Value];
    const chosen = e.atom(e.lo(c));
    e.define64(inst, `${chosen}!==0?${e.lo(x)}:${e.lo(y)}`, `${chosen}!==0?${e.hi(x)}:${e.hi(y)}`);
  },

  lo: (e, inst) => e.define(inst, e.lo(inst.args[0]!)),
  hi: (e, inst) => e.define(inst, e.hi(inst.args[0]!)),
  zext: (e, inst) => e.define64(inst, e.lo(inst.args[0]!), "0"),
  sext: (e, inst) => {
    const x = e.atom(e.lo(inst.args[0]!));
    e.define64(inst, x, `${x}>>31`);
  },
  pair: (e, inst) => e.define64(inst, e.lo(inst.args[0]!), e.lo(inst.args[1]!)),
  mulwideu32: (e, inst) => {
    const x = e.atom(e.lo(inst.args[0]!)), y = e.atom(e.lo(inst.args[1]!));
    e.define64(inst, `Math.imul(${x},${y})`, `mulHighU32(${x},${y})`);
  },
  mulwides32: (e, inst) => {
    const x = e.atom(e.lo(inst.args[0]!)), y = e.atom(e.lo(inst.args[1]!));
    e.define64(inst, `Math.imul(${x},${y})`, `mulHighS32(${x},${y})`);
  },
  mulo32: atoms((x, y) => bool(`${x}*${y}!==Math.imul(${x},${y})`)),
  mulo64: compare64((xl, xh, yl, yh) => `mulo64(${xl},${xh},${yl},${yh})`),
  insert8: (e, inst) => {
    const [x, y] = inst.args as [Value, Value];
    e.define64(inst, `(${e.lo(x)}&-256)|(${e.lo(y)}&255)`, e.hi(x));
  },
  insert8high: (e, inst) => {
    const [x, y] = inst.args as [Value, Value];
    e.define64(inst, `(${e.lo(x)}&-65281)|((${e.lo(y)}&255)<<8)`, e.hi(x));
  },
  insert16: (e, inst) => {
    const [x, y] = inst.args as [Value, Value];
    e.define64(inst, `(${e.lo(x)}&-65536)|(${e.lo(y)}&65535)`, e.hi(x));
  },

  load8: load(1, page1, "U8[e>>>0]", "L8"),
  load16: load(2, page2, "U16[e>>>1]", "L16"),
  load32: load(4, page4, "M[e>>>2]", "L32"),
  load64: load(8, page8, "", "L64"),
  loadv: load(16, page16, "", "LV"),
  store8: store(1, page1, "U8[e>>>0]", "S8"),
  store16: store(2, page2, "U16[e>>>1]", "S16"),
  store32: store(4, page4, "M[e>>>2]", "S32"),
  store64: store(8, page8, "", "S64"),
  storev: store(16, page16, "", "SV"),

  faultIf: (e, inst) => {
    e.write(`if(${e.condition(inst.args[0]!)}){RAISE(${inst.imm},${inst.imm2});`);
    e.checkEvent(inst);
    e.write("}");
  },
  call: callHelper,
  callpure: callHelper,

  vconst: (e, inst) => e.defineWords(inst, () => `${inst.imm}`),
  vextract32: (e, inst) => e.define(inst, e.word(inst.args[0]!, inst.imm)),
  vextract64: (e, inst) => e.define64(inst, e.word(inst.args[0]!, 2 * inst.imm), e.word(inst.args[0]!, 2 * inst.imm + 1)),
  vinsert32: (e, inst) => {
    const [x, y] = inst.args as [Value, Value];
    e.defineWords(inst, (word) => word === inst.imm ? e.lo(y) : e.word(x, word));
  },
  vinsert64: (e, inst) => {
    const [x, y] = inst.args as [Value, Value];
    e.defineWords(inst, (word) => word >> 1 !== inst.imm ? e.word(x, word) : (word & 1) === 0 ? e.lo(y) : e.hi(y));
  },
  vpair: (e, inst) => {
    const [x, y] = inst.args as [Value, Value];
    const parts = [e.lo(x), e.hi(x), e.lo(y), e.hi(y)];
    e.defineWords(inst, (word) => parts[word]!);
  },
  vand: words((x, y) => `${x}&${y}`),
  vor: words((x, y) => `${x}|${y}`),
  vxor: words((x, y) => `${x}^${y}`),
  vandn: words((x, y) => `~${x}&${y}`),
};

/** Name of a vector function: one for all words, or for the first result word that it computes. */
export function partName(opcode: string, parts: readonly WordPart[], fn: WordPart["fn"]): string {
  return `V_${opcode}_${parts.findIndex((part) => part.fn === fn)}`;
}

/** Calls of the functions that compute a vector's words, or of one on whole values. engine.ts binds `V_name`. */
const vector = (name: VectorOpcode): Lowering => (e, inst) => {
  if (name === "vshuffle32") {
    const sources = shuffleSources(inst.imm);
    return e.defineWords(inst, (word) => e.word(inst.args[sources[word]! >> 2]!, sources[word]! & 3));
  }
  const row = VECTOR_REFERENCE[name];
  if (row.kind === "whole") {
    const call = `V_${name}(OUT,${[...flatten(e, inst.args), inst.imm].join(",")})`;
    return e.write(defineResult(e, inst, call));
  }
  const words = inst.args.flatMap((value) =>
    value.type === "v128" ? [0, 1, 2, 3].map((word) => e.word(value, word)) : [e.atom(e.lo(value))]
  );
  e.defineWords(inst, (word) => {
    const { fn, from } = row.parts[word]!;
    return `${partName(name, row.parts, fn)}(${from.map((n) => words[n]!).join(",")})`;
  });
};
const float = (name: FloatOpcode): Lowering => (e, inst) =>
  e.write(defineResult(e, inst, `F_${name}(${flatten(e, inst.args).join(",")})`));

const rows = <K extends string>(table: Record<K, unknown>, row: (name: K) => Lowering): Record<K, Lowering> =>
  Object.fromEntries((Object.keys(table) as K[]).map((name) => [name, row(name)])) as Record<K, Lowering>;

/** All rows. */
export const LOWERING: Readonly<Record<Opcode, Lowering>> = {
  ...CORE,
  ...rows(VECTOR_OPCODES, vector),
  ...rows(FLOAT_OPCODES, float),
};
