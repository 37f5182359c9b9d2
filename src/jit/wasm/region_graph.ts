/** Where control goes from each block of a region, as far as it stays there. */
import type { Block } from "../../ir/types.ts";
import { isSystemCall } from "../../cpu/fault.ts";

/** Blocks of the region, by number, that a block leads to. */
export interface Edges {
  /** By jumps and branches to known addresses. */
  readonly direct: readonly number[];
  /** By computed jumps and world calls, as far as known: returns to behind calls, and targets seen before. */
  readonly computed: readonly number[];
  /** Whether control may also leave the region at the block's end. */
  readonly leaves: boolean;
}

/** A region's graph. Functions of few blocks that call nothing are in it once for each call, and short loops a few times in a row. */
export interface RegionGraph {
  /** The region's blocks, and behind them copies. */
  readonly blocks: readonly Block[];
  /** For each of them, the number of the region's block that it is. */
  readonly originals: readonly number[];
  readonly edges: readonly Edges[];
  /** Blocks behind calls whose functions return to them from outside too, unless those are copies. */
  readonly returnedTo: ReadonlySet<number>;
}

/** Most blocks and guest instructions of a function that is copied, and of all copies in a region. */
const COPIED_BLOCKS = 12, COPIED_INSTRUCTIONS = 60, MOST_COPIED_BLOCKS = 24, MOST_COPIED_INSTRUCTIONS = 120;

/** Most turns of a loop of one block that are written in a row, and most guest instructions of them. */
const TURNS_IN_ROW = 4, INSTRUCTIONS_IN_ROW = 16;

/**
 * The graph of a region.
 *
 * @param targets for each block, addresses that its computed jump has led to
 */
export function graphOf(blocks: readonly Block[], targets: readonly (readonly bigint[])[]): RegionGraph {
  const starts = new Map(blocks.map(({ pc }, number) => [pc, number]));
  const graph = new GraphBuilder(
    blocks,
    starts,
    blocks.map((block, n) => edgesOf(block, starts, targets[n]!)),
  );
  return graph.build();
}

/** The edges of a block, but those of returns. */
function edgesOf(
  { terminal, usesFloat }: Block,
  starts: ReadonlyMap<bigint, number>,
  targets: readonly bigint[],
): Edges {
  const known = (addresses: readonly bigint[]): number[] =>
    addresses.map((pc) => starts.get(pc)).filter((number) => number !== undefined);
  switch (terminal.kind) {
    case "vmfunc": {
      // To behind it by EPTP switching, and to entry points by world calls.
      const entryPoints = targets.filter((pc) => pc !== terminal.next);
      const computed = usesFloat ? [] : known(entryPoints);
      return { direct: known([terminal.next]), computed, leaves: true };
    }
    case "jump":
    case "branch": {
      const addresses = terminal.kind === "jump" ? [terminal.target] : [terminal.taken, terminal.next];
      const direct = known(addresses);
      return { direct, computed: [], leaves: direct.length < addresses.length || usesFloat };
    }
    case "event":
      return { direct: isSystemCall(terminal) ? known([terminal.rip]) : [], computed: [], leaves: true };
    case "indirect":
      return { direct: [], computed: terminal.hint === "return" ? [] : known(targets), leaves: true };
    default:
      return { direct: [], computed: [], leaves: true };
  }
}

/** Guest instructions of a block. */
export const instructionsOf = ({ offsets }: Block): number => offsets.length - 1;

/** Finds where functions return to, and copies those that are small. */
class GraphBuilder {
  readonly #blocks: Block[];
  readonly #originals: number[];
  readonly #edges: Edges[];
  /** For each block that calls: the block behind, or undefined if it is not in the region. */
  readonly #calls = new Map<number, number | undefined>();
  readonly #bodies = new Map<string, readonly number[]>();
  /** How many blocks are no copies. */
  readonly #count: number;
  #copiedInstructions = 0;

  constructor(blocks: readonly Block[], starts: ReadonlyMap<bigint, number>, edges: readonly Edges[]) {
    this.#count = blocks.length;
    this.#blocks = [...blocks];
    this.#originals = [...blocks.keys()];
    this.#edges = [...edges];
    for (const [n, { terminal }] of blocks.entries()) {
      if ("returnTo" in terminal && terminal.returnTo !== undefined) {
        this.#calls.set(n, starts.get(terminal.returnTo));
      }
    }
  }

