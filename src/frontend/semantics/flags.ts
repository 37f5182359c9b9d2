/** Instructions on RFLAGS: CLC and its like, LAHF, SAHF, PUSHF, POPF, CLI, STI, SALC. SDM vol. 2; vol. 1, section 3.4.3. */
import { Mode } from "../../cpu/mode.ts";
import { Flag } from "../../cpu/rflags.ts";
import { DF, Gpr, RFLAGS_SYSTEM } from "../../cpu/state.ts";
import type { Translator } from "../translator.ts";
import { holdInterrupts } from "./interruptibility.ts";
import { checkIopl, lowFlags, packedFlags, restoreFlags, unpackLow } from "./rflags_image.ts";

/** CLC. */
export function CLC(t: Translator): void {
  t.setFlags({ cf: t.ir.i32(0) });
}
/** STC. */
export function STC(t: Translator): void {
  t.setFlags({ cf: t.ir.i32(1) });
}
/** CMC. */
export function CMC(t: Translator): void {
  t.setFlags({ cf: t.ir.xor(t.carry(), t.ir.i32(1)) });
}
/** CLD. */
export function CLD(t: Translator): void {
  t.ir.set(DF, t.ir.i32(0));
}
/** STD. */
export function STD(t: Translator): void {
  t.ir.set(DF, t.ir.i32(1));
}

/** SALC: AL ← CF ? 0xff : 0. Undocumented, in all processors outside 64-bit mode. */
export function SALC(t: Translator): void {
  t.writeGpr(Gpr.RAX, t.ir.trunc(t.ir.neg(t.carry()), "i8"));
}

/** LAHF: AH ← low byte of RFLAGS. */
export function LAHF(t: Translator): void {
  t.writeHighByte(Gpr.RAX, t.ir.zext(lowFlags(t), "i8"));
}

/** SAHF: SF, ZF, AF, PF and CF from AH. */
export function SAHF(t: Translator): void {
  unpackLow(t, t.ir.shr(t.readGpr(Gpr.RAX, 4), t.ir.i32(8)), undefined);
}

/** Virtual-8086 mode, where IOPL below 3 and CR4.VME decide about the interrupt flag. */
function isVirtual8086(t: Translator): boolean {
  return (t.mode & Mode.REAL) !== 0 && (t.mode & Mode.USER) !== 0;
}

/** PUSHF: RF and VM are pushed as 0. */
export function PUSHF(t: Translator): void {
  const { ir } = t;
  const image = isVirtual8086(t)
    ? t.call("virtual_flags", ir.i32(t.instruction.operandSize))
    : ir.and(packedFlags(t), ir.i32(~(Flag.RF | Flag.VM)));
  const type = t.operandType;
  t.push(type === "i16" ? ir.trunc(image, type) : ir.zext(image, type));
}

/**
 * POPF: IOPL changes only at CPL 0, IF only at CPL ≤ IOPL; RF is cleared; VM, VIF and VIP stay.
 * SDM vol. 2B, "POPF", table 4-15.
 */
export function POPF(t: Translator): void {
  const { ir, instruction: { operandSize } } = t;
  const image = ir.zext(ir.trunc(t.top(t.operandType), operandSize === 2 ? "i16" : "i32"), "i32");
  if (isVirtual8086(t)) {
    t.call("set_virtual_flags", image, ir.i32(operandSize));
    t.moveStack(operandSize);
    return t.redispatch();
  }
  t.moveStack(operandSize);
  restoreFlags(t, image);
  // AC suspends SMAP.
  if ((t.mode & Mode.USER) === 0) t.call("flags_written");
  t.redispatch();
}

/** CLI: #GP(0) at CPL above IOPL. At CPL 3 it may be the virtual interrupt flag that is meant. */
export function CLI(t: Translator): void {
  if ((t.mode & Mode.USER) !== 0) return void t.call("user_interrupts", t.ir.i32(0));
  checkIopl(t);
  t.ir.set(RFLAGS_SYSTEM, t.ir.and(t.ir.get(RFLAGS_SYSTEM, "i32"), t.ir.i32(~Flag.IF)));
}

/** STI: #GP(0) at CPL above IOPL. Where IF was 0, interrupts wait for one more instruction. */
export function STI(t: Translator): void {
  if ((t.mode & Mode.USER) !== 0) {
    t.call("user_interrupts", t.ir.i32(1));
    return t.redispatch();
  }
  checkIopl(t);
  const { ir } = t, old = ir.get(RFLAGS_SYSTEM, "i32");
  const wasClear = ir.xor(ir.and(ir.shr(old, ir.i32(IF_BIT)), ir.i32(1)), ir.i32(1));
  holdInterrupts(t, wasClear);
  ir.set(RFLAGS_SYSTEM, ir.or(old, ir.i32(Flag.IF)));
  t.redispatch();
}

/** Position of IF. */
const IF_BIT = 9;
