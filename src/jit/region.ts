/** Chooses the blocks that are compiled together: those the entry leads to, as far as they are warm. */
import type { Terminal } from "../ir/terminal.ts";
import type { Code } from "./code.ts";

/** Guest instructions in a region beyond which no further block is taken. */
const MAX_REGION_INSTRUCTIONS = 600;

/**
 * The region entered at `entry`: blocks of the same mode that direct jumps, branches and calls lead to and that have been
 * executed a good part of `threshold` times, breadth first; and the places calls return to.
 *
 * @param find the live block at a linear address of the current world and the entry's mode, if there is one
 */
export function selectRegion(
  entry: Code,
  find: (pc: bigint) => Code | undefined,
  limit: number,
  threshold: number,
): Code[] {
  const codes = [entry];
  if (entry.secondPage >= 0) return codes;
  const chosen = new Set<Code>(codes);
  let instructions = entry.count;
  for (let i = 0; i < codes.length; i++) {
    for (const pc of successors(codes[i]!.block.terminal)) {
      if (codes.length >= limit || instructions >= MAX_REGION_INSTRUCTIONS) return codes;
      const next = find(pc);
      if (next === undefined || next.secondPage >= 0 || chosen.has(next)) continue;
      if (next.runs * 8 < threshold && next.region === undefined) continue;
      chosen.add(next);
      codes.push(next);
      instructions += next.count;
    }
  }
  return codes;
}

/** Linear addresses a block's end is known to lead to. */
export function successors(terminal: Terminal): bigint[] {
  switch (terminal.kind) {
    case "jump":
      return terminal.returnTo === undefined ? [terminal.target] : [terminal.target, terminal.returnTo];
    case "branch":
      return [terminal.next, terminal.taken];
    case "indirect":
      return terminal.returnTo === undefined ? [] : [terminal.returnTo];
    default:
      return [];
  }
}
