/**
 * Structured control flow for a region's graph: dominators decide which blocks nest in which, as in Ramsey, "Beyond
 * Relooper" (ICFP 2022). Blocks that control reaches in other ways (from outside, by computed jumps, into the middle of
 * loops) hang off a virtual root, which dispatches to them by number.
 */

/** A region's graph as the emitter walks it. */
export interface ControlFlow {
  /** Position of each block in reverse postorder. */
  readonly order: readonly number[];
  /** Blocks that the root dispatches to, in that order. */
  readonly dispatched: readonly number[];
  /** For each block: the blocks that it dominates directly and that several edges lead to, in order. */
  readonly merges: readonly (readonly number[])[];
  /** Whether an edge leads back to the block from one that it dominates. */
  readonly isLoop: readonly boolean[];
  /** Whether several forward edges lead to it, or the root dispatches to it. */
  readonly isMerge: readonly boolean[];
  /** Whether `block` dominates `other`. */
  dominates(block: number, other: number): boolean;
}

/**
 * Analyses a graph.
 *
 * @param successors of each block, by number
 * @param entrances blocks that are entered from outside
 */
export function analyseControlFlow(
  successors: readonly (readonly number[])[],
  entrances: Iterable<number>,
): ControlFlow {
  const dispatched = new Set(entrances);
  for (;;) {
    const flow = attempt(successors, [...dispatched].sort((a, b) => a - b));
    if (flow.irregular.length === 0) return flow;
    for (const block of flow.irregular) dispatched.add(block);
  }
}

function attempt(
  successors: readonly (readonly number[])[],
  roots: readonly number[],
): ControlFlow & { readonly irregular: readonly number[] } {
  const count = successors.length;
  const postorder = depthFirst(successors, roots);
  const sequence = postorder.reverse();
  const order = new Array<number>(count).fill(-1);
  for (const [position, block] of sequence.entries()) order[block] = position;

  const predecessors: number[][] = successors.map(() => []);
  for (const block of sequence) for (const next of successors[block]!) predecessors[next]!.push(block);
  const isRoot = new Set(roots);
  const parents = dominators(sequence, order, predecessors, isRoot);
  const dominates = (block: number, other: number): boolean => {
    for (let at = other; at >= 0; at = parents[at]!) if (at === block) return true;
    return false;
  };

  const irregular: number[] = [];
  const isLoop = new Array<boolean>(count).fill(false), isMerge = new Array<boolean>(count).fill(false);
  for (const block of sequence) {
    let forward = 0;
    for (const from of predecessors[block]!) {
      if (order[from]! < order[block]!) forward++;
      else if (dominates(block, from)) isLoop[block] = true;
      else if (!isRoot.has(block)) irregular.push(block);
    }
    isMerge[block] = isRoot.has(block) || forward > 1;
  }
  const merges: number[][] = successors.map(() => []);
  for (const block of sequence) {
    const parent = parents[block]!;
    if (isMerge[block] && parent >= 0) merges[parent]!.push(block);
  }
  const dispatched = sequence.filter((block) => parents[block] === ROOT);
  return { order, dispatched, merges, isLoop, isMerge, dominates, irregular };
}

/** Parent of what only the virtual root dominates. */
const ROOT = -1;

function depthFirst(successors: readonly (readonly number[])[], roots: readonly number[]): number[] {
  const seen = new Set<number>(), postorder: number[] = [];
  // From the last root to the first, so that the first comes first in reverse postorder.
  for (const root of [...roots].reverse()) {
    if (seen.has(root)) continue;
    seen.add(root);
    const stack: { readonly block: number; next: number }[] = [{ block: root, next: 0 }];
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      const next = successors[top.block]![top.next++];
      if (next === undefined) {
        postorder.push(top.block);
        stack.pop();
      } else if (!seen.has(next)) {
        seen.add(next);
        stack.push({ block: next, next: 0 });
      }
    }
  }
  return postorder;
}

/** Immediate dominators: Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm". */
function dominators(
  sequence: readonly number[],
  order: readonly number[],
  predecessors: readonly (readonly number[])[],
  isRoot: ReadonlySet<number>,
): number[] {
  const UNKNOWN = -2;
  const parents = new Array<number>(order.length).fill(UNKNOWN);
  const meet = (a: number, b: number): number => {
    while (a !== b) {
      if (a === ROOT || b === ROOT) return ROOT;
      if (order[a]! > order[b]!) a = parents[a]!;
      else b = parents[b]!;
    }
    return a;
  };
  for (let changed = true; changed;) {
    changed = false;
    for (const block of sequence) {
      let parent = isRoot.has(block) ? ROOT : UNKNOWN;
      for (const from of predecessors[block]!) {
        if (parents[from] === UNKNOWN) continue;
        parent = parent === UNKNOWN ? from : meet(parent, from);
      }
      if (parent === parents[block]) continue;
      parents[block] = parent;
      changed = true;
    }
  }
  return parents;
}
