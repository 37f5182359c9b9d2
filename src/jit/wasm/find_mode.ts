/** The function that says the mode where it may have changed, so that the table of ways can be looked up there too. */
import { FloatMode, Mode, MXCSR_CONTROL, MXCSR_PE } from "../../cpu/mode.ts";
import { Mxcsr } from "../../cpu/float/soft.ts";
import { Flag } from "../../cpu/rflags.ts";
import {
  CPL,
  CR0,
  CR4,
  MXCSR,
  RFLAGS_SYSTEM,
  SEG_ATTRIBUTES,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
} from "../../cpu/state.ts";
import { Cr0, Cr4 } from "../../cpu/system/control_bits.ts";
import { ATTRIBUTE_L } from "../current_mode.ts";
import { FunctionCode } from "./encoder.ts";
import { I32, W } from "./instructions.ts";
import { pushIsAttentive, pushMasked } from "./state_cells.ts";

export type ModeFinder = () => number;

/** What it returns instead of a mode: no way has it. */
const NO_MODE = -1;
const CS_ATTRIBUTES = SEGMENT + SEGMENT_STRIDE * Segment.CS + SEG_ATTRIBUTES;
const USER_CPL = 3;
/** Mode.CODE_SIZE of 64-bit code. */
const CODE64 = 2;

/**
 * Its code: `currentMode` (current_mode.ts) in 64-bit code. In other code, where there is something to attend to, and where
 * each instruction is to be executed alone, it returns a mode that there is not: that is for the dispatcher to settle.
 */
export function findModeCode(): FunctionCode {
  const code = new FunctionCode([]), cpl = code.local(I32), mxcsr = code.local(I32), cr0 = code.local(I32);
  /** Leaves `bits` if there is something else than 0 on the stack, else 0. */
  const bitsIf = (bits: number): void => {
    code.op(W.i32_eqz);
    code.opWith(W.i32_sub, 1);
    code.opWith(W.i32_and, bits);
  };
  pushIsAttentive(code);
  pushMasked(code, RFLAGS_SYSTEM, Flag.TF | Flag.RF | Flag.VM);
  code.op(W.i32_or);
  pushMasked(code, CS_ATTRIBUTES, ATTRIBUTE_L);
  code.op(W.i32_eqz);
  code.op(W.i32_or);
  code.load(W.i32_load, CR0);
  code.tee(cr0);
  code.opWith(W.i32_and, Cr0.PE);
  code.op(W.i32_eqz);
  code.op(W.i32_or);
  code.openHinted(I32, 0);
  code.i32(NO_MODE);
  code.else();

  writeFloatMode(code, mxcsr);
  code.opWith(W.i32_shl, Mode.FP_SHIFT);
  code.opWith(W.i32_or, CODE64);
  pushMasked(code, CR4, Cr4.LA57);
  bitsIf(Mode.LA57);
  code.op(W.i32_or);
  code.get(cr0);
  code.opWith(W.i32_and, Cr0.TS | Cr0.EM);
  bitsIf(Mode.NO_FPU);
  code.op(W.i32_or);
  code.load(W.i32_load, CPL);
  code.tee(cpl);
  code.opWith(W.i32_eq, USER_CPL);
  code.open(W.if, I32);
  code.get(cr0);
  code.opWith(W.i32_and, Cr0.AM);
  bitsIf(Mode.ALIGN);
  pushMasked(code, RFLAGS_SYSTEM, Flag.AC);
  bitsIf(Mode.ALIGN);
  code.op(W.i32_and);
  code.opWith(W.i32_or, Mode.USER);
  code.else();
  code.get(cpl);
  bitsIf(Mode.MIDDLE);
  code.end();
  code.op(W.i32_or);
  code.end();
  return code;
}

/** Leaves the `FloatMode` that MXCSR says (`floatModeFor`). */
function writeFloatMode(code: FunctionCode, mxcsr: number): void {
  const isEqual = (mask: number): void => {
    code.get(mxcsr);
    code.opWith(W.i32_and, mask);
    code.opWith(W.i32_eq, Mxcsr.MASKS);
  };
  code.load(W.i32_load, MXCSR);
  code.set(mxcsr);
  isEqual(MXCSR_CONTROL);
  code.open(W.if, I32);
  code.i32(FloatMode.PLAIN);
  code.i32(FloatMode.UNROUNDED);
  code.get(mxcsr);
  code.opWith(W.i32_and, MXCSR_PE);
  code.op(W.select);
  code.else();
  code.i32(FloatMode.EXACT);
  code.i32(FloatMode.UNMASKED);
  isEqual(Mxcsr.MASKS);
  code.op(W.select);
  code.end();
}
