/** The graph of a region's blocks, as the emitter walks it, and where in it the budget is checked. */
import type { Block } from "../../ir/types.ts";
import type { Slices } from "../slices.ts";
import { analyseControlFlow, type ControlFlow } from "./control_flow.ts";
import { type Edges, graphOf, instructionsOf, type RegionGraph } from "./region_graph.ts";

/** A region's blocks and how they hang together. Blocks go by number. */
export class RegionShape {
  /** The region's blocks, and copies of them. */
  readonly blocks: readonly Block[];
  /** For each of them, the number of the region's block that it is. */
  readonly originals: readonly number[];
  readonly edges: readonly Edges[];
  readonly flow: ControlFlow;
  /** Blocks whose budget is checked when they are entered: each cycle has one. */
  readonly checked: readonly boolean[];
  /** For each block: the most instructions that are executed from it until the budget is checked again. */
  readonly demands: readonly number[];

  /**
   * Finds out, in slices.
   *
   * @param targets for each block, addresses that its computed jump has led to
   * @param open whether all blocks that no loop contains are entered from outside
   */
  static *of(
    blocks: readonly Block[],
    targets: readonly (readonly bigint[])[],
    open: boolean,
  ): Slices<RegionShape> {
    const graph = graphOf(blocks, targets);
    yield graph.blocks.length;
    // What computed jumps lead to besides is reached from these: were it entered from outside too, what dispatches to it
    // in a loop, as interpreters do, would not dominate it.
    const entrances = new Set([0, ...graph.returnedTo]);
    const successors = graph.edges.map(({ direct, computed }) => [...direct, ...computed]);
    const flow = yield* analyseControlFlow(successors, entrances, blocks.length, open);
    yield graph.blocks.length;
    return new RegionShape(graph, flow);
  }

  private constructor({ blocks, originals, edges }: RegionGraph, flow: ControlFlow) {
    this.blocks = blocks;
    this.originals = originals;
    this.edges = edges;
    this.flow = flow;
    const { isLoop, entrances, loopEntries } = flow;
    const headers = new Set(loopEntries.map(({ header }) => header));
    this.checked = blocks.map((_, number) =>
      isLoop[number]! || headers.has(number) || entrances.includes(number)
    );
    this.demands = this.#longestPaths();
  }

  /** The block that a block leads to by a jump to an address, if that stays in the region. */
  target(block: number, address: bigint): number | undefined {
    return this.edges[block]!.direct.find((number) => this.blocks[number]!.pc === address);
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
      demands[number] = most + instructionsOf(this.blocks[number]!);
    }
    return demands;
  }
}