  build(): RegionGraph {
    const returnedTo = new Set<number>();
    for (const [call, behind] of this.#calls) {
      if (behind === undefined) continue;
      const body = this.#bodyOf(this.#successors(call));
      if (this.#isCopied(body, call)) {
        this.#copy(body, call, behind);
      } else {
        returnedTo.add(behind);
        for (const block of body) if (this.#returns(block)) this.#addReturn(block, behind);
      }
    }
    for (const block of [...this.#blocks.keys()]) this.#unroll(block);
    return { blocks: this.#blocks, originals: this.#originals, edges: this.#edges, returnedTo };
  }

  #successors(block: number): number[] {
    const { direct, computed } = this.#edges[block]!;
    return [...direct, ...computed];
  }

  #returns(block: number): boolean {
    const { terminal } = this.#blocks[block]!;
    return terminal.kind === "indirect" && terminal.hint === "return";
  }

  #switchesWorlds(block: number): boolean {
    return this.#blocks[block]!.terminal.kind === "vmfunc";
  }

  #addReturn(block: number, behind: number): void {
    const edges = this.#edges[block]!;
    if (!edges.computed.includes(behind)) {
      this.#edges[block] = { ...edges, computed: [...edges.computed, behind] };
    }
  }

  /** The blocks of the functions that begin at some, up to where they return; calls are stepped over. */
  #bodyOf(entries: readonly number[]): readonly number[] {
    const key = entries.join();
    const old = this.#bodies.get(key);
    if (old !== undefined) return old;
    const body = new Set(entries);
    for (const block of body) {
      // Where a function returns to is not part of it.
      if (this.#returns(block)) continue;
      const next = this.#calls.has(block) ? [this.#calls.get(block)] : this.#successors(block);
      for (const to of next) if (to !== undefined) body.add(to);
    }
    const found = [...body];
    this.#bodies.set(key, found);
    return found;
  }

  #isCopied(body: readonly number[], call: number): boolean {
    const instructions = body.reduce((sum, block) => sum + instructionsOf(this.#blocks[block]!), 0);
    const copied = this.#blocks.length - this.#count + body.length;
    return body.length > 0 && body.length <= COPIED_BLOCKS && instructions <= COPIED_INSTRUCTIONS &&
      copied <= MOST_COPIED_BLOCKS && this.#copiedInstructions + instructions <= MOST_COPIED_INSTRUCTIONS &&
      !body.includes(call) && !body.some((block) => this.#calls.has(block) || this.#switchesWorlds(block));
  }

  /** Adds copies of a block that leads to itself, which take turns: the budget, and the host's own checks, come once for all of them. */
  #unroll(block: number): void {
    const { direct, computed, leaves } = this.#edges[block]!,
      instructions = instructionsOf(this.#blocks[block]!);
    if (this.#blocks[block]!.terminal.kind !== "branch" || !direct.includes(block)) return;
    const turns = Math.min(TURNS_IN_ROW, Math.floor(INSTRUCTIONS_IN_ROW / instructions));
    if (turns < 2) return;
    const first = this.#blocks.length, last = first + turns - 2;
    const goOnAt = (next: number): Edges => ({
      direct: direct.map((to) => to === block ? next : to),
      computed,
      leaves,
    });
    this.#edges[block] = goOnAt(first);
    for (let copy = first; copy <= last; copy++) {
      this.#blocks.push(this.#blocks[block]!);
      this.#originals.push(this.#originals[block]!);
      this.#edges.push(goOnAt(copy === last ? block : copy + 1));
    }
  }

  /** Adds copies of blocks that a call alone leads to, and that return to behind it alone. */
  #copy(body: readonly number[], call: number, behind: number): void {
    const copies = new Map(body.map((block, n) => [block, this.#blocks.length + n]));
    const copyOf = (block: number): number => copies.get(block)!;
    for (const block of body) {
      const { direct, computed, leaves } = this.#edges[block]!;
      this.#blocks.push(this.#blocks[block]!);
      this.#originals.push(block);
      this.#edges.push({
        direct: direct.map(copyOf),
        computed: this.#returns(block) ? [behind] : computed.map(copyOf),
        leaves,
      });
      this.#copiedInstructions += instructionsOf(this.#blocks[block]!);
    }
    const { direct, computed, leaves } = this.#edges[call]!;
    this.#edges[call] = { direct: direct.map(copyOf), computed: computed.map(copyOf), leaves };
  }
}
