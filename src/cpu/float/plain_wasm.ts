/**
 * The double-precision part of the plain family as a WebAssembly module: the halves become a double in a register
 * instead of going through memory, which more than halves the time of a call. What the range tests reject goes to
 * the functions of the exact family, which the module imports.
 */
import { RETURN_HI } from "../state.ts";
import type { SseFloat } from "./sse.ts";

/** Names of the functions that the module has. */
export type WasmName =
  | "ADDSD"
  | "SUBSD"
  | "MULSD"
  | "DIVSD"
  | "MINSD"
  | "MAXSD"
  | "SQRTSD"
  | "UCOMISD"
  | "COMISD"
  | "CVTSD2SS"
  | "CVTSS2SD"
  | "CVTSD2SI32"
  | "CVTSD2SI64"
  | "CVTTSD2SI32"
  | "CVTTSD2SI64"
  | "CVTSI2SD32"
  | "CVTSI2SD64"; // deno-fmt-ignore

/** Instructions of WebAssembly, as far as they are needed here. */
const W = {
  if: 0x04,
  end: 0x0b,
  return: 0x0f,
  call: 0x10,
  select: 0x1b,
  get: 0x20,
  set: 0x21,
  tee: 0x22,
  store: 0x36,
  i32: 0x41,
  i64: 0x42,
  f64: 0x44,
  i32_eqz: 0x45,
  i64_eqz: 0x50,
  i64_lt_u: 0x54,
  f32_lt: 0x5d,
  f64_eq: 0x61,
  f64_lt: 0x63,
  f64_gt: 0x64,
  f64_le: 0x65,
  i32_and: 0x71,
  i32_or: 0x72,
  i32_shl: 0x74,
  i64_sub: 0x7d,
  i64_or: 0x84,
  i64_shl: 0x86,
  i64_shr_u: 0x88,
  f64_abs: 0x99,
  f64_nearest: 0x9e,
  f64_sqrt: 0x9f,
  f64_add: 0xa0,
  f64_sub: 0xa1,
  f64_mul: 0xa2,
  f64_div: 0xa3,
  i32_wrap: 0xa7,
  i32_trunc: 0xaa,
  i64_extend_u: 0xad,
  i64_trunc: 0xb0,
  f32_demote: 0xb6,
  f64_convert_i32: 0xb7,
  f64_convert_i64: 0xb9,
  f64_promote: 0xbb,
  i32_reinterpret: 0xbc,
  i64_reinterpret: 0xbd,
  f32_reinterpret: 0xbe,
  f64_reinterpret: 0xbf,
} as const; // deno-fmt-ignore
const I32 = 0x7f, I64 = 0x7e, F64 = 0x7c, VOID = 0x40;

function unsigned(n: number): number[] {
  return n < 128 ? [n] : [(n & 127) | 128, ...unsigned(n >>> 7)];
}

function signed(n: bigint): number[] {
  const low = Number(n & 127n), rest = n >> 7n;
  const last = (rest === 0n && low < 64) || (rest === -1n && low >= 64);
  return last ? [low] : [low | 128, ...signed(rest)];
}

function constant(x: number): number[] {
  return [W.f64, ...new Uint8Array(Float64Array.of(x).buffer)];
}

const section = (id: number, content: number[]): number[] => [id, ...unsigned(content.length), ...content];
const vector = (items: number[][]): number[] => [...unsigned(items.length), ...items.flat()];
const text = (s: string): number[] => [...unsigned(s.length), ...Array.from(s, (c) => c.charCodeAt(0))];

const get = (n: number): number[] => [W.get, n];
/** The 64 bits of two halves in locals. */
const join = (lo: number, hi: number): number[] => [
  ...get(hi),
  W.i64_extend_u,
  W.i64,
  32,
  W.i64_shl,
  ...get(lo),
  W.i64_extend_u,
  W.i64_or,
]; // deno-fmt-ignore
/** Stores the upper half of an i64 in a local to RETURN_HI, and leaves the lower half. */
const split = (local: number): number[] => [
  W.i32, 0, ...get(local), W.i64, 32, W.i64_shr_u, W.i32_wrap, W.store, 2, ...unsigned(RETURN_HI),
  ...get(local), W.i32_wrap,
]; // deno-fmt-ignore
/** Whether the i64 in a local is a denormal double. */
const denormal = (local: number): number[] => [
  ...get(local), W.i64, 1, W.i64_shl, W.i64, 1, W.i64_sub, W.i64, ...signed((1n << 53n) - 1n), W.i64_lt_u,
]; // deno-fmt-ignore
const notZero = (local: number): number[] => [...get(local), W.i64, 1, W.i64_shl, W.i64_eqz, W.i32_eqz];

