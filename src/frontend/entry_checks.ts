/** What stops an instruction before it does anything: privilege, mode, disabled units. SDM vol. 2, the "Exceptions" tables. */
import { Vector } from "../cpu/fault.ts";
import { Mode } from "../cpu/mode.ts";
import { CR0 } from "../cpu/state.ts";
import type { Translator } from "./translator.ts";

const CR0_MP = 2, CR0_EM = 4, CR0_TS = 8;

/** Raises what stops the instruction at hand. Returns whether it is stopped for certain. */
export function stoppedAtEntry(t: Translator): boolean {
  const { traits: { cpl0, cpl0Ud, protectedOnly } } = t.instruction;
  if ((protectedOnly && (t.mode & Mode.REAL) !== 0) || (cpl0Ud && !isKernel(t))) {
    t.fault(Vector.UD);
    return true;
  }
  if (cpl0 && !isKernel(t)) {
    t.fault(Vector.GP, 0);
    return true;
  }
  return (t.mode & Mode.NO_FPU) !== 0 && unitDisabled(t);
}

/** CPL is 0. */
function isKernel(t: Translator): boolean {
  return (t.mode & (Mode.USER | Mode.MIDDLE)) === 0;
}

/** CR0.EM or CR0.TS is set. SDM vol. 3A, section 2.5. */
function unitDisabled(t: Translator): boolean {
  const { ir, instruction: { mnemonic, traits: { unit } } } = t;
  const set = (mask: number) => ir.and(ir.get(CR0, "i32"), ir.i32(mask));
  if (unit === "integer" || unit === "vex") return false;
  if (mnemonic === "FWAIT") {
    ir.faultIf(ir.eq(set(CR0_MP | CR0_TS), ir.i32(CR0_MP | CR0_TS)), Vector.NM);
    return false;
  }
  if (unit !== "x87") ir.faultIf(set(CR0_EM), Vector.UD);
  t.fault(Vector.NM);
  return true;
}
