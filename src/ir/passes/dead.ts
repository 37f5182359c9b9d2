/**
 * Removes sets that are overwritten before anything can see them (the next instruction's flags, mostly) and values
 * nobody uses. A side exit, a helper that reads the state and the end of the block see every set before them.
 */
import type { Block } from "../types.ts";
import { CellKind, type StateEffects } from "./effects.ts";
import { renumber, terminalValue, withInsts } from "./blocks.ts";
import { CELL_WORDS, Kind, KINDS, OBSERVES } from "./rows.ts";

/** Words of the state that a later set overwrites unseen, going backward: those whose stamp is the current epoch. */
let overwritten = new Float64Array(0);
let epoch = 1;

/** Removes sets that nothing sees and values nobody uses, and counts uses. Reuses the operations of `block`. */
export function dead(block: Block, effects: StateEffects): Block {
  const { insts } = block;
  const { cells } = effects;
  if (overwritten.length < cells.length) overwritten = new Float64Array(cells.length);
  epoch++;
  for (let i = 0; i < insts.length; i++) insts[i]!.uses = 0;
  const last = terminalValue(block.terminal);
  if (last !== undefined) last.uses++;
  // Kept operations move to the end of the array.
  let kept = insts.length;
  for (let i = insts.length - 1; i >= 0; i--) {
    const inst = insts[i]!;
    switch (KINDS[inst.code]) {
      case Kind.PURE:
        if (inst.uses === 0) continue;
        break;
      case Kind.GET: {
        if (inst.uses === 0) continue;
        const word = inst.imm >> 2;
        for (let n = CELL_WORDS[inst.code]! - 1; n >= 0; n--) overwritten[word + n] = 0;
        break;
      }
      case Kind.SET: {
        const word = inst.imm >> 2, words = CELL_WORDS[inst.code]!;
        if (isOverwritten(cells, word, words)) continue;
        for (let n = 0; n < words; n++) overwritten[word + n] = epoch;
        break;
      }
      default:
        if (OBSERVES[inst.code] === 1) epoch++;
    }
    const { args } = inst;
    for (let j = 0; j < args.length; j++) args[j]!.uses++;
    insts[--kept] = inst;
  }
  const out = kept === 0 ? insts : insts.slice(kept);
  renumber(out);
  return withInsts(block, out, block.terminal);
}

function isOverwritten(cells: Uint8Array, word: number, words: number): boolean {
  for (let i = word; i < word + words; i++) {
    if (overwritten[i] !== epoch || cells[i] === CellKind.VOLATILE) return false;
  }
  return true;
}
