/**
 * Structured control flow for a region's graph: dominators decide which blocks nest in which, as in Ramsey, "Beyond
 * Relooper" (ICFP 2022). Nodes are the blocks, and behind them the starts of loops that are entered in several places
 * (loop_entries.ts).
 */
import type { Slices } from "../slices.ts";
import { LoopEntries, type LoopEntry, OUTSIDE, type Step } from "./loop_entries.ts";

/** A region's graph as the emitter walks it. */
export interface ControlFlow {
  /** Blocks that are entered from outside, by number. */
  readonly entrances: readonly number[];
  /** Starts of loops that are entered in several places, by node less the number of blocks. */
  readonly loopEntries: readonly LoopEntry[];
  /** Position of each node in reverse postorder. */
  readonly order: readonly number[];
  /** Nodes that nothing in the region dominates, in that order. */
  readonly outermost: readonly number[];
  /** For each node: the nodes that it dominates directly and that several edges lead to, in order. */
  readonly merges: readonly (readonly number[])[];
  /** Whether an edge leads back to the node from one that it dominates. */
  readonly isLoop: readonly boolean[];
  /** Whether several forward edges lead to it, or it is outermost. */
  readonly isMerge: readonly boolean[];
  /** Whether `node` dominates `other`. */
  dominates(node: number, other: number): boolean;
  /** Where control goes for a block, from another or from OUTSIDE. */
  step(from: number, to: number): Step;
  /** Where the start of a loop goes on for one of its blocks. */
  next(entry: LoopEntry, to: number): number;
}

/** Most starts of loops on the way to a block: where there are more, one start for all is less to go through. */
const LONGEST_WAY = 2;

/**
 * Analyses a graph, in slices.
 *
 * @param successors of each block, by number
 * @param entered blocks that are entered from outside
 * @param known how many of the first blocks the outside knows; by default all
 * @param open whether those of them that are reached and that no loop contains are entered from outside too
 */
export function* analyseControlFlow(
  successors: readonly (readonly number[])[],
  entered: Iterable<number>,
  known: number = successors.length,
  open = false,
): Slices<ControlFlow> {
  const entrances = unique([...entered]).sort((a, b) => a - b);
  const loops = yield* LoopEntries.in(successors, new Set(entrances));
  const outside = open
    ? depthFirst(successors, entrances).filter((block) => block < known && !loops.isInLoop(block))
    : [];
  const opened = (some: readonly number[]): number[] => unique([...some, ...outside]).sort((a, b) => a - b);
  // Where the budget is used up, control comes back: to the headers of loops.
  const headers = [...loops.headers].filter((block) => block < known);
  const all = unique([...entrances, ...headers]).sort((a, b) => a - b);
  // With more ways in, loops have starts that were none: where there are too many already, this is not tried.
  if (loops.longestWay > LONGEST_WAY) return yield* withOneStart(successors, all, known);
  if (all.length > entrances.length) {
    const found = yield* LoopEntries.in(successors, new Set(all));
    if (found.longestWay <= LONGEST_WAY) return nested(successors, opened(all), found);
  }
  return nested(successors, opened(entrances), loops);
}

/** Loops in loops, as they are. */
function nested(
  blocks: readonly (readonly number[])[],
  entrances: readonly number[],
  loops: LoopEntries,
): ControlFlow {
  const successors = [
    ...blocks.map((list, from) => list.map((to) => loops.step(from, to).node)),
    ...loops.list.map((entry) => [
      loops.next(entry, entry.header!),
      ...unique([...entry.told].map((to) => loops.next(entry, to))),
    ]),
  ];
  const tree = dominatorTree(successors, unique(entrances.map((block) => loops.step(OUTSIDE, block).node)));
  const [irregular] = tree.irregular;
  if (irregular !== undefined) throw new Error(`The loop around block ${irregular} is entered elsewhere too`);
  return {
    ...tree,
    entrances,
    loopEntries: loops.list,
    step: (from, to) => loops.step(from, to),
    next: (entry, to) => loops.next(entry, to),
  };
}

/** One loop around all, whose start leads to all blocks that structure does not. */
function* withOneStart(
  successors: readonly (readonly number[])[],
  entrances: readonly number[],
  known: number,
): Slices<ControlFlow> {
  const told = new Set(entrances), node = successors.length;
  const wayIn = (): number[] => [...told].sort((a, b) => a - b);
  let tree = dominatorTree(successors, wayIn());
  while (tree.irregular.length > 0) {
    yield successors.length;
    for (const block of tree.irregular) told.add(block);
    tree = dominatorTree(successors, wayIn());
  }
  const { order, isLoop, isMerge, merges, outermost } = tree;
  const dominates = (one: number, other: number): boolean =>
    one === node ? other !== OUTSIDE : tree.dominates(one, other);
  const start: LoopEntry = { node, header: undefined, members: new Set(successors.keys()), told };
  return {
    entrances: [...told].filter((block) => block < known).sort((a, b) => a - b),
    loopEntries: [start],
    order: [...order, -1],
    outermost: [node],
    merges: [...merges, outermost],
    isLoop: [...isLoop, true],
    isMerge: [...isMerge, true],
    dominates,
    step: (from, to) => {
      const isOpen = from !== OUTSIDE && (order[to]! > order[from]! || (isLoop[to]! && dominates(to, from)));
      return isOpen ? { node: to, tells: false } : { node, tells: true };
    },
    next: (_, to) => to,
  };
}

interface DominatorTree
  extends Pick<ControlFlow, "order" | "outermost" | "merges" | "isLoop" | "isMerge" | "dominates"> {
  /** Nodes that edges lead back to from others than they dominate. */
  readonly irregular: readonly number[];
}

function dominatorTree(successors: readonly (readonly number[])[], roots: readonly number[]): DominatorTree {
  const sequence = depthFirst(successors, roots).reverse();
  const order = new Array<number>(successors.length).fill(-1);
  for (const [position, node] of sequence.entries()) order[node] = position;

  const predecessors: number[][] = successors.map(() => []);
  for (const node of sequence) for (const next of successors[node]!) predecessors[next]!.push(node);
  const isRoot = new Set(roots);
  const parents = dominators(sequence, order, predecessors, isRoot);
  const dominates = (node: number, other: number): boolean => {
    for (let at = other; at >= 0; at = parents[at]!) if (at === node) return true;
    return false;
  };

  const irregular: number[] = [];
  const isLoop = new Array<boolean>(order.length).fill(false),
    isMerge = new Array<boolean>(order.length).fill(false);
  for (const node of sequence) {
    let forward = isRoot.has(node) ? 1 : 0;
    for (const from of predecessors[node]!) {
      if (order[from]! < order[node]!) forward++;
      else if (dominates(node, from)) isLoop[node] = true;
      else if (!isRoot.has(node)) irregular.push(node);
    }
    isMerge[node] = parents[node] === ROOT || forward > 1;
  }
  const merges: number[][] = successors.map(() => []);
  for (const node of sequence) {
    const parent = parents[node]!;
    if (isMerge[node] && parent >= 0) merges[parent]!.push(node);
  }
  const outermost = sequence.filter((node) => parents[node] === ROOT);
  return { order, outermost, merges, isLoop, isMerge, dominates, irregular };
}

const unique = (list: readonly number[]): number[] => [...new Set(list)];

/** Parent of what only the outside dominates. */
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
