/**
 * Rows of the opcodes on integers: their WebAssembly, which leaves the result on the stack. Regions have their operands in
 * locals, the interpreter's loop in the value file: rows know neither.
 */
import type { Opcode } from "../../ir/opcodes.ts";
import type { FunctionCode } from "./encoder.ts";
import { I64, W } from "./instructions.ts";

/** What rows are written with. */
export interface IntegerWriter<V> {
  readonly code: FunctionCode;
  /** Leaves an operand on the stack. */
  push(operand: V): void;
  /** Leaves the count of a shift or rotation of 64 bits as an i64. */
  pushCount(operand: V): void;
  /** A local that holds an operand. */
  operand(operand: V): number;
  /** A local that is free when the row has been written. */
  scratch(type: number): number;
}

/** Writes the code of one operation. */
export type IntegerLowering = <V>(to: IntegerWriter<V>, operands: readonly V[]) => void;

/** Operands in their order, then instructions. */
const stack = (...codes: number[]): IntegerLowering => (to, operands) => {
  for (const operand of operands) to.push(operand);
  for (const code of codes) to.code.op(code);
};
/** A shift or rotation of 64 bits by an i32. */
const shift64 = (code: number): IntegerLowering => (to, [value, count]) => {
  to.push(value!);
  to.pushCount(count!);
  to.code.op(code);
};
const select: IntegerLowering = (to, [condition, x, y]) => {
  to.push(x!);
  to.push(y!);
  to.push(condition!);
  to.code.op(W.select);
};
/** Replaces bits of a register: those of `mask`, `shift` bits up. */
const insert = (mask: number, shift: number): IntegerLowering => (to, [x, y]) => {
  const { code } = to, kept = ~(mask << shift);
  to.push(x!);
  code.i64(kept, -1);
  code.op(W.i64_and);
  to.push(y!);
  code.i32(mask);
  code.op(W.i32_and);
  if (shift !== 0) {
    code.i32(shift);
    code.op(W.i32_shl);
  }
  code.op(W.i64_extend_i32_u);
  code.op(W.i64_or);
};
const constant64 = (code: FunctionCode, value: bigint): void =>
  code.i64(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));

/** Joins an i64 with an i32 on the stack above it, which becomes the upper half. */
export function joinHigh(code: FunctionCode): void {
  code.op(W.i64_extend_i32_u);
  code.i64(32, 0);
  code.op(W.i64_shl);
  code.op(W.i64_or);
}

const bswap32: IntegerLowering = (to, [x]) => {
  const { code } = to, local = to.operand(x!);
  for (const [rotation, mask] of [[8, 0x00ff_00ff], [24, 0xff00_ff00 | 0]] as const) {
    code.get(local);
    code.i32(rotation);
    code.op(W.i32_rotl);
    code.i32(mask);
    code.op(W.i32_and);
  }
  code.op(W.i32_or);
};
const bswap64: IntegerLowering = (to, [x]) => {
  const { code } = to, t = to.scratch(I64);
  to.push(x!);
  for (const [bits, mask] of [[8, 0x00ff_00ff_00ff_00ffn], [16, 0x0000_ffff_0000_ffffn]] as const) {
    code.tee(t);
    constant64(code, mask);
    code.op(W.i64_and);
    code.i64(bits, 0);
    code.op(W.i64_shl);
    code.get(t);
    code.i64(bits, 0);
    code.op(W.i64_shr_u);
    constant64(code, mask);
    code.op(W.i64_and);
    code.op(W.i64_or);
  }
  code.i64(32, 0);
  code.op(W.i64_rotl);
};

/** Upper half of the unsigned product of two locals: schoolbook multiplication of 32-bit halves. */
function multiplyHigh<V>(to: IntegerWriter<V>, x: number, y: number): void {
  const { code } = to, middle = to.scratch(I64);
  const low = (local: number): void => {
    code.get(local);
    code.i64(-1, 0);
    code.op(W.i64_and);
  };
  const high = (local: number): void => {
    code.get(local);
    code.i64(32, 0);
    code.op(W.i64_shr_u);
  };
  high(x);
  low(y);
  code.op(W.i64_mul);
  low(x);
  low(y);
  code.op(W.i64_mul);
  code.i64(32, 0);
  code.op(W.i64_shr_u);
  code.op(W.i64_add);
  code.set(middle);
  low(x);
  high(y);
  code.op(W.i64_mul);
  low(middle);
  code.op(W.i64_add);
  code.i64(32, 0);
  code.op(W.i64_shr_u);
  high(x);
  high(y);
  code.op(W.i64_mul);
  code.op(W.i64_add);
  high(middle);
  code.op(W.i64_add);
}
/** The signed one: the unsigned, less each factor where the other is negative. */
function multiplyHighSigned<V>(to: IntegerWriter<V>, x: number, y: number): void {
  const { code } = to;
  multiplyHigh(to, x, y);
  for (const [sign, factor] of [[x, y], [y, x]] as const) {
    code.get(sign);
    code.i64(63, 0);
    code.op(W.i64_shr_s);
    code.get(factor);
    code.op(W.i64_and);
    code.op(W.i64_sub);
  }
}

