/** Chooses the blocks that are compiled together: those the entry leads to, as far as they are warm. */
import { PAGE_SIZE } from "../memory/physical.ts";
import type { Code } from "./code.ts";

/**
 * The region entered at `entry`: blocks of the same mode that direct jumps, branches and calls lead to and that have been
 * executed a good part of `threshold` times, the hottest first, and breadth first among those; and the places calls return to.
 *
 * @param limit most blocks
 * @param mostInstructions guest instructions beyond which no further block is taken
 * @param heat how hot a block is: a small integer
 * @param isTaken whether a block is left to another region, if there is room for so many more
 * @param find the live block at a linear address of the current world and the entry's mode, if there is one
 */
export function selectRegion(
  entry: Code,
  find: (pc: bigint) => Code | undefined,
  heat: (code: Code) => number,
  isTaken: (code: Code, room: number) => boolean,
  limit: number,
  mostInstructions: number,
  threshold: number,
): Code[] {
  const codes: Code[] = [], waiting: Code[][] = [], found = new Set<Code>([entry]);
  let instructions = 0;
  const choose = (code: Code): void => {
    codes.push(code);
    instructions += code.count;
    for (const pc of [...code.successors, ...code.targets]) {
      const next = find(pc);
      if (next === undefined || found.has(next) || next.runs * 8 < threshold) continue;
      found.add(next);
      (waiting[heat(next)] ??= []).push(next);
    }
  };
  choose(entry);
  while (codes.length < limit && instructions < mostInstructions) {
    const next = waiting.findLast((list) => list !== undefined && list.length > 0)?.shift();
    if (next === undefined) break;
    if (!isTaken(next, limit - codes.length)) choose(next);
  }
  return codes;
}

/** Blocks that tell where all lie, as pages are mapped as a whole: one on each page, and those that go on in another. */
export function landmarksOf(codes: readonly Code[]): Code[] {
  const landmarks: Code[] = [];
  for (const code of codes) {
    const { lo, hi, hpa, secondPage } = code;
    const isKnown = secondPage < 0 &&
      landmarks.some((other) =>
        Math.floor(other.hpa / PAGE_SIZE) === Math.floor(hpa / PAGE_SIZE) && other.hi === hi &&
        ((lo - other.lo) | 0) === hpa - other.hpa
      );
    if (!isKnown) landmarks.push(code);
  }
  return landmarks;
}
