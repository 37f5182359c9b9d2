/** What the ATTENTION cell asks for, and when. */
import { Flag } from "../cpu/rflags.ts";
import { ATTENTION, Attention, RFLAGS_SYSTEM } from "../cpu/state.ts";

/** V8 knows the values of a module's own constants, and reads imported ones each time. */
const ATTENTION_WORD = ATTENTION >> 2, NOW = Attention.NOW, IF = Flag.IF;

/** Whether there is something that can be attended to now. An interrupt that is pending while IF is 0 must cost nothing. */
export function isAttentive(m: Int32Array): boolean {
  const asked = m[ATTENTION_WORD]!;
  return asked !== 0 && ((asked & NOW) !== 0 || (m[RFLAGS_SYSTEM >> 2]! & IF) !== 0);
}
