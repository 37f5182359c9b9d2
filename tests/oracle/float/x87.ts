/** x87 vectors: generation, our answers, and the comparison with the processor's. */
import { FCW, FSW, FTW, RETURN_HI, RETURN_V128, STATE_BYTES, X87 } from "../../../src/cpu/state.ts";
import { createFloat } from "../../../src/cpu/float/mod.ts";
import { double, extended, extendedNear, integer, Random, single } from "./numbers.ts";

/** Bytes of a record to and from the runner (x87.c). */
export const IN_BYTES = 80, OUT_BYTES = 160;

const memory = new ArrayBuffer(STATE_BYTES);
const state = new Int32Array(memory);
const { x87 } = createFloat(memory);

/** A record being evaluated: the memory operand, RFLAGS and AX. */
interface Context {
  readonly mem: DataView;
  rflags: number;
  ax: number;
}
type Evaluate = (c: Context) => void;

const lo = (c: Context): number => c.mem.getInt32(0, true);
const hi = (c: Context): number => c.mem.getInt32(4, true);
const half = (c: Context): number => c.mem.getInt16(0, true);

const ARITHMETIC = ["fadd", "fsub", "fsubr", "fmul", "fdiv", "fdivr"] as const;
const CONDITIONS: Readonly<Record<string, (flags: number) => boolean>> = {
  b: (f) => (f & 1) !== 0,
  e: (f) => (f & 0x40) !== 0,
  be: (f) => (f & 0x41) !== 0,
  u: (f) => (f & 4) !== 0,
};

/** A store: the value, then the commit. `words` 32-bit words, or 0 for a 16-bit value. */
function store(compute: () => number, words: number, pops: number): Evaluate {
  return (c) => {
    const low = compute();
    const high = state[RETURN_HI >> 2]!, top = state[(RETURN_V128 >> 2) + 2]!;
    if (x87.stores()) {
      if (words === 0) c.mem.setInt16(0, low, true);
      else c.mem.setInt32(0, low, true);
      if (words >= 2) c.mem.setInt32(4, high, true);
      if (words === 3) c.mem.setInt16(8, top, true);
    }
    x87.COMMIT(pops);
  };
}

