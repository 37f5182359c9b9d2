/** Rows of the vector opcodes: v128 instructions where there are such, else calls of the reference (cpu/vector/). */
import type { Inst, Value } from "../../ir/types.ts";
import { VECTOR_OPCODES, type VectorOpcode } from "../../ir/vector_opcodes.ts";
import { shuffleSources } from "../../cpu/vector/reference.ts";
import type { Emitter } from "./emitter.ts";
import { W } from "./instructions.ts";
import type { Lowering } from "./lowering.ts";

const stack = (...codes: number[]): Lowering => (e, { args }) => {
  for (const value of args) e.push(value);
  for (const code of codes) e.code.op(code);
};

/** `i8x16.shuffle` of two values on the stack. */
function shuffleStack({ code }: Emitter, bytes: readonly number[]): void {
  code.op(W.i8x16_shuffle);
  for (const byte of bytes) code.u8(byte);
}
const sixteen = (byte: (n: number) => number): number[] => Array.from({ length: 16 }, (_, n) => byte(n));
/** Bytes of both operands: 0-15 of the first, 16-31 of the second. */
const shuffle = (bytes: (inst: Inst) => readonly number[]): Lowering => (e, inst) => {
  const [x, y = x] = inst.args as [Value, Value?];
  const first = e.operand(x);
  e.code.get(first);
  if (y === x) e.code.get(first);
  else e.push(y);
  shuffleStack(e, bytes(inst));
};
/** Lanes of `bytes` bytes each, interleaved from lane `from` on. */
const interleave = (bytes: number, from: number): readonly number[] =>
  sixteen((n) => {
    const lane = Math.floor(n / (2 * bytes)) + from, second = Math.floor(n / bytes) % 2;
    return 16 * second + lane * bytes + n % bytes;
  });
/** PSHUFLW, PSHUFHW: 16-bit lanes `first` to `first + 3` in the order that the immediate says. */
const shuffle16 = (first: number): Lowering =>
  shuffle(({ imm }) =>
    sixteen((n) => {
      const lane = n >> 1, place = lane - first;
      if (place < 0 || place > 3) return n;
      return 2 * (first + ((imm >> (2 * place)) & 3)) + (n & 1);
    })
  );

/** Bytes of two v128 (the first below) from byte `from` on; zeros behind them. */
function window(e: Emitter, low: Value | undefined, high: Value | undefined, from: number): void {
  const push = (value: Value | undefined): void =>
    value === undefined ? e.constantV128([0, 0, 0, 0]) : e.push(value);
  push(low);
  push(high);
  shuffleStack(e, sixteen((n) => n + from));
}

/** Shifts of lanes: counts of the lanes' width or more shift everything out. */
const shift = (width: number, code: number): Lowering => (e, { args: [x, count] }) => {
  if (count!.op === "const32") {
    if (count!.imm >>> 0 >= width) return e.constantV128([0, 0, 0, 0]);
    e.push(x!);
    e.code.i32(count!.imm);
    return e.code.op(code);
  }
  const n = e.operand(count!);
  e.push(x!);
  e.code.get(n);
  e.code.op(code);
  e.constantV128([0, 0, 0, 0]);
  e.code.get(n);
  e.code.i32(width);
  e.code.op(W.i32_lt_u);
  e.code.op(W.select);
};
const shiftSigned = (width: number, code: number): Lowering => (e, { args: [x, count] }) => {
  e.push(x!);
  if (count!.op === "const32") {
    e.code.i32(Math.min(count!.imm >>> 0, width - 1));
  } else {
    const n = e.operand(count!);
    e.code.get(n);
    e.code.i32(width - 1);
    e.code.get(n);
    e.code.i32(width);
    e.code.op(W.i32_lt_u);
    e.code.op(W.select);
  }
  e.code.op(code);
};
/** High halves of 16-bit products: the upper words of the 32-bit ones. */
const multiplyHigh = (low: number, high: number): Lowering => (e, { args: [x, y] }) => {
  const { code } = e, first = e.operand(x!), second = e.operand(y!);
  for (const instruction of [low, high]) {
    code.get(first);
    code.get(second);
    code.op(instruction);
  }
  shuffleStack(e, sixteen((n) => 4 * (n >> 1) + 2 + (n & 1)));
};
/** Products of the even 32-bit lanes. */
const multiplyEven = (code: number): Lowering => (e, { args }) => {
  for (const value of args) {
    const local = e.operand(value);
    e.code.get(local);
    e.code.get(local);
    shuffleStack(e, sixteen((n) => n < 4 ? n : n + 4));
  }
  e.code.op(code);
};
const lane = (code: number): Lowering => (e, { args, imm }) => {
  for (const value of args) e.push(value);
  e.code.lane(code, imm);
};

