/**
 * SYSCALL and SYSRET in WebAssembly where a kernel of the guest makes system calls: what cpu/system/fast_calls.ts does, with
 * the slot that the other privilege level has (memory/world_links.ts) instead of a look-up. SDM vol. 2B, "SYSCALL", "SYSRET".
 */
import { Flag, SYSTEM_FLAGS } from "../../cpu/rflags.ts";
import {
  AF,
  BUDGET,
  CF,
  CPL,
  CR4,
  DF,
  EFER,
  GPR,
  Gpr,
  MSR_FMASK,
  MSR_LSTAR,
  MSR_STAR,
  OF,
  PF,
  RETURN_HI,
  RFLAGS_SYSTEM,
  RIP,
  SEG_ATTRIBUTES,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SELECTOR,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
  SF,
  SWITCHES_OBSERVED,
  TLB_BASE,
  ZF,
} from "../../cpu/state.ts";
import { Cr4, Efer } from "../../cpu/system/control_bits.ts";
import { SYSRET_FLAGS } from "../../cpu/system/fast_calls.ts";
import { CODE64, DATA, USER } from "../../cpu/system/flat_segments.ts";
import { WorldSwitch, type WorldSwitchKind } from "../../cpu/system/world_switches.ts";
import { SLOT_SYSCALL_LINK, SLOT_SYSRET_LINK } from "../../memory/physical.ts";
import { ATTRIBUTE_L } from "../current_mode.ts";
import { CallOutcome } from "../system_calls.ts";
import { FunctionCode, type Imports, type Label } from "./encoder.ts";
import { I32, I64, VOID, W } from "./instructions.ts";
import { countSwitch, payForSwitch, pushMasked, storeCell } from "./state_cells.ts";

/** Names of what is called where there is no link, or the state is another than in most calls. */
export const SLOW_SYSCALL = "SLOW_SYSCALL", SLOW_SYSRET = "SLOW_SYSRET";

export type SystemCallMaker = () => number;
export type SystemReturn = (size: number) => number;

const CS = SEGMENT + SEGMENT_STRIDE * Segment.CS, SS = SEGMENT + SEGMENT_STRIDE * Segment.SS;
const RCX = GPR + 8 * Gpr.RCX, R11 = GPR + 8 * Gpr.R11;
/** Bits above those of canonical addresses, where these have 48. */
const BEYOND_48 = 16;
/** Positions of flags in RFLAGS, and of the bits that SF and OF are in their cells. */
const DF_BIT = 10, SF_TO_SIGN = 24, OF_TO_SIGN = 20, ZF_BIT = 6;

/** SYSCALL when RCX and R11 are written and RIP is behind it: returns the outcome (jit/system_calls.ts). */
export function systemCallCode(imports: Imports): FunctionCode {
  const code = new FunctionCode([]), w = new Writer(code);
  const mask = code.local(I32), selector = code.local(I32);
  const slow = code.open(W.block, VOID);
  w.findLink(SLOT_SYSCALL_LINK, slow);
  code.load(W.i32_load, MSR_FMASK);
  code.set(mask);
  // Where supervisor accesses to user pages are prevented, RFLAGS.AC would make it another world.
  code.load(W.i32_load, RFLAGS_SYSTEM);
  w.unmasked(mask, 0);
  code.opWith(W.i32_and, Flag.AC);
  code.brIfRarely(slow);
  pushMasked(code, MSR_STAR + 4, 0xfffc);
  code.set(selector);
  w.loadSegment(CS, CODE64, () => code.get(selector));
  w.loadSegment(SS, DATA, () => w.plus(selector, 8));
  storeCell(code, W.i32_store, CPL, () => code.i32(0));
  storeCell(code, W.i64_store, RIP, () => code.load(W.i64_load, MSR_LSTAR));
  const clear = (cell: number, shift: number, also = 0): void =>
    storeCell(code, W.i32_store, cell, () => {
      code.load(W.i32_load, cell);
      w.unmasked(mask, shift);
      if (also === 0) return;
      code.opWith(W.i32_and, ~also);
    });
  clear(RFLAGS_SYSTEM, 0, Flag.RF);
  clear(CF, 0);
  clear(AF, 0);
  clear(DF, -DF_BIT);
  clear(SF, SF_TO_SIGN);
  clear(OF, OF_TO_SIGN);
  // ZF is set where its cell is 0, PF where the low byte has an even number of ones.
  storeCell(code, W.i32_store, ZF, () => {
    code.load(W.i32_load, ZF);
    w.bit(mask, ZF_BIT);
    code.op(W.i32_or);
  });
  storeCell(code, W.i32_store, PF, () => {
    code.i32(1);
    code.load(W.i32_load, PF);
    code.get(mask);
    code.opWith(W.i32_and, Flag.PF);
    code.op(W.select);
  });
  w.enterLinked(WorldSwitch.SYSCALL);
  code.i32(CallOutcome.ELSEWHERE);
  code.op(W.return);
  code.end();
  code.call(imports.index(SLOW_SYSCALL, [], true));
  return code;
}