function table(): Record<string, Evaluate> {
  const t: Record<string, Evaluate> = {};
  for (const op of ARITHMETIC) {
    const name = op.toUpperCase() as Uppercase<typeof op>;
    t[`${op}_M32`] = (c) => x87[`${name}32`](lo(c));
    t[`${op}_M64`] = (c) => x87[`${name}64`](lo(c), hi(c));
    t[`${op}_0_1`] = () => x87[name](0, 1);
    t[`${op}_0_0`] = () => x87[name](0, 0);
    t[`${op}_1_0`] = () => x87[name](1, 0);
    t[`${op}p_1_0`] = () => x87[`${name}P`](1, 0);
    const integerName = `FI${name.slice(1)}` as `FI${"ADD" | "SUB" | "SUBR" | "MUL" | "DIV" | "DIVR"}`;
    t[`fi${op.slice(1)}_M16`] = (c) => x87[integerName](half(c));
    t[`fi${op.slice(1)}_M32`] = (c) => x87[integerName](lo(c));
  }
  t.ficom_M16 = (c) => x87.FICOM(half(c));
  t.ficom_M32 = (c) => x87.FICOM(lo(c));
  t.ficomp_M16 = (c) => x87.FICOMP(half(c));
  t.ficomp_M32 = (c) => x87.FICOMP(lo(c));
  t.fld_M32 = (c) => x87.FLD32(lo(c));
  t.fld_M64 = (c) => x87.FLD64(lo(c), hi(c));
  t.fld_M80 = (c) => x87.FLD80(lo(c), hi(c), c.mem.getUint16(8, true));
  t.fld_1 = () => x87.FLD(1);
  t.fild_M16 = (c) => x87.FILD16(half(c));
  t.fild_M32 = (c) => x87.FILD32(lo(c));
  t.fild_M64 = (c) => x87.FILD64(lo(c), hi(c));
  t.fbld = (c) => x87.FBLD(lo(c), hi(c), c.mem.getUint16(8, true));
  const plain = [
    "fld1",
    "fldz",
    "fldpi",
    "fldl2e",
    "fldl2t",
    "fldlg2",
    "fldln2",
    "fsqrt",
    "fabs",
    "fchs",
    "frndint",
    "fscale",
    "fprem",
    "fprem1",
    "fxtract",
    "fcompp",
    "fucompp",
    "ftst",
    "fxam",
    "fincstp",
    "fdecstp",
    "fninit",
    "fnclex",
    "f2xm1",
    "fyl2x",
    "fyl2xp1",
    "fptan",
    "fpatan",
    "fsin",
    "fcos",
    "fsincos",
  ] as const; // deno-fmt-ignore
  for (const name of plain) t[name] = () => x87[name.toUpperCase() as Uppercase<typeof name>]();
  t.fst_M32 = store(() => x87.FST32(), 1, 0);
  t.fst_M64 = store(() => x87.FST64(), 2, 0);
  t.fstp_M32 = store(() => x87.FST32(), 1, 1);
  t.fstp_M64 = store(() => x87.FST64(), 2, 1);
  t.fstp_M80 = store(() => x87.FST80(), 3, 1);
  t.fst_1 = () => x87.FST(1);
  t.fstp_1 = () => x87.FSTP(1);
  t.fstp_0 = () => x87.FSTP(0);
  t.fist_M16 = store(() => x87.FIST16(), 0, 0);
  t.fist_M32 = store(() => x87.FIST32(), 1, 0);
  t.fistp_M16 = store(() => x87.FIST16(), 0, 1);
  t.fistp_M32 = store(() => x87.FIST32(), 1, 1);
  t.fistp_M64 = store(() => x87.FIST64(), 2, 1);
  t.fisttp_M16 = store(() => x87.FISTT16(), 0, 1);
  t.fisttp_M32 = store(() => x87.FISTT32(), 1, 1);
  t.fisttp_M64 = store(() => x87.FISTT64(), 2, 1);
  t.fbstp = store(() => x87.FBST(), 3, 1);
  t.fcom_M32 = (c) => x87.FCOM32(lo(c));
  t.fcom_M64 = (c) => x87.FCOM64(lo(c), hi(c));
  t.fcomp_M32 = (c) => x87.FCOMP32(lo(c));
  t.fcomp_M64 = (c) => x87.FCOMP64(lo(c), hi(c));
  for (const name of ["fcom", "fcomp", "fucom", "fucomp", "fxch", "ffree", "ffreep"] as const) {
    t[`${name}_1`] = () => x87[name.toUpperCase() as Uppercase<typeof name>](1);
  }
  for (const name of ["fcomi", "fcomip", "fucomi", "fucomip"] as const) {
    t[`${name}_1`] = (c) => {
      c.rflags = x87[name.toUpperCase() as Uppercase<typeof name>](1);
    };
  }
  for (const [suffix, holds] of Object.entries(CONDITIONS)) {
    t[`fcmov${suffix}_1`] = (c) => x87.FCMOV(1, holds(c.rflags) ? 1 : 0);
    t[`fcmovn${suffix}_1`] = (c) => x87.FCMOV(1, holds(c.rflags) ? 0 : 1);
  }
  t.fldcw = (c) => x87.FLDCW(c.mem.getUint16(0, true));
  t.fnstcw = (c) => c.mem.setUint16(0, x87.FNSTCW(), true);
  t.fnstsw = (c) => {
    c.ax = x87.FNSTSW();
  };
  const form = { wide: true, real: false };
  t.fnstenv = (c) => {
    x87.writeEnvironment(c.mem, 0, form);
    x87.FNSTENV();
  };
  t.fldenv = (c) => x87.FLDENV(c.mem, 0, form);
  t.fnsave = (c) => {
    x87.writeSave(c.mem, 0, form);
    x87.FNINIT();
  };
  return t;
}

/** Our answers to the runner's operations. */
const FUNCTIONS: Readonly<Record<string, Evaluate>> = table();

/** Operations whose results the manual lets differ by an ulp. */
export const TRANSCENDENTAL = /^(f2xm1|fyl2x|fyl2xp1|fptan|fpatan|fsin|fcos|fsincos)$/;

/** Arguments within the documented range of a transcendental instruction. */
function argument(random: Random, name: string): bigint {
  const sign = BigInt(random.below(2)) << 79n;
  const significand = (1n << 63n) | (extended(random) & ((1n << 63n) - 1n));
  const small = BigInt(0x3fff - random.below(random.below(3) === 0 ? 100 : 6));
  if (name === "f2xm1") return sign | ((small - 1n) << 64n) | significand;
  if (name === "fyl2xp1") return sign | ((small - 3n) << 64n) | significand;
  if (name === "fyl2x") return (BigInt(0x3fff + random.below(5) - 2) << 64n) | significand;
  if (name === "fpatan") return sign | (BigInt(0x3fff + random.below(20) - 10) << 64n) | significand;
  return sign | (BigInt(0x3fff - 8 + random.below(random.below(2) === 0 ? 12 : 72)) << 64n) | significand;
}