const MAX = Number.MAX_VALUE, MAX_DENORMAL = 2.225073858507201e-308;
/** Least results that cannot have underflowed, and the greatest single. */
const SAFE = 4.450147717014403e-308, SAFE_SINGLE = 2.350988701644575e-38, MAX_SINGLE = 3.4028234663852886e38;

/** A function: its parameters (all i32), further locals, and the code; `slow` stands for the call of the exact one. */
interface Code {
  readonly parameters: number;
  readonly locals: readonly number[];
  readonly code: (slow: number[]) => number[];
}

const BINARY = { ADDSD: W.f64_add, SUBSD: W.f64_sub, MULSD: W.f64_mul, DIVSD: W.f64_div } as const;

function binary(op: number): Code {
  const small = op === W.f64_mul || op === W.f64_div
    ? [
      ...get(6),
      W.f64_abs,
      ...constant(SAFE),
      W.f64_lt,
      ...notZero(4),
      W.i32_and,
      ...notZero(5),
      W.i32_and,
      W.i32_or,
    ]
    : [];
  return {
    parameters: 4,
    locals: [I64, I64, F64],
    code: (slow) => [
      ...join(0, 1),
      W.tee,
      4,
      W.f64_reinterpret,
      ...join(2, 3),
      W.tee,
      5,
      W.f64_reinterpret,
      op,
      W.tee,
      6,
      W.f64_abs,
      ...constant(MAX),
      W.f64_le,
      W.i32_eqz,
      ...denormal(4),
      W.i32_or,
      ...denormal(5),
      W.i32_or,
      ...small,
      ...slow,
      ...get(6),
      W.i64_reinterpret,
      W.set,
      4,
      ...split(4),
    ], // deno-fmt-ignore
  };
}

/** Loads two doubles into locals 6 and 7 and leaves the condition for the slow path: a denormal or a NaN. */
const operands = [
  ...join(0, 1),
  W.tee,
  4,
  W.f64_reinterpret,
  W.set,
  6,
  ...join(2, 3),
  W.tee,
  5,
  W.f64_reinterpret,
  W.set,
  7,
  ...denormal(4),
  ...denormal(5),
  W.i32_or,
  ...get(6),
  ...get(6),
  W.f64_eq,
  ...get(7),
  ...get(7),
  W.f64_eq,
  W.i32_and,
  W.i32_eqz,
  W.i32_or,
]; // deno-fmt-ignore

const COMPARE: Code = {
  parameters: 4,
  locals: [I64, I64, F64, F64],
  code: (slow) => [
    ...operands, ...slow, ...get(6), ...get(7), W.f64_lt, ...get(6), ...get(7), W.f64_eq, W.i32, 6, W.i32_shl, W.i32_or,
  ], // deno-fmt-ignore
};

function minMax(comparison: number): Code {
  return {
    parameters: 4,
    locals: [I64, I64, F64, F64],
    code: (slow) => [
      ...operands,
      ...slow,
      ...get(4),
      ...get(5),
      ...get(6),
      ...get(7),
      comparison,
      W.select,
      W.set,
      4,
      ...split(4),
    ], // deno-fmt-ignore
  };
}

/** Whether the double in local 2 is not between two bounds (exclusive). */
const outside = (low: number, high: number): number[] => [
  ...get(2),
  ...constant(low),
  W.f64_gt,
  ...get(2),
  ...constant(high),
  W.f64_lt,
  W.i32_and,
  W.i32_eqz,
]; // deno-fmt-ignore

/** A double to an integer. The bounds are those of the operand, after rounding if `round` rounds. */
function toInteger(round: number[], low: number, high: number, wide: boolean): Code {
  return {
    parameters: 2,
    locals: [F64, I64],
    code: (slow) => [
      ...join(0, 1), W.f64_reinterpret, ...round, W.set, 2, ...outside(low, high), ...slow, ...get(2),
      ...(wide ? [W.i64_trunc, W.set, 3, ...split(3)] : [W.i32_trunc]),
    ], // deno-fmt-ignore
  };
}
const TWO63 = 9223372036854775808;

