/** RFLAGS as one value: packing the flag cells, and unpacking with the rules of who may change what. */
import type { Value } from "../../ir/types.ts";
import { Vector } from "../../cpu/fault.ts";
import { Mode } from "../../cpu/mode.ts";
import { Flag } from "../../cpu/rflags.ts";
import { AF, CPL, DF, OF, PF, RFLAGS_SYSTEM, SF, ZF } from "../../cpu/state.ts";
import { parity } from "../conditions.ts";
import { bitToSignCell } from "../flags.ts";
import type { Translator } from "../translator.ts";

/** CF, PF, AF, ZF and SF where RFLAGS has them, with bit 1 set. */
export function lowFlags(t: Translator): Value {
  const { ir } = t;
  const at = (cell: Value, bit: number): Value => ir.shl(cell, ir.i32(bit));
  const zero = ir.eq(ir.get(ZF, "i32"), ir.i32(0));
  const sign = ir.shr(ir.get(SF, "i32"), ir.i32(31));
  let flags = ir.or(t.carry(), ir.i32(Flag.FIXED));
  flags = ir.or(flags, at(parity(ir, ir.get(PF, "i32")), 2));
  flags = ir.or(flags, ir.and(ir.get(AF, "i32"), ir.i32(Flag.AF)));
  flags = ir.or(flags, at(zero, 6));
  return ir.or(flags, at(sign, 7));
}

/** RFLAGS as i32. */
export function packedFlags(t: Translator): Value {
  const { ir } = t;
  const overflow = ir.shr(ir.get(OF, "i32"), ir.i32(31));
  const upper = ir.or(ir.shl(overflow, ir.i32(11)), ir.shl(ir.get(DF, "i32"), ir.i32(10)));
  return ir.or(ir.or(lowFlags(t), upper), ir.get(RFLAGS_SYSTEM, "i32"));
}

/** Sets CF, PF, AF, ZF and SF from an image of RFLAGS. */
export function unpackLow(t: Translator, image: Value, overflow: Value | undefined): void {
  const { ir } = t;
  t.setFlags({
    cf: ir.and(image, ir.i32(Flag.CF)),
    // One bit set is odd parity, none is even.
    pf: ir.and(ir.not(image), ir.i32(Flag.PF)),
    af: image,
    zf: ir.and(ir.not(image), ir.i32(Flag.ZF)),
    sf: bitToSignCell(ir, image, 7),
    ...(overflow === undefined ? {} : { of: overflow }),
  });
}

/** Sets RFLAGS from an image, as far as CPL, IOPL and the operand size allow. */
export function restoreFlags(t: Translator, image: Value): void {
  const { ir } = t, user = (t.mode & (Mode.USER | Mode.MIDDLE)) !== 0;
  const old = ir.get(RFLAGS_SYSTEM, "i32");
  const wide = t.instruction.operandSize === 2 ? 0 : Flag.AC | Flag.ID;
  let writable = ir.i32(Flag.TF | Flag.NT | wide | (user ? 0 : Flag.IF | Flag.IOPL));
  // IF is writable only at CPL up to IOPL.
  if (user) writable = ir.or(writable, ir.shl(ir.xor(aboveIopl(t), ir.i32(1)), ir.i32(9)));
  const kept = ir.and(old, ir.and(ir.not(writable), ir.i32(~Flag.RF)));
  unpackLow(t, image, bitToSignCell(ir, image, 11));
  ir.set(DF, ir.and(ir.shr(image, ir.i32(10)), ir.i32(1)));
  ir.set(RFLAGS_SYSTEM, ir.or(kept, ir.and(image, writable)));
}

/** #GP(0) at CPL above IOPL. */
export function checkIopl(t: Translator): void {
  if ((t.mode & (Mode.USER | Mode.MIDDLE)) !== 0) t.ir.faultIf(aboveIopl(t), Vector.GP, 0);
}

/** Whether CPL, which is not 0, is above IOPL. */
function aboveIopl(t: Translator): Value {
  const { ir } = t;
  const iopl = ir.and(ir.get(RFLAGS_SYSTEM, "i32"), ir.i32(Flag.IOPL));
  if ((t.mode & Mode.USER) !== 0) return ir.ne(iopl, ir.i32(Flag.IOPL));
  return ir.ltu(iopl, ir.shl(ir.get(CPL, "i32"), ir.i32(IOPL_SHIFT)));
}

const IOPL_SHIFT = 12;
