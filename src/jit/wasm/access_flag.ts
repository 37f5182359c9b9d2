/** STAC and CLAC in WebAssembly: the world with the other RFLAGS.AC is a link of the current one. SDM vol. 2A, "CLAC"; vol. 2B, "STAC". */
import { Flag } from "../../cpu/rflags.ts";
import { CR4, RFLAGS_SYSTEM } from "../../cpu/state.ts";
import { Cr4 } from "../../cpu/system/control_bits.ts";
import { RingLink } from "../../cpu/system/world_control.ts";
import { FunctionCode, type Imports } from "./encoder.ts";
import { I32, VOID, W } from "./instructions.ts";
import { RingWriter } from "./ring_writer.ts";
import { pushMasked, storeCell } from "./state_cells.ts";

/** Name of what is called where there is no link. */
export const SLOW_SET_AC = "SLOW_SET_AC";

export type AccessFlagSetter = (value: number) => void;

const AC_BIT = Math.log2(Flag.AC);

/** The helper `set_alignment_check`: 1 or 0, at CPL 0. */
export function setAccessFlagCode(imports: Imports): FunctionCode {
  const code = new FunctionCode([I32], false), w = new RingWriter(code), value = 0, flags = code.local(I32);
  const slow = code.open(W.block, VOID);
  // The flags as they will be.
  pushMasked(code, RFLAGS_SYSTEM, ~Flag.AC);
  code.get(value);
  code.opWith(W.i32_shl, AC_BIT);
  code.op(W.i32_or);
  code.tee(flags);
  code.load(W.i32_load, RFLAGS_SYSTEM);
  code.op(W.i32_ne);
  pushMasked(code, CR4, Cr4.SMAP);
  code.opWith(W.i32_ne, 0);
  code.op(W.i32_and);
  code.open(W.if, VOID);
  w.findLink(RingLink.AC, slow);
  w.enterLinked();
  code.end();
  storeCell(code, W.i32_store, RFLAGS_SYSTEM, () => code.get(flags));
  code.op(W.return);
  code.end();
  code.get(value);
  code.call(imports.index(SLOW_SET_AC, [I32], false));
  return code;
}