/** Fills a record for operation `op`. */
function generate(random: Random, name: string, op: number, view: DataView, at: number): void {
  const transcendental = TRANSCENDENTAL.test(name);
  let fcw = 0x3f | (random.pick([3, 3, 3, 3, 3, 3, 2, 2, 0, 0, 1]) << 8) | (random.below(4) << 10);
  if (random.below(4) === 0) fcw &= ~(1 << random.below(6));
  else if (random.below(12) === 0) fcw &= ~(random.next() & 0x3f);
  const top = random.below(8);
  // Flags that are unmasked would make the next instruction raise #MF: only masked ones are preset.
  const fsw = (top << 11) | (random.next() & 0x4700) |
    (random.below(3) === 0 ? random.next() & fcw & 0x3f : 0);
  let tags = random.next() & random.next() & 0xff;
  if (random.below(8) !== 0) {
    for (let i = 0; i < 8; i++) tags |= i < 3 ? 1 << ((top + i) & 7) : 0;
    if (random.below(8) !== 0) tags &= ~(1 << ((top + 7) & 7));
  }
  view.setUint32(at, op, true);
  view.setUint16(at + 4, fcw, true);
  view.setUint16(at + 6, fsw, true);
  view.setUint16(at + 8, tags, true);
  view.setUint16(at + 10, random.next() & 0x8d5, true);
  let previous = 0n;
  for (let i = 0; i < 3; i++) {
    let x = i > 0 && random.below(2) === 0 ? extendedNear(random, previous) : extended(random);
    if (transcendental && random.below(3) !== 0) x = argument(random, i === 0 ? name : "fpatan");
    if (/fist|fbstp|frndint/.test(name) && i === 0 && random.below(2) === 0) {
      x = (BigInt(random.below(2)) << 79n) | (BigInt(0x3fff + random.below(66) - 2) << 64n) | (1n << 63n) |
        (x & ((1n << 63n) - 1n));
    }
    if (/fscale/.test(name) && i === 1 && random.below(2) === 0) {
      x = (BigInt(random.below(2)) << 79n) | (BigInt(0x3fff + random.below(17)) << 64n) | (1n << 63n) |
        (x & ((1n << 63n) - 1n));
    }
    // A double or single that fits exactly, so that memory operands of equal value and halfway cases occur.
    if (random.below(4) === 0) x &= ~((1n << BigInt(random.pick([10, 11, 12, 39, 40, 41]))) - 1n);
    previous = x;
    view.setBigUint64(at + 16 + 16 * i, x & 0xffffffffffffffffn, true);
    view.setUint16(at + 24 + 16 * i, Number(x >> 64n), true);
  }
  let mem: bigint;
  if (/_M80/.test(name)) mem = extended(random);
  else if (/^fi|^fild/.test(name)) mem = integer(random);
  else if (/_M32/.test(name)) mem = single(random);
  else if (name === "fbld") mem = decimal(random);
  else mem = double(random);
  if (/fldenv/.test(name)) mem = (mem & 0xffff0000ffffn) | (BigInt(random.next() & 0x7f7f) << 32n);
  view.setBigUint64(at + 64, mem & 0xffffffffffffffffn, true);
  view.setBigUint64(at + 72, mem >> 64n, true);
}

function decimal(random: Random): bigint {
  let digits = 0n;
  for (let i = 0; i < 18; i++) digits = (digits << 4n) | BigInt(random.below(10));
  return (digits >> BigInt(4 * random.below(18))) | (BigInt(random.below(2)) << 79n);
}

/** `count` records for every operation of `names`. */
export function vectors(names: readonly string[], count: number, seed: number): Uint8Array {
  const random = new Random(seed);
  const bytes = new Uint8Array(names.length * count * IN_BYTES);
  const view = new DataView(bytes.buffer);
  for (let n = 0; n < names.length * count; n++) {
    const op = n % names.length;
    generate(random, names[op]!, op, view, n * IN_BYTES);
  }
  return bytes;
}

/** Results of a comparison; `ulps` counts differences of transcendental results, by ulps of 80 bits. */
export interface Comparison {
  mismatches: number;
  readonly lines: string[];
  readonly ulps: Record<string, Record<string, number>>;
}

const hex = (x: number, n: number): string => (x >>> 0).toString(16).padStart(n, "0");

/** A value of 80 bits as a number that grows by 1 with each ulp. */
function ordinal(view: DataView, at: number): bigint {
  const top = view.getUint16(at + 8, true);
  const x = (BigInt(top & 0x7fff) << 63n) | (view.getBigUint64(at, true) & 0x7fffffffffffffffn);
  return (top & 0x8000) !== 0 ? -x : x;
}