const FUNCTIONS = {
  ...Object.fromEntries(Object.entries(BINARY).map(([name, op]) => [name, binary(op)])) as Record<
    keyof typeof BINARY,
    Code
  >,
  MINSD: minMax(W.f64_lt),
  MAXSD: minMax(W.f64_gt),
  UCOMISD: COMPARE,
  COMISD: COMPARE,
  SQRTSD: {
    parameters: 2,
    locals: [F64, I64],
    code: (slow) => [
      ...join(0, 1),
      W.f64_reinterpret,
      W.set,
      2,
      ...outside(MAX_DENORMAL, Infinity),
      ...slow,
      ...get(2),
      W.f64_sqrt,
      W.i64_reinterpret,
      W.set,
      3,
      ...split(3),
    ],
  },
  CVTTSD2SI32: toInteger([], -2147483649, 2147483648, false),
  CVTTSD2SI64: toInteger([], -TWO63, TWO63, true),
  CVTSD2SI32: toInteger([W.f64_nearest], -2147483649, 2147483648, false),
  CVTSD2SI64: toInteger([W.f64_nearest], -TWO63, TWO63, true),
  CVTSI2SD32: {
    parameters: 1,
    locals: [I64],
    code: () => [...get(0), W.f64_convert_i32, W.i64_reinterpret, W.set, 1, ...split(1)],
  },
  CVTSI2SD64: {
    parameters: 2,
    locals: [I64],
    code: () => [...join(0, 1), W.f64_convert_i64, W.i64_reinterpret, W.set, 2, ...split(2)],
  },
  CVTSS2SD: {
    parameters: 1,
    locals: [F64, I64],
    code: (slow) => [
      ...get(0),
      W.f32_reinterpret,
      W.f64_promote,
      W.tee,
      1,
      W.f64_abs,
      ...constant(MAX_SINGLE),
      W.f64_le,
      ...constant(SAFE_SINGLE / 2),
      ...get(1),
      W.f64_abs,
      W.f64_le,
      W.i32_and,
      W.i32_eqz,
      ...slow,
      ...get(1),
      W.i64_reinterpret,
      W.set,
      2,
      ...split(2),
    ],
  },
  CVTSD2SS: {
    parameters: 2,
    locals: [F64],
    code: (slow) => [
      ...join(0, 1),
      W.f64_reinterpret,
      W.tee,
      2,
      W.f64_abs,
      ...constant(MAX_SINGLE),
      W.f64_le,
      ...constant(SAFE_SINGLE),
      ...get(2),
      W.f64_abs,
      W.f64_le,
      W.i32_and,
      W.i32_eqz,
      ...slow,
      ...get(2),
      W.f32_demote,
      W.i32_reinterpret,
    ],
  },
} as const satisfies Record<WasmName, Code>; // deno-fmt-ignore

function encode(shared: boolean): Uint8Array<ArrayBuffer> {
  const codes = Object.values(FUNCTIONS), names = Object.keys(FUNCTIONS);
  const type = (n: number): number[] => [0x60, n, ...Array<number>(n).fill(I32), 1, I32];
  const limits = shared ? [3, 1, ...unsigned(0x10000)] : [0, 1];
  const bodies = codes.map(({ parameters, locals, code }, n) => {
    const args = Array.from({ length: parameters }, (_, i) => get(i)).flat();
    const slow = [W.if, VOID, ...args, W.call, ...unsigned(n), W.return, W.end];
    const body = [...vector(locals.map((local) => [1, local])), ...code(slow), W.end];
    return [...unsigned(body.length), ...body];
  });
  return Uint8Array.from([
    0,
    0x61,
    0x73,
    0x6d,
    1,
    0,
    0,
    0,
    ...section(1, vector([0, 1, 2, 3, 4].map(type))),
    ...section(
      2,
      vector([
        ...names.map((name, n) => [...text("exact"), ...text(name), 0, codes[n]!.parameters]),
        [...text("state"), ...text("memory"), 2, ...limits],
      ]),
    ),
    ...section(3, vector(codes.map(({ parameters }) => [parameters]))),
    ...section(7, vector(names.map((name, n) => [...text(name), 0, ...unsigned(names.length + n)]))),
    ...section(10, vector(bodies)),
  ]); // deno-fmt-ignore
}

/** The functions over the state at the start of `memory`; `exact` takes what is not plain. */
export function createPlainWasm(memory: WebAssembly.Memory, exact: SseFloat): Pick<SseFloat, WasmName> {
  const shared = typeof SharedArrayBuffer !== "undefined" && memory.buffer instanceof SharedArrayBuffer;
  const imports = Object.fromEntries(Object.entries(exact));
  const instance = new WebAssembly.Instance(new WebAssembly.Module(encode(shared)), {
    exact: imports,
    state: { memory },
  });
  return instance.exports as unknown as Pick<SseFloat, WasmName>;
}
