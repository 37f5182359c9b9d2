/** Where control goes from each block of a region, as far as it stays there. */
import type { Block } from "../../ir/types.ts";

/** Blocks of the region, by number, that a block leads to. */
export interface Edges {
  /** By jumps and branches to known addresses. */
  readonly direct: readonly number[];
  /** By computed jumps and world calls, as far as known: returns to behind calls, and targets seen before. */
  readonly computed: readonly number[];
  /** Whether control may also leave the region at the block's end. */
  readonly leaves: boolean;
}

/**
 * The edges of a region.
 *
 * @param starts blocks by their address
 * @param targets for each block, addresses that its computed jump has led to
 */
export function edgesOf(
  blocks: readonly Block[],
  starts: ReadonlyMap<bigint, number>,
  targets: readonly (readonly bigint[])[],
): Edges[] {
  const returns = new Set<number>();
  for (const { terminal } of blocks) {
    const back = "returnTo" in terminal ? starts.get(terminal.returnTo ?? -1n) : undefined;
    if (back !== undefined) returns.add(back);
  }
  const known = (addresses: readonly bigint[]): number[] =>
    addresses.map((pc) => starts.get(pc)).filter((number) => number !== undefined);
  return blocks.map(({ terminal, usesFloat }, n): Edges => {
    switch (terminal.kind) {
      case "vmfunc": {
        // To behind it by EPTP switching, and to entry points by world calls.
        const entryPoints = (targets[n] ?? []).filter((pc) => pc !== terminal.next);
        const computed = usesFloat === true ? [] : known(entryPoints);
        return { direct: known([terminal.next]), computed, leaves: true };
      }
      case "jump":
      case "branch": {
        const addresses = terminal.kind === "jump" ? [terminal.target] : [terminal.taken, terminal.next];
        const direct = known(addresses);
        return { direct, computed: [], leaves: direct.length < addresses.length || usesFloat === true };
      }
      case "indirect": {
        const computed = terminal.hint === "return" ? [...returns] : known(targets[n] ?? []);
        return { direct: [], computed, leaves: true };
      }
      default:
        return { direct: [], computed: [], leaves: true };
    }
  });
}
