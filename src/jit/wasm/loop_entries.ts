/**
 * Makes a graph reducible: a loop that control enters in several places gets one start, a dispatcher, which goes on to the
 * block that is wanted. As in Ramalingam, "On Loops, Dominators, and Dominance Frontiers" (TOPLAS 24, 2002), loops are
 * strongly connected components, and the loops in them those of what is left without the edges back to their start.
 */

/** The start of a loop that is entered in several places. */
export interface LoopEntry {
  /** Number of the node; behind those of the blocks. */
  readonly node: number;
  /** The block where each turn starts; undefined if the start is always told where to go on. */
  readonly header: number | undefined;
  /** The blocks of the loop, and those of them that the start is told of. */
  readonly members: ReadonlySet<number>;
  readonly told: Set<number>;
}

/** Where an edge leads in the graph that has been made reducible. */
export interface Step {
  /** A block, or the start of a loop. */
  readonly node: number;
  /** Whether the start must be told which block is wanted: another than its header. */
  readonly tells: boolean;
}

/** Stands for what is outside of the graph. */
export const OUTSIDE = -1;

/** Most blocks that are compared for where a loop had best start. */
const MOST_CANDIDATES = 4;

/** The starts of loops that are entered in several places, and the ways to blocks through them. */
export class LoopEntries {
  readonly list: LoopEntry[] = [];
  /** The blocks where turns of loops start, whether these are entered elsewhere too or not. */
  readonly headers: number[] = [];
  /** For each block, the starts that lead to it, the outermost first. */
  readonly #around: LoopEntry[][];
  readonly #byHeader = new Map<number, LoopEntry>();
  readonly #predecessors: number[][];

  /**
   * @param successors of each block, by number
   * @param entrances blocks that are entered from outside
   */
  constructor(readonly successors: readonly (readonly number[])[], entrances: ReadonlySet<number>) {
    this.#around = successors.map(() => []);
    this.#predecessors = successors.map((_, block) => entrances.has(block) ? [OUTSIDE] : []);
    for (const [from, list] of successors.entries()) {
      for (const to of list) this.#predecessors[to]!.push(from);
    }
    this.#findLoops(new Set(successors.keys()));
    for (const [to, list] of this.#predecessors.entries()) for (const from of list) this.#noteTold(from, to);
  }

  /** Notes of which block the starts are told on the way along an edge; from outside it is always said. */
  #noteTold(from: number, to: number): void {
    const { tells } = this.step(from, to);
    if (!tells && from !== OUTSIDE) return;
    for (const { members, told } of this.#around[to]!) if (!members.has(from)) told.add(to);
  }

  /** Most starts of loops that control goes through on one edge inside the graph. */
  get longestWay(): number {
    const ways = this.#predecessors.flatMap((list, to) =>
      list.filter((from) => from !== OUTSIDE && this.step(from, to).tells).map((from) =>
        this.#around[to]!.filter(({ members }) => !members.has(from)).length
      )
    );
    return Math.max(0, ...ways);
  }

  /** Where control goes for a block, from another or from OUTSIDE. */
  step(from: number, to: number): Step {
    const outer = this.#around[to]!.find(({ members }) => !members.has(from));
    if (outer !== undefined) return { node: outer.node, tells: outer.header !== to };
    return { node: this.#byHeader.get(to)?.node ?? to, tells: false };
  }

  /** Where the start of a loop goes on for one of its blocks. */
  next(entry: LoopEntry, to: number): number {
    const around = this.#around[to]!;
    return around[around.indexOf(entry) + 1]?.node ?? to;
  }

  /** Finds the loops among some blocks, and those in them. */
  #findLoops(blocks: ReadonlySet<number>): void {
    for (const members of components(this.successors, blocks)) {
      const entered = [...members].filter((block) =>
        this.#predecessors[block]!.some((from) => !members.has(from))
      );
      const header = this.#headerOf(members, entered);
      this.headers.push(header);
      if (entered.length > 1) {
        const entry = {
          node: this.successors.length + this.list.length,
          header,
          members,
          told: new Set<number>(),
        };
        this.list.push(entry);
        this.#byHeader.set(header, entry);
        for (const block of members) this.#around[block]!.push(entry);
      }
      this.#findLoops(new Set([...members].filter((block) => block !== header)));
    }
  }

  /** Where a loop starts: the block, of those by which it is entered, that leaves most blocks in loops inside of it. */
  #headerOf(members: ReadonlySet<number>, entered: readonly number[]): number {
    const candidates = (entered.length > 0 ? entered : [...members]).slice(0, MOST_CANDIDATES);
    if (candidates.length === 1) return candidates[0]!;
    const left = candidates.map((header) => {
      const inner = components(this.successors, new Set([...members].filter((block) => block !== header)));
      return inner.reduce((sum, { size }) => sum + size, 0);
    });
    return candidates[left.indexOf(Math.max(...left))]!;
  }
}

/** The strongly connected components with a cycle among some blocks of a graph. Tarjan's algorithm, without recursion. */
function components(
  successors: readonly (readonly number[])[],
  blocks: ReadonlySet<number>,
): Set<number>[] {
  const found: Set<number>[] = [], count = successors.length;
  // By block: when it was met (0: not yet; OUT: never is), and the first met that it leads back to (0: it is closed).
  const OUT = -1, met = new Int32Array(count).fill(OUT), low = new Int32Array(count);
  for (const block of blocks) met[block] = 0;
  const open: number[] = [], path: number[] = [], next = new Int32Array(count);
  let time = 0;
  const enter = (block: number): void => {
    met[block] = low[block] = ++time;
    open.push(block);
    path.push(block);
  };
  const close = (root: number): void => {
    const members = open.splice(open.lastIndexOf(root));
    for (const block of members) low[block] = 0;
    if (members.length > 1 || successors[root]!.includes(root)) found.push(new Set(members));
  };
  const visit = (root: number): void => {
    enter(root);
    while (path.length > 0) {
      const block = path.at(-1)!, to = successors[block]![next[block]!++];
      if (to === undefined) {
        path.pop();
        const parent = path.at(-1);
        if (parent !== undefined) low[parent] = Math.min(low[parent]!, low[block]!);
        if (low[block] === met[block]) close(block);
      } else if (met[to] === 0) {
        enter(to);
      } else if (met[to] !== OUT && low[to] !== 0) {
        low[block] = Math.min(low[block]!, met[to]!);
      }
    }
  };
  for (const block of blocks) if (met[block] === 0) visit(block);
  return found;
}
