/** The graph of a region's blocks, as the emitter walks it, and where in it the budget is checked. */
import type { Block } from "../../ir/types.ts";
import { analyseControlFlow, type ControlFlow } from "./control_flow.ts";
import { type Edges, edgesOf } from "./region_graph.ts";

/** A region's blocks and how they hang together. Blocks go by number. */
export class RegionShape {
  /** Blocks by their address. */
  readonly starts: ReadonlyMap<bigint, number>;
  readonly edges: readonly Edges[];
  readonly flow: ControlFlow;
  /** Blocks whose budget is checked when they are entered: each cycle has one. */
  readonly checked: readonly boolean[];
  /** For each block: the most instructions that are executed from it until the budget is checked again. */
  readonly demands: readonly number[];

  /** @param targets for each block, addresses that its computed jump has led to */
  constructor(readonly blocks: readonly Block[], targets: readonly (readonly bigint[])[]) {
    this.starts = new Map(blocks.map(({ pc }, number) => [pc, number]));
    this.edges = edgesOf(blocks, this.starts, targets);
    // What computed jumps lead to besides is reached from these: were it entered from outside too, what dispatches to it
    // in a loop, as interpreters do, would not dominate it.
    const entrances = new Set([0]);
    for (const { terminal } of blocks) {
      const back = "returnTo" in terminal ? this.starts.get(terminal.returnTo ?? -1n) : undefined;
      if (back !== undefined) entrances.add(back);
    }
    const successors = this.edges.map(({ direct, computed }) => [...direct, ...computed]);
    this.flow = analyseControlFlow(successors, entrances);
    const { isLoop, entrances: entered, loopEntries } = this.flow;
    const headers = new Set(loopEntries.map(({ header }) => header));
    this.checked = blocks.map((_, number) =>
      isLoop[number]! || headers.has(number) || entered.includes(number)
    );
    this.demands = this.#longestPaths();
  }

  /** Whether each block may be executed several times before the region is left. */
  repeats(): boolean[] {
    const { order } = this.flow;
    const repeats = this.blocks.map(() => false);
    for (const [from, { direct, computed }] of this.edges.entries()) {
      for (const to of [...direct, ...computed]) {
        if (order[to]! > order[from]!) continue;
        for (const number of repeats.keys()) {
          if (order[number]! >= order[to]! && order[number]! <= order[from]!) repeats[number] = true;
        }
      }
    }
    return repeats;
  }

  #longestPaths(): number[] {
    const { order } = this.flow, demands = new Array<number>(this.blocks.length).fill(0);
    const sequence = [...this.blocks.keys()].sort((a, b) => order[b]! - order[a]!);
    for (const number of sequence) {
      let most = 0;
      const { direct, computed } = this.edges[number]!;
      for (const next of [...direct, ...computed]) {
        if (!this.checked[next]) most = Math.max(most, demands[next]!);
      }
      demands[number] = most + this.blocks[number]!.offsets.length - 1;
    }
    return demands;
  }
}