/** Bytes of an answer that can be compared: an environment's pointers are the runner's own. */
function comparable(name: string): number {
  return name === "fnstenv" || name === "fnsave" ? 156 : OUT_BYTES;
}

/** Our answer to the record at `at`, in the layout of the runner's. */
function evaluate(name: string, ins: DataView, at: number, mine: DataView): void {
  const run = FUNCTIONS[name];
  if (run === undefined) throw new Error(`No function is bound to ${name}.`);
  state[FCW >> 2] = ins.getUint16(at + 4, true) | 0x40;
  state[FSW >> 2] = ins.getUint16(at + 6, true);
  state[FTW >> 2] = ins.getUint16(at + 8, true) & 0xff;
  const top = (state[FSW >> 2]! >>> 11) & 7;
  for (let i = 0; i < 8; i++) {
    const cell = (X87 >> 2) + 4 * ((top + i) & 7);
    state[cell] = i < 3 ? ins.getInt32(at + 16 + 16 * i, true) : i;
    state[cell + 1] = i < 3 ? ins.getInt32(at + 20 + 16 * i, true) : 0x9000_0000;
    state[cell + 2] = i < 3 ? ins.getUint16(at + 24 + 16 * i, true) : 0x3fff;
  }
  for (let i = 0; i < 128; i += 4) mem.setInt32(i, i < 16 ? ins.getInt32(at + 64 + i, true) : 0, true);
  const context: Context = { mem, rflags: ins.getUint16(at + 10, true) & 0x8d5, ax: 0 };
  run(context);
  mine.setUint16(0, state[FCW >> 2]!, true);
  mine.setUint16(2, state[FSW >> 2]!, true);
  mine.setUint16(4, state[FTW >> 2]!, true);
  mine.setUint16(6, context.ax, true);
  mine.setUint32(8, context.rflags, true);
  const newTop = (state[FSW >> 2]! >>> 11) & 7;
  for (let i = 0; i < 8; i++) {
    const cell = (X87 >> 2) + 4 * ((newTop + i) & 7);
    mine.setInt32(16 + 16 * i, state[cell]!, true);
    mine.setInt32(20 + 16 * i, state[cell + 1]!, true);
    mine.setInt32(24 + 16 * i, state[cell + 2]! & 0xffff, true);
  }
  for (let i = 0; i < 16; i += 4) mine.setInt32(144 + i, mem.getInt32(i, true), true);
}

const mem = new DataView(new ArrayBuffer(128));

/** Compares our answers with the processor's; returns a line for each of the first mismatches. */
export function compare(
  names: readonly string[],
  input: Uint8Array,
  output: Uint8Array,
  limit = 10,
): Comparison {
  const ins = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const outs = new DataView(output.buffer, output.byteOffset, output.byteLength);
  const mine = new DataView(new ArrayBuffer(OUT_BYTES));
  const result: Comparison = { mismatches: 0, lines: [], ulps: {} };
  for (let n = 0; n * IN_BYTES < input.byteLength; n++) {
    const at = n * IN_BYTES, to = n * OUT_BYTES;
    const name = names[ins.getUint32(at, true)]!;
    evaluate(name, ins, at, mine);
    let differs = 0;
    for (let i = 0; i < comparable(name); i++) if (mine.getUint8(i) !== outs.getUint8(to + i)) differs++;
    if (differs === 0) continue;
    if (TRANSCENDENTAL.test(name) && closeEnough(mine, outs, to, result, name)) continue;
    result.mismatches++;
    if (result.lines.length >= limit) continue;
    result.lines.push(
      `${question(name, ins, at)}\n   ours      ${describe(mine, 0)}\n   processor ${describe(outs, to)}`,
    );
  }
  return result;
}

function question(name: string, ins: DataView, at: number): string {
  return `${name} fcw ${hex(ins.getUint16(at + 4, true), 4)} fsw ${hex(ins.getUint16(at + 6, true), 4)} ` +
    `tags ${hex(ins.getUint16(at + 8, true), 2)} in ${stack(ins, at + 16, 3)} m ${word(ins, at + 64)}`;
}

/** Bytes of a condensed answer: of a transcendental instruction status, tags, ST(0) and ST(1); else a hash. */
const CONDENSED = { transcendental: 28, hash: 4 } as const;
/** Where the parts of a condensed answer are in a full one: offset and length. */
const KEPT = [[0, 6], [16, 10], [32, 10]] as const;

