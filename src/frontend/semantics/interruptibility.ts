/** What holds interrupts back for one instruction. SDM vol. 3A, section 6.8.3; vol. 3C, table 25-3. */
import { INTERRUPTIBILITY } from "../../cpu/state.ts";
import type { Translator } from "../translator.ts";

/** Bits of the INTERRUPTIBILITY cell. */
export const Interruptibility = { STI: 1, MOV_SS: 2 } as const;

/** No interrupt is taken before the next instruction has been executed. */
export function holdInterrupts(t: Translator, by: number): void {
  const { ir } = t;
  ir.set(INTERRUPTIBILITY, ir.or(ir.get(INTERRUPTIBILITY, "i32"), ir.i32(by)));
}