/** The helper `sysret`: operand size; returns RIP. */
export function systemReturnCode(imports: Imports): FunctionCode {
  const code = new FunctionCode([I32]), w = new Writer(code), size = 0;
  const base = code.local(I32), flags = code.local(I32), target = code.local(I64);
  const slow = code.open(W.block, VOID);
  w.findLink(SLOT_SYSRET_LINK, slow);
  // What is rare: other operand sizes, what faults, and 57-bit addresses.
  code.get(size);
  code.opWith(W.i32_ne, 8);
  code.load(W.i32_load, CPL);
  code.op(W.i32_or);
  pushMasked(code, CR4, Cr4.LA57);
  code.op(W.i32_or);
  pushMasked(code, EFER, Efer.SCE);
  code.op(W.i32_eqz);
  code.op(W.i32_or);
  pushMasked(code, CS + SEG_ATTRIBUTES, ATTRIBUTE_L);
  code.op(W.i32_eqz);
  code.op(W.i32_or);
  code.load(W.i64_load, RCX);
  code.tee(target);
  code.i64(BEYOND_48, 0);
  code.op(W.i64_shl);
  code.i64(BEYOND_48, 0);
  code.op(W.i64_shr_s);
  code.get(target);
  code.op(W.i64_ne);
  code.op(W.i32_or);
  code.brIfRarely(slow);
  code.load(W.i32_load, MSR_STAR + 4);
  code.opWith(W.i32_shr_u, 16);
  code.set(base);
  const selector = (offset: number): void => {
    w.plus(base, offset);
    code.opWith(W.i32_or, 3);
  };
  w.loadSegment(CS, CODE64 | USER, () => selector(16));
  w.loadSegment(SS, DATA | USER, () => selector(8));
  storeCell(code, W.i32_store, CPL, () => code.i32(3));
  pushMasked(code, R11, SYSRET_FLAGS);
  code.set(flags);
  const take = (cell: number, bits: number): void =>
    storeCell(code, W.i32_store, cell, () => {
      code.get(flags);
      code.opWith(W.i32_and, bits);
    });
  const takeShifted = (cell: number, shift: number): void =>
    storeCell(code, W.i32_store, cell, () => {
      code.get(flags);
      code.opWith(W.i32_shl, shift);
    });
  const takeInverted = (cell: number, bit: number): void =>
    storeCell(code, W.i32_store, cell, () => {
      code.get(flags);
      code.opWith(W.i32_and, bit);
      code.op(W.i32_eqz);
    });
  take(RFLAGS_SYSTEM, SYSTEM_FLAGS);
  take(CF, Flag.CF);
  take(AF, Flag.AF);
  takeInverted(PF, Flag.PF);
  takeInverted(ZF, Flag.ZF);
  takeShifted(SF, SF_TO_SIGN);
  takeShifted(OF, OF_TO_SIGN);
  storeCell(code, W.i32_store, DF, () => w.bit(flags, DF_BIT));
  w.enterLinked(WorldSwitch.SYSRET);
  storeCell(code, W.i32_store, RETURN_HI, () => {
    code.get(target);
    code.i64(32, 0);
    code.op(W.i64_shr_u);
    code.op(W.i32_wrap_i64);
  });
  code.get(target);
  code.op(W.i32_wrap_i64);
  code.op(W.return);
  code.end();
  code.get(size);
  code.call(imports.index(SLOW_SYSRET, [I32], true));
  return code;
}

class Writer {
  /** Local: the slot that is linked. */
  readonly #link: number;

  constructor(readonly code: FunctionCode) {
    this.#link = code.local(I32);
  }

  plus(local: number, offset: number): void {
    const { code } = this;
    code.get(local);
    code.opWith(W.i32_add, offset);
    code.opWith(W.i32_and, 0xffff);
  }

  bit(local: number, bit: number): void {
    const { code } = this;
    code.get(local);
    code.opWith(W.i32_shr_u, bit);
    code.opWith(W.i32_and, 1);
  }

  /** Clears of what is on the stack the bits of a local, shifted to the left. */
  unmasked(local: number, shift: number): void {
    const { code } = this;
    code.get(local);
    if (shift !== 0) {
      code.i32(Math.abs(shift));
      code.op(shift > 0 ? W.i32_shl : W.i32_shr_u);
    }
    code.opWith(W.i32_xor, -1);
    code.op(W.i32_and);
  }

  /** Finds the slot that a link of the current one leads to; branches out if there is none, or somebody listens. */
  findLink(offset: number, slow: Label): void {
    const { code } = this;
    code.load(W.i32_load, SWITCHES_OBSERVED);
    code.brIfRarely(slow);
    code.load(W.i32_load, TLB_BASE);
    code.memory(W.i32_load, offset);
    code.tee(this.#link);
    code.op(W.i32_eqz);
    code.brIfRarely(slow);
  }

  /** Enters it, and counts. */
  enterLinked(kind: WorldSwitchKind): void {
    const { code } = this, link = this.#link;
    storeCell(code, W.i32_store, TLB_BASE, () => code.get(link));
    countSwitch(code, kind);
    storeCell(code, W.i32_store, BUDGET, () => {
      code.load(W.i32_load, BUDGET);
      payForSwitch(code, kind);
    });
  }

  /** Loads a flat segment. */
  loadSegment(cell: number, attributes: number, pushSelector: () => void): void {
    const { code } = this;
    storeCell(code, W.i32_store, cell + SEG_SELECTOR, pushSelector);
    storeCell(code, W.i32_store, cell + SEG_LIMIT, () => code.i32(-1));
    storeCell(code, W.i32_store, cell + SEG_ATTRIBUTES, () => code.i32(attributes));
    storeCell(code, W.i64_store, cell + SEG_BASE, () => code.i64(0, 0));
  }
}
