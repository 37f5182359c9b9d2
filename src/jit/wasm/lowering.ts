/** One row an IR opcode: its WebAssembly, which leaves the result on the stack. */
import type { FloatOpcode } from "../../ir/float_opcodes.ts";
import type { Opcode } from "../../ir/opcodes.ts";
import type { Inst, Value } from "../../ir/types.ts";
import type { VectorOpcode } from "../../ir/vector_opcodes.ts";
import { Mode } from "../../cpu/mode.ts";
import { HELPER_NAMES, helperInfo, type HelperName } from "../../cpu/helpers.ts";
import { type Intrinsic, INTRINSICS } from "./intrinsics.ts";
import { changesMappings } from "./traits.ts";
import type { Emitter } from "./emitter.ts";
import { I32, I64, W } from "./instructions.ts";
import { FLOAT_INTRINSICS, FLOAT_LOWERING } from "./lowering_float.ts";
import { VECTOR_LOWERING } from "./lowering_vector.ts";
import { MEMORY_LOWERING, type MemoryOpcode } from "./memory_access.ts";

/** Writes the code of one operation. */
export type Lowering = (e: Emitter, inst: Inst) => void;

/** Operands in their order, then instructions. */
const stack = (...codes: number[]): Lowering => (e, { args }) => {
  for (const value of args) e.push(value);
  for (const code of codes) e.code.op(code);
};
/** A shift or rotation of 64 bits by an i32. */
const shift64 = (code: number): Lowering => (e, { args: [value, count] }) => {
  e.push(value!);
  if (count!.op === "const32") {
    e.code.i64(count!.imm & 63, 0);
  } else {
    e.push(count!);
    e.code.op(W.i64_extend_i32_u);
  }
  e.code.op(code);
};
/**
 * Whether floating point is computed in line (the plain mode): then lanes are taken as numbers and put back as such, for the
 * conversions to bits and from them cancel out, and numbers stay in the host's registers for them.
 */
const computesInLine = ({ block: { mode } }: Emitter): boolean => (mode & Mode.FP) === 0;
const select: Lowering = (e, { args: [condition, x, y] }) => {
  e.push(x!);
  e.push(y!);
  e.push(condition!);
  e.code.op(W.select);
};
/** Replaces bits of a register: those of `mask`, `shift` bits up. */
const insert = (mask: number, shift: number): Lowering => (e, { args: [x, y] }) => {
  const { code } = e, kept = ~(mask << shift);
  e.push(x!);
  code.i64(kept, -1);
  code.op(W.i64_and);
  e.push(y!);
  code.i32(mask);
  code.op(W.i32_and);
  if (shift !== 0) {
    code.i32(shift);
    code.op(W.i32_shl);
  }
  code.op(W.i64_extend_i32_u);
  code.op(W.i64_or);
};
const constant64 = (code: Emitter["code"], value: bigint): void =>
  code.i64(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));

