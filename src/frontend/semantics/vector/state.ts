/** MXCSR, the images of the x87 and SSE state, and the end of MMX code. SDM vol. 1, sections 10.5 and 13.7; vol. 2. */
import { MemoryFlag, type Value } from "../../../ir/types.ts";
import { FTW, Gpr } from "../../../cpu/state.ts";
import type { Operand, OperandOf } from "../../instruction.ts";
import type { Translator } from "../../translator.ts";
import { enterMmx, raisePending, type SemanticsTable } from "./access.ts";

/** Bits of the helpers' description of an image (cpu/helpers/vector.ts). */
const FXSAVE_BYTES = 512, XSAVE_BYTES = 576;
const WIDE_POINTERS = 1, SIXTEEN_REGISTERS = 2, COMPACTED = 4, FLAGS_SHIFT = 4;

function memory(operand: Operand): OperandOf<"mem"> {
  if (operand.kind !== "mem") throw new TypeError(`The operand is ${operand.kind}, not memory`);
  return operand;
}
/** The operands of the image helpers: address and description. */
function image(t: Translator, operand: Operand, bytes: number, form = 0): [Value, Value] {
  const area = memory(operand);
  const description = form | (t.instruction.operandSize === 8 ? WIDE_POINTERS : 0) |
    (t.long ? SIXTEEN_REGISTERS : 0) |
    ((t.memoryFlags(area) & MemoryFlag.STACK) << FLAGS_SHIFT);
  return [t.address(area, bytes), t.ir.i32(description)];
}
/** EDX:EAX. */
function components(t: Translator): Value {
  return t.ir.pair(t.readGpr(Gpr.RAX, 4), t.readGpr(Gpr.RDX, 4));
}

/** `form`: COMPACTED, or 0 for the standard form. */
function save(t: Translator, area: Operand, form: number): void {
  t.checkWritable(memory(area));
  t.call("xsave", ...image(t, area, XSAVE_BYTES, form), components(t));
}

/** State images. */
export const STATE: SemanticsTable = {
  LDMXCSR: (t, src) => {
    t.call("ldmxcsr", t.read(src));
    t.redispatch();
  },
  STMXCSR: (t, dst) => t.write(dst, t.call("stmxcsr")),
  FXSAVE: (t, area) => {
    t.checkWritable(memory(area));
    t.call("fxsave", ...image(t, area, FXSAVE_BYTES));
  },
  FXRSTOR: (t, area) => {
    t.call("fxrstor", ...image(t, area, FXSAVE_BYTES));
    t.redispatch();
  },
  XSAVE: (t, area) => save(t, area, 0),
  // The optimizations of XSAVEOPT (init and modified) are optional: it may save everything. So may XSAVEC.
  XSAVEOPT: (t, area) => save(t, area, 0),
  XSAVEC: (t, area) => save(t, area, COMPACTED),
  XRSTOR: (t, area) => {
    t.call("xrstor", ...image(t, area, XSAVE_BYTES), components(t));
    t.redispatch();
  },
  EMMS: (t) => {
    raisePending(t);
    enterMmx(t); // TOP becomes 0 here too
    t.ir.set(FTW, t.ir.i32(0));
  },
};