function hash(view: DataView, at: number, length: number): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < length; i++) h = Math.imul(h ^ view.getUint8(at + i), 0x01000193);
  return h;
}

/** Answers in little space, for recording. */
export function condense(names: readonly string[], output: Uint8Array): Uint8Array {
  const outs = new DataView(output.buffer, output.byteOffset, output.byteLength);
  const bytes: number[] = [];
  for (let n = 0; n * OUT_BYTES < output.byteLength; n++) {
    const name = names[n % names.length]!, at = n * OUT_BYTES;
    if (TRANSCENDENTAL.test(name)) {
      for (const [from, length] of KEPT) bytes.push(...output.subarray(at + from, at + from + length));
      bytes.push(0, 0);
    } else {
      const h = hash(outs, at, comparable(name));
      bytes.push(h & 255, (h >>> 8) & 255, (h >>> 16) & 255, h >>> 24);
    }
  }
  return Uint8Array.from(bytes);
}

/** Compares our answers with condensed ones. */
export function compareCondensed(
  names: readonly string[],
  input: Uint8Array,
  condensed: Uint8Array,
): Comparison {
  const ins = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const answers = new DataView(condensed.buffer, condensed.byteOffset, condensed.byteLength);
  const mine = new DataView(new ArrayBuffer(OUT_BYTES)), theirs = new DataView(new ArrayBuffer(OUT_BYTES));
  const result: Comparison = { mismatches: 0, lines: [], ulps: {} };
  let from = 0;
  for (let n = 0; n * IN_BYTES < input.byteLength; n++) {
    const at = n * IN_BYTES;
    const name = names[ins.getUint32(at, true)]!;
    evaluate(name, ins, at, mine);
    let same: boolean;
    if (TRANSCENDENTAL.test(name)) {
      for (let i = 0; i < OUT_BYTES; i++) theirs.setUint8(i, mine.getUint8(i));
      let next = from;
      for (const [to, length] of KEPT) {
        for (let i = 0; i < length; i++) theirs.setUint8(to + i, answers.getUint8(next++));
      }
      same = closeEnough(mine, theirs, 0, result, name);
      from += CONDENSED.transcendental;
    } else {
      same = hash(mine, 0, comparable(name)) === answers.getInt32(from, true);
      from += CONDENSED.hash;
    }
    if (same) continue;
    result.mismatches++;
    if (result.lines.length < 10) {
      result.lines.push(`${question(name, ins, at)}\n   ours      ${describe(mine, 0)}`);
    }
  }
  return result;
}

/** Whether answers differ only in the last bits of the results (and what follows from rounding: C1). */
function closeEnough(mine: DataView, outs: DataView, to: number, result: Comparison, name: string): boolean {
  // At the smallest and the largest number an ulp decides whether the result is tiny, or overflows.
  const fields = [24, 40].map((at) => mine.getUint16(at, true) & 0x7fff);
  const edge = fields.some((field) => field <= 1 || field >= 0x7ffe);
  const control = mine.getUint16(0, true) === outs.getUint16(to, true) &&
    ((mine.getUint16(2, true) ^ outs.getUint16(to + 2, true)) & (edge ? ~0x8298 : ~0x200)) === 0 &&
    mine.getUint16(4, true) === outs.getUint16(to + 4, true);
  if (!control) return false;
  let worst = 0n;
  for (let i = 0; i < 8; i++) {
    const difference = ordinal(mine, 16 + 16 * i) - ordinal(outs, to + 16 + 16 * i);
    const size = difference < 0n ? -difference : difference;
    if (size > worst) worst = size;
  }
  if (worst > 2n) return false;
  const counts = result.ulps[name] ??= {};
  counts[`${worst}`] = (counts[`${worst}`] ?? 0) + 1;
  return worst <= 1n;
}

function word(view: DataView, at: number): string {
  return `${hex(view.getUint16(at + 8, true), 4)}.${
    view.getBigUint64(at, true).toString(16).padStart(16, "0")
  }`;
}

function stack(view: DataView, at: number, count: number): string {
  return Array.from({ length: count }, (_, i) => word(view, at + 16 * i)).join(" ");
}

function describe(view: DataView, at: number): string {
  return `fcw ${hex(view.getUint16(at, true), 4)} fsw ${hex(view.getUint16(at + 2, true), 4)} tags ` +
    `${hex(view.getUint16(at + 4, true), 2)} ax ${hex(view.getUint16(at + 6, true), 4)} ` +
    `fl ${hex(view.getUint32(at + 8, true), 3)} st ${stack(view, at + 16, 3)} st7 ${word(view, at + 128)} m ${
      word(view, at + 144)
    }`;
}
