/** One row an IR opcode: its WebAssembly, which leaves the result on the stack. */
import type { FloatOpcode } from "../../ir/float_opcodes.ts";
import type { Opcode } from "../../ir/opcodes.ts";
import type { Inst, Value } from "../../ir/types.ts";
import type { VectorOpcode } from "../../ir/vector_opcodes.ts";
import { Mode } from "../../cpu/mode.ts";
import { HELPER_NAMES, helperInfo, type HelperName } from "../../cpu/helpers.ts";
import { type Intrinsic, INTRINSICS } from "./intrinsics.ts";
import { changesMappings, isLeftBehind } from "./traits.ts";
import type { Emitter } from "./emitter.ts";
import { I32, I64, W } from "./instructions.ts";
import { FLOAT_INTRINSICS, FLOAT_LOWERING } from "./lowering_float.ts";
import { INTEGER_LOWERING, type IntegerLowering, type IntegerOpcode } from "./lowering_integer.ts";
import { VECTOR_LOWERING } from "./lowering_vector.ts";
import { MEMORY_LOWERING } from "./memory_access.ts";
import type { MemoryOpcode } from "./memory_opcodes.ts";

/** Writes the code of one operation. */
export type Lowering = (e: Emitter, inst: Inst) => void;

/** Operands in their order, then instructions. */
const stack = (...codes: number[]): Lowering => (e, { args }) => {
  for (const value of args) e.push(value);
  for (const code of codes) e.code.op(code);
};
/**
 * Whether floating point is computed in line (the plain mode): then lanes are taken as numbers and put back as such, for the
 * conversions to bits and from them cancel out, and numbers stay in the host's registers for them.
 */
const computesInLine = ({ block: { mode } }: Emitter): boolean => (mode & Mode.FP) === 0;

const IN_LINE: { readonly [K in HelperName]?: Intrinsic } = { ...INTRINSICS, ...FLOAT_INTRINSICS };

const callHelper: Lowering = (e, inst) => {
  const info = helperInfo(inst.imm), name = HELPER_NAMES[inst.imm]!;
  const isAll = info.state === "all";
  const call = (): void => {
    if (isAll) e.storeState();
    e.callFlat(`H_${name}`, inst.args, inst.type);
    if (isAll) e.loadState();
    if (changesMappings(inst) && !isLeftBehind(e.block, inst)) e.spans.settle(e.code);
    if (info.exits === true) e.checkEvent(inst);
  };
  if (isAll) e.materialize(e.plan.stateAt[inst.id]!);
  const intrinsic = IN_LINE[name];
  if (intrinsic === undefined) call();
  else intrinsic(e, inst, call);
};

const integerRow = (row: IntegerLowering): Lowering => (e, { args }) => row(e, args);
const INTEGER = Object.fromEntries(
  Object.entries(INTEGER_LOWERING).map(([op, row]) => [op, integerRow(row)]),
) as Record<IntegerOpcode, Lowering>;

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

  ...INTEGER,

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
