/**
 * SYSCALL and SYSRET in WebAssembly where a kernel of the guest makes system calls: what cpu/system/fast_calls.ts does, with
 * the slot that the other privilege level has (memory/world_links.ts) instead of a look-up. SDM vol. 2B, "SYSCALL", "SYSRET".
 */
import { Flag } from "../../cpu/rflags.ts";
import {
  AF,
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
  RFLAGS_SYSTEM,
  RIP,
  SEG_ATTRIBUTES,
  SF,
  ZF,
} from "../../cpu/state.ts";
import { Cr4, Efer } from "../../cpu/system/control_bits.ts";
import { SYSRET_FLAGS } from "../../cpu/system/fast_calls.ts";
import { CODE64, DATA, USER } from "../../cpu/system/flat_segments.ts";
import { RingLink } from "../../cpu/system/world_control.ts";
import { WorldSwitch } from "../../cpu/system/world_switches.ts";
import { ATTRIBUTE_L } from "../current_mode.ts";
import { CallOutcome } from "../system_calls.ts";
import { FunctionCode, type Imports } from "./encoder.ts";
import { I32, I64, VOID, W } from "./instructions.ts";
import { CS, DF_BIT, OF_TO_SIGN, RingWriter, SF_TO_SIGN, SS, ZF_BIT } from "./ring_writer.ts";
import { pushMasked, storeCell } from "./state_cells.ts";

/** Names of what is called where there is no link, or the state is another than in most calls. */
export const SLOW_SYSCALL = "SLOW_SYSCALL", SLOW_SYSRET = "SLOW_SYSRET";

export type SystemCallMaker = () => number;
export type SystemReturn = (size: number) => number;

const RCX = GPR + 8 * Gpr.RCX, R11 = GPR + 8 * Gpr.R11;

/** SYSCALL when RCX and R11 are written and RIP is behind it: returns the outcome (jit/system_calls.ts). */
export function systemCallCode(imports: Imports): FunctionCode {
  const code = new FunctionCode([]), w = new RingWriter(code);
  const mask = code.local(I32), selector = code.local(I32);
  const slow = code.open(W.block, VOID);
  w.leaveIfObserved(slow);
  w.findLink(RingLink.SYSCALL, slow);
  code.load(W.i32_load, MSR_FMASK);
  code.set(mask);
  // Where supervisor accesses to user pages are prevented, RFLAGS.AC would make it another world.
  code.load(W.i32_load, RFLAGS_SYSTEM);
  w.unmasked(mask, 0);
  code.opWith(W.i32_and, Flag.AC);
  code.brIfRarely(slow);
  pushMasked(code, MSR_STAR + 4, 0xfffc);
  code.set(selector);
  w.loadSegment(CS, () => code.i32(CODE64), () => code.get(selector));
  w.loadSegment(SS, () => code.i32(DATA), () => w.plus(selector, 8));
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
  w.enterLinked();
  w.count(WorldSwitch.SYSCALL);
  code.i32(CallOutcome.ELSEWHERE);
  code.op(W.return);
  code.end();
  code.call(imports.index(SLOW_SYSCALL, [], true));
  return code;
}

/** The helper `sysret`: operand size; returns RIP. */
export function systemReturnCode(imports: Imports): FunctionCode {
  const code = new FunctionCode([I32]), w = new RingWriter(code), size = 0;
  const base = code.local(I32), flags = code.local(I32), target = code.local(I64);
  const slow = code.open(W.block, VOID);
  w.leaveIfObserved(slow);
  w.findLink(RingLink.TO_USER, slow);
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
  code.set(target);
  w.isBeyond48(target);
  code.op(W.i32_or);
  code.brIfRarely(slow);
  code.load(W.i32_load, MSR_STAR + 4);
  code.opWith(W.i32_shr_u, 16);
  code.set(base);
  const selector = (offset: number): void => {
    w.plus(base, offset);
    code.opWith(W.i32_or, 3);
  };
  w.loadSegment(CS, () => code.i32(CODE64 | USER), () => selector(16));
  w.loadSegment(SS, () => code.i32(DATA | USER), () => selector(8));
  storeCell(code, W.i32_store, CPL, () => code.i32(3));
  pushMasked(code, R11, SYSRET_FLAGS);
  code.set(flags);
  w.takeFlags(flags);
  w.enterLinked();
  w.count(WorldSwitch.SYSRET);
  w.returnTo(target);
  code.end();
  code.get(size);
  code.call(imports.index(SLOW_SYSRET, [I32], true));
  return code;
}