const DIRECT: { readonly [K in VectorOpcode]?: Lowering } = {
  vaddi8: stack(W.i8x16_add),
  vaddi16: stack(W.i16x8_add),
  vaddi32: stack(W.i32x4_add),
  vaddi64: stack(W.i64x2_add),
  vsubi8: stack(W.i8x16_sub),
  vsubi16: stack(W.i16x8_sub),
  vsubi32: stack(W.i32x4_sub),
  vsubi64: stack(W.i64x2_sub),
  vaddsats8: stack(W.i8x16_add_sat_s),
  vaddsats16: stack(W.i16x8_add_sat_s),
  vaddsatu8: stack(W.i8x16_add_sat_u),
  vaddsatu16: stack(W.i16x8_add_sat_u),
  vsubsats8: stack(W.i8x16_sub_sat_s),
  vsubsats16: stack(W.i16x8_sub_sat_s),
  vsubsatu8: stack(W.i8x16_sub_sat_u),
  vsubsatu16: stack(W.i16x8_sub_sat_u),
  vmins8: stack(W.i8x16_min_s),
  vmins16: stack(W.i16x8_min_s),
  vmins32: stack(W.i32x4_min_s),
  vminu8: stack(W.i8x16_min_u),
  vminu16: stack(W.i16x8_min_u),
  vminu32: stack(W.i32x4_min_u),
  vmaxs8: stack(W.i8x16_max_s),
  vmaxs16: stack(W.i16x8_max_s),
  vmaxs32: stack(W.i32x4_max_s),
  vmaxu8: stack(W.i8x16_max_u),
  vmaxu16: stack(W.i16x8_max_u),
  vmaxu32: stack(W.i32x4_max_u),
  vcmpeq8: stack(W.i8x16_eq),
  vcmpeq16: stack(W.i16x8_eq),
  vcmpeq32: stack(W.i32x4_eq),
  vcmpeq64: stack(W.i64x2_eq),
  vcmpgts8: stack(W.i8x16_gt_s),
  vcmpgts16: stack(W.i16x8_gt_s),
  vcmpgts32: stack(W.i32x4_gt_s),
  vcmpgts64: stack(W.i64x2_gt_s),
  vavgu8: stack(W.i8x16_avgr_u),
  vavgu16: stack(W.i16x8_avgr_u),
  vabs8: stack(W.i8x16_abs),
  vabs16: stack(W.i16x8_abs),
  vabs32: stack(W.i32x4_abs),
  vmullo16: stack(W.i16x8_mul),
  vmulhis16: multiplyHigh(W.i32x4_extmul_low_i16x8_s, W.i32x4_extmul_high_i16x8_s),
  vmulhiu16: multiplyHigh(W.i32x4_extmul_low_i16x8_u, W.i32x4_extmul_high_i16x8_u),
  vmullo32: stack(W.i32x4_mul),
  vmulwideu32: multiplyEven(W.i64x2_extmul_low_i32x4_u),
  vmulwides32: multiplyEven(W.i64x2_extmul_low_i32x4_s),
  vmadd16: stack(W.i32x4_dot_i16x8_s),
  vshl16: shift(16, W.i16x8_shl),
  vshl32: shift(32, W.i32x4_shl),
  vshl64: shift(64, W.i64x2_shl),
  vshr16: shift(16, W.i16x8_shr_u),
  vshr32: shift(32, W.i32x4_shr_u),
  vshr64: shift(64, W.i64x2_shr_u),
  vsar16: shiftSigned(16, W.i16x8_shr_s),
  vsar32: shiftSigned(32, W.i32x4_shr_s),
  vshlbytes: (e, { args: [x], imm }) => window(e, undefined, x, 16 - imm),
  vshrbytes: (e, { args: [x], imm }) => window(e, x, undefined, imm),
  vshuffle32: shuffle(({ imm }) => {
    const sources = shuffleSources(imm);
    return sixteen((n) => 4 * sources[n >> 2]! + (n & 3));
  }),
  vshufflelow16: shuffle16(0),
  vshufflehigh16: shuffle16(4),
  vshuffle8: (e, { args: [x, y] }) => {
    e.push(x!);
    e.push(y!);
    e.constantV128([0x8f8f_8f8f, 0x8f8f_8f8f, 0x8f8f_8f8f, 0x8f8f_8f8f]);
    e.code.op(W.v128_and);
    e.code.op(W.i8x16_swizzle);
  },
  vunpacklow8: shuffle(() => interleave(1, 0)),
  vunpacklow16: shuffle(() => interleave(2, 0)),
  vunpackhigh8: shuffle(() => interleave(1, 8)),
  vunpackhigh16: shuffle(() => interleave(2, 4)),
  vpacks16: stack(W.i8x16_narrow_i16x8_s),
  vpacks32: stack(W.i16x8_narrow_i32x4_s),
  vpacku16: stack(W.i8x16_narrow_i16x8_u),
  vpacku32: stack(W.i16x8_narrow_i32x4_u),
  valignr: (e, { args: [x, y], imm }) => imm <= 16 ? window(e, y, x, imm) : window(e, x, undefined, imm - 16),
  vsext8to16: stack(W.i16x8_extend_low_i8x16_s),
  vsext8to32: stack(W.i16x8_extend_low_i8x16_s, W.i32x4_extend_low_i16x8_s),
  vsext8to64: stack(W.i16x8_extend_low_i8x16_s, W.i32x4_extend_low_i16x8_s, W.i64x2_extend_low_i32x4_s),
  vsext16to32: stack(W.i32x4_extend_low_i16x8_s),
  vsext16to64: stack(W.i32x4_extend_low_i16x8_s, W.i64x2_extend_low_i32x4_s),
  vsext32to64: stack(W.i64x2_extend_low_i32x4_s),
  vzext8to16: stack(W.i16x8_extend_low_i8x16_u),
  vzext8to32: stack(W.i16x8_extend_low_i8x16_u, W.i32x4_extend_low_i16x8_u),
  vzext8to64: stack(W.i16x8_extend_low_i8x16_u, W.i32x4_extend_low_i16x8_u, W.i64x2_extend_low_i32x4_u),
  vzext16to32: stack(W.i32x4_extend_low_i16x8_u),
  vzext16to64: stack(W.i32x4_extend_low_i16x8_u, W.i64x2_extend_low_i32x4_u),
  vzext32to64: stack(W.i64x2_extend_low_i32x4_u),
  vbitselect: stack(W.v128_bitselect),
  vmask8: stack(W.i8x16_bitmask),
  vmask32: stack(W.i32x4_bitmask),
  vmask64: stack(W.i64x2_bitmask),
  vanytrue: stack(W.v128_any_true),
  vextract8: lane(W.i8x16_extract_lane_u),
  vextract16: lane(W.i16x8_extract_lane_u),
  vinsert8: lane(W.i8x16_replace_lane),
  vinsert16: lane(W.i16x8_replace_lane),
};

/** A call of the reference, which takes words and the immediate. */
const reference = (name: VectorOpcode): Lowering => (e, inst) =>
  e.callFlat(`V_${name}`, inst.args, inst.type, inst.imm);

/** The rows. */
export const VECTOR_LOWERING: Readonly<Record<VectorOpcode, Lowering>> = Object.fromEntries(
  (Object.keys(VECTOR_OPCODES) as VectorOpcode[]).map((name) => [name, DIRECT[name] ?? reference(name)]),
) as Record<VectorOpcode, Lowering>;