function product<V>(to: IntegerWriter<V>, [x, y]: readonly V[], extend: number): void {
  to.push(x!);
  to.code.op(extend);
  to.push(y!);
  to.code.op(extend);
  to.code.op(W.i64_mul);
}

/** All of them. */
export const INTEGER_LOWERING = {
  add32: stack(W.i32_add),
  sub32: stack(W.i32_sub),
  mul32: stack(W.i32_mul),
  and32: stack(W.i32_and),
  or32: stack(W.i32_or),
  xor32: stack(W.i32_xor),
  shl32: stack(W.i32_shl),
  shr32: stack(W.i32_shr_u),
  sar32: stack(W.i32_shr_s),
  rotl32: stack(W.i32_rotl),
  rotr32: stack(W.i32_rotr),
  eq32: stack(W.i32_eq),
  ne32: stack(W.i32_ne),
  ltu32: stack(W.i32_lt_u),
  lts32: stack(W.i32_lt_s),
  leu32: stack(W.i32_le_u),
  les32: stack(W.i32_le_s),
  clz32: stack(W.i32_clz),
  ctz32: stack(W.i32_ctz),
  popcnt32: stack(W.i32_popcnt),
  bswap32,
  sext8: stack(W.i32_extend8_s),
  sext16: stack(W.i32_extend16_s),
  select32: select,

  add64: stack(W.i64_add),
  sub64: stack(W.i64_sub),
  mul64: stack(W.i64_mul),
  mulhu64: (to, [x, y]) => multiplyHigh(to, to.operand(x!), to.operand(y!)),
  mulhs64: (to, [x, y]) => multiplyHighSigned(to, to.operand(x!), to.operand(y!)),
  and64: stack(W.i64_and),
  or64: stack(W.i64_or),
  xor64: stack(W.i64_xor),
  shl64: shift64(W.i64_shl),
  shr64: shift64(W.i64_shr_u),
  sar64: shift64(W.i64_shr_s),
  rotl64: shift64(W.i64_rotl),
  rotr64: shift64(W.i64_rotr),
  eq64: stack(W.i64_eq),
  ne64: stack(W.i64_ne),
  ltu64: stack(W.i64_lt_u),
  lts64: stack(W.i64_lt_s),
  leu64: stack(W.i64_le_u),
  les64: stack(W.i64_le_s),
  clz64: stack(W.i64_clz, W.i32_wrap_i64),
  ctz64: stack(W.i64_ctz, W.i32_wrap_i64),
  popcnt64: stack(W.i64_popcnt, W.i32_wrap_i64),
  bswap64,
  select64: select,

  lo: stack(W.i32_wrap_i64),
  hi: (to, [x]) => {
    to.push(x!);
    to.code.i64(32, 0);
    to.code.op(W.i64_shr_u);
    to.code.op(W.i32_wrap_i64);
  },
  zext: stack(W.i64_extend_i32_u),
  sext: stack(W.i64_extend_i32_s),
  pair: (to, [lo, hi]) => {
    to.push(lo!);
    to.code.op(W.i64_extend_i32_u);
    to.push(hi!);
    joinHigh(to.code);
  },
  mulwideu32: (to, operands) => product(to, operands, W.i64_extend_i32_u),
  mulwides32: (to, operands) => product(to, operands, W.i64_extend_i32_s),
  mulo32: (to, operands) => {
    const whole = to.scratch(I64);
    product(to, operands, W.i64_extend_i32_s);
    to.code.tee(whole);
    to.code.get(whole);
    to.code.op(W.i64_extend32_s);
    to.code.op(W.i64_ne);
  },
  mulo64: (to, operands) => {
    const x = to.operand(operands[0]!), y = to.operand(operands[1]!);
    multiplyHighSigned(to, x, y);
    to.code.get(x);
    to.code.get(y);
    to.code.op(W.i64_mul);
    to.code.i64(63, 0);
    to.code.op(W.i64_shr_s);
    to.code.op(W.i64_ne);
  },
  insert8: insert(0xff, 0),
  insert8high: insert(0xff, 8),
  insert16: insert(0xffff, 0),
} as const satisfies Partial<Record<Opcode, IntegerLowering>>;

/** Opcodes that depend on integers only. */
export type IntegerOpcode = keyof typeof INTEGER_LOWERING;
