/** The passes in their order. */
import type { Block } from "../types.ts";
import { dead } from "./dead.ts";
import type { StateEffects } from "./effects.ts";
import { fold } from "./fold.ts";
import { forward } from "./forward.ts";

/**
 * Makes a block cheaper without changing what it does. The operations of `block` are reused and changed: it must not
 * be used any more. Afterwards `Inst.uses` tells how often each value is used.
 */
export function optimize(block: Block, effects: StateEffects): Block {
  return dead(fold(forward(block, effects)), effects);
}