const bswap32: Lowering = (e, { args: [x] }) => {
  const { code } = e, local = e.operand(x!);
  for (const [rotation, mask] of [[8, 0x00ff_00ff], [24, 0xff00_ff00 | 0]] as const) {
    code.get(local);
    code.i32(rotation);
    code.op(W.i32_rotl);
    code.i32(mask);
    code.op(W.i32_and);
  }
  code.op(W.i32_or);
};
const bswap64: Lowering = (e, { args: [x] }) => {
  const { code } = e, t = e.scratch(I64);
  e.push(x!);
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
function multiplyHigh(e: Emitter, x: number, y: number): void {
  const { code } = e, middle = e.scratch(I64);
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
function multiplyHighSigned(e: Emitter, x: number, y: number): void {
  const { code } = e;
  multiplyHigh(e, x, y);
  for (const [sign, factor] of [[x, y], [y, x]] as const) {
    code.get(sign);
    code.i64(63, 0);
    code.op(W.i64_shr_s);
    code.get(factor);
    code.op(W.i64_and);
    code.op(W.i64_sub);
  }
}

const IN_LINE: { readonly [K in HelperName]?: Intrinsic } = { ...INTRINSICS, ...FLOAT_INTRINSICS };

const callHelper: Lowering = (e, inst) => {
  const info = helperInfo(inst.imm), name = HELPER_NAMES[inst.imm]!;
  const isAll = info.state === "all";
  const call = (): void => {
    if (isAll) e.storeState();
    e.callFlat(`H_${name}`, inst.args, inst.type);
    if (isAll) e.loadState();
    if (changesMappings(inst)) e.spans.settle(e.code);
    if (info.exits === true) e.checkEvent(inst);
  };
  if (isAll) e.materialize(e.plan.stateAt[inst.id]!);
  const intrinsic = IN_LINE[name];
  if (intrinsic === undefined) call();
  else intrinsic(e, inst, call);
};

type CoreOpcode = Exclude<Opcode, VectorOpcode | FloatOpcode | MemoryOpcode>;

const CORE: Record<CoreOpcode, Lowering> = {
  const32: (e, { imm }) => e.code.i32(imm),
  const64: (e, { imm, imm2 }) => e.code.i64(imm, imm2),
  get32: (e, inst) => e.readCell(inst),
  get64: (e, inst) => e.readCell(inst),
  getv: (e, inst) => e.readCell(inst),
  set32: (e, inst) => e.writeCell(inst),
  set64: (e, inst) => e.writeCell(inst),
  setv: (e, inst) => e.writeCell(inst),

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
  mulhu64: (e, { args: [x, y] }) => multiplyHigh(e, e.operand(x!), e.operand(y!)),
  mulhs64: (e, { args: [x, y] }) => multiplyHighSigned(e, e.operand(x!), e.operand(y!)),
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
  hi: (e, { args: [x] }) => {
    e.push(x!);
    e.code.i64(32, 0);
    e.code.op(W.i64_shr_u);
    e.code.op(W.i32_wrap_i64);
  },
  zext: stack(W.i64_extend_i32_u),
  sext: stack(W.i64_extend_i32_s),
  pair: (e, { args: [lo, hi] }) => {
    e.push(lo!);
    e.code.op(W.i64_extend_i32_u);
    e.push(hi!);
    e.joinHigh();
  },
  mulwideu32: (e, { args }) => product(e, args, W.i64_extend_i32_u),
  mulwides32: (e, { args }) => product(e, args, W.i64_extend_i32_s),
  mulo32: (e, { args }) => {
    const whole = e.scratch(I64);
    product(e, args, W.i64_extend_i32_s);
    e.code.tee(whole);
    e.code.get(whole);
    e.code.op(W.i64_extend32_s);
    e.code.op(W.i64_ne);
  },
  mulo64: (e, { args }) => {
    const x = e.operand(args[0]!), y = e.operand(args[1]!);
    multiplyHighSigned(e, x, y);
    e.code.get(x);
    e.code.get(y);
    e.code.op(W.i64_mul);
    e.code.i64(63, 0);
    e.code.op(W.i64_shr_s);
    e.code.op(W.i64_ne);
  },
  insert8: insert(0xff, 0),
  insert8high: insert(0xff, 8),
  insert16: insert(0xffff, 0),

  faultIf: (e, inst) => {
    e.push(inst.args[0]!);
    e.code.openHinted(0x40, 0);
    e.code.i32(inst.imm);
    e.code.i32(inst.imm2);
    e.call("RAISE", 2, false);
    e.leaveBefore(inst);
    e.code.end();
  },
  call: callHelper,
  callpure: callHelper,

  vconst: (e, { imm }) => e.constantV128([imm, imm, imm, imm]),
  vextract32: (e, { args: [x], imm }) => {
    e.push(x!);
    e.code.lane(W.i32x4_extract_lane, imm);
  },
  vextract64: (e, { args: [x], imm }) => {
    e.push(x!);
    if (!computesInLine(e)) return e.code.lane(W.i64x2_extract_lane, imm);
    e.code.lane(W.f64x2_extract_lane, imm);
    e.code.op(W.i64_reinterpret_f64);
  },
  vinsert32: (e, { args: [x, y], imm }) => {
    e.push(x!);
    e.push(y!);
    e.code.lane(W.i32x4_replace_lane, imm);
  },
  vinsert64: (e, { args: [x, y], imm }) => {
    e.push(x!);
    e.push(y!);
    if (!computesInLine(e)) return e.code.lane(W.i64x2_replace_lane, imm);
    e.code.op(W.f64_reinterpret_i64);
    e.code.lane(W.f64x2_replace_lane, imm);
  },
  vpair: (e, { args: [lo, hi] }) => {
    if (hi!.op === "const64" && hi!.imm === 0 && hi!.imm2 === 0) {
      e.constantV128([0, 0, 0, 0]);
      e.push(lo!);
      e.code.op(W.f64_reinterpret_i64);
      return e.code.lane(W.f64x2_replace_lane, 0);
    }
    e.push(lo!);
    e.code.op(W.i64x2_splat);
    e.push(hi!);
    e.code.lane(W.i64x2_replace_lane, 1);
  },
  vand: stack(W.v128_and),
  vor: stack(W.v128_or),
  vxor: stack(W.v128_xor),
  vandn: (e, { args: [x, y] }) => {
    e.push(y!);
    e.push(x!);
    e.code.op(W.v128_andnot);
  },
};

function product(e: Emitter, [x, y]: readonly Value[], extend: number): void {
  e.push(x!);
  e.code.op(extend);
  e.push(y!);
  e.code.op(extend);
  e.code.op(W.i64_mul);
}

/** All rows. */
export const LOWERING: Readonly<Record<Opcode, Lowering>> = {
  ...CORE,
  ...MEMORY_LOWERING,
  ...VECTOR_LOWERING,
  ...FLOAT_LOWERING,
};

/** Type of the local of a value. */
export function localType({ type }: Value): number {
  return type === "i64" ? I64 : type === "v128" ? 0x7b : I32;
}
