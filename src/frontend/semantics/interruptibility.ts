/** What holds interrupts back for one instruction. SDM vol. 3A, section 6.8.3; vol. 3C, table 25-3. */
import type { Value } from "../../ir/types.ts";
import type { Translator } from "../translator.ts";

/** No interrupt is taken before the next instruction has been executed. The one at hand is a block of its own. */
export function holdInterrupts(t: Translator, by: number | Value): void {
  t.call("hold_interrupts", typeof by === "number" ? t.ir.i32(by) : by);
}
