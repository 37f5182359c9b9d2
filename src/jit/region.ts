/** Chooses the blocks that are compiled together: those the entry leads to, as far as they are warm. */
import type { Code } from "./code.ts";

/**
 * The region entered at `entry`: blocks of the same mode that direct jumps, branches and calls lead to and that have been
 * executed a good part of `threshold` times, breadth first; and the places calls return to.
 *
 * @param limit most blocks
 * @param mostInstructions guest instructions beyond which no further block is taken
 * @param isTaken whether a block is left to another region, if there is room for so many more
 * @param find the live block at a linear address of the current world and the entry's mode, if there is one
 */
export function selectRegion(
  entry: Code,
  find: (pc: bigint) => Code | undefined,
  isTaken: (code: Code, room: number) => boolean,
  limit: number,
  mostInstructions: number,
  threshold: number,
): Code[] {
  const codes = [entry];
  const chosen = new Set<Code>(codes);
  let instructions = entry.count;
  for (let i = 0; i < codes.length; i++) {
    const { successors, targets } = codes[i]!;
    for (const pc of [...successors, ...targets]) {
      if (codes.length >= limit || instructions >= mostInstructions) return codes;
      const next = find(pc);
      if (next === undefined || chosen.has(next)) continue;
      if (next.runs * 8 < threshold || isTaken(next, limit - codes.length)) continue;
      chosen.add(next);
      codes.push(next);
      instructions += next.count;
    }
  }
  return codes;
}
