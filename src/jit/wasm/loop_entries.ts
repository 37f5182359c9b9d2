/**
 * Makes a graph reducible: a loop that control enters in several places gets one start, a dispatcher, which goes on to the
 * block that is wanted. As in Ramalingam, "On Loops, Dominators, and Dominance Frontiers" (TOPLAS 24, 2002), loops are
 * strongly connected components, and the loops in them those of what is left without the edges back to their start.
 */
import type { Slices } from "../slices.ts";

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

/** Stands for blocks that are not among those in question. */
const OUT = -1;

/** Most blocks that are compared for where a loop had best start. */
const MOST_CANDIDATES = 4;

/** How many blocks are looked at for loops in the time that a guest instruction takes in the other parts of the work. */
const BLOCKS_PER_INSTRUCTION = 4;

/** The starts of loops that are entered in several places, and the ways to blocks through them. */
export class LoopEntries {
  readonly list: LoopEntry[] = [];
  /** The blocks where turns of loops start, whether these are entered elsewhere too or not. */
  readonly headers: number[] = [];
  /** For each block, the starts that lead to it, the outermost first. */
  readonly #around: LoopEntry[][];
  readonly #byHeader = new Map<number, LoopEntry>();
  readonly #predecessors: number[][];
  readonly #components: Components;
  /** By block: the last loop that it was found in. */
  readonly #loop: Int32Array;

  /**
   * Finds them.
   *
   * @param successors of each block, by number
   * @param entrances blocks that are entered from outside
   */
  static *in(
    successors: readonly (readonly number[])[],
    entrances: ReadonlySet<number>,
  ): Slices<LoopEntries> {
    const entries = new LoopEntries(successors, entrances);
    yield* entries.#findAll();
    return entries;
  }

  private constructor(readonly successors: readonly (readonly number[])[], entrances: ReadonlySet<number>) {
    this.#around = successors.map(() => []);
    this.#predecessors = successors.map((_, block) => entrances.has(block) ? [OUTSIDE] : []);
    for (const [from, list] of successors.entries()) {
      for (const to of list) this.#predecessors[to]!.push(from);
    }
    this.#components = new Components(successors);
    this.#loop = new Int32Array(successors.length).fill(OUT);
  }

  *#findAll(): Slices<void> {
    yield* this.#findLoops(this.#components.among([...this.successors.keys()]));
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

  /** Whether a block lies in a loop. */
  isInLoop(block: number): boolean {
    return this.#loop[block] !== OUT;
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

  /** Takes components for loops, and finds those in them. */
  *#findLoops(found: readonly (readonly number[])[]): Slices<void> {
    for (const members of found) {
      const loop = this.headers.length;
      for (const block of members) this.#loop[block] = loop;
      const entered = members.filter((block) =>
        this.#predecessors[block]!.some((from) => from === OUTSIDE || this.#loop[from] !== loop)
      );
      const { header, inner } = yield* this.#headerOf(members, entered);
      this.headers.push(header);
      if (entered.length > 1) {
        const entry = {
          node: this.successors.length + this.list.length,
          header,
          members: new Set(members),
          told: new Set<number>(),
        };
        this.list.push(entry);
        this.#byHeader.set(header, entry);
        for (const block of members) this.#around[block]!.push(entry);
      }
      yield* this.#findLoops(inner);
    }
  }

  /**
   * Where a loop starts: the block, of those by which it is entered, that leaves most blocks in loops inside of it. And the
   * components without it.
   */
  *#headerOf(
    members: readonly number[],
    entered: readonly number[],
  ): Slices<{ readonly header: number; readonly inner: readonly (readonly number[])[] }> {
    const candidates = (entered.length > 0 ? entered : members).slice(0, MOST_CANDIDATES);
    let header = OUTSIDE, most = -1, inner: readonly (readonly number[])[] = [];
    for (const candidate of candidates) {
      const found = this.#components.among(members.filter((block) => block !== candidate));
      yield members.length / BLOCKS_PER_INSTRUCTION;
      const left = found.reduce((sum, { length }) => sum + length, 0);
      if (left <= most) continue;
      header = candidate;
      most = left;
      inner = found;
      // None can leave more.
      if (left === members.length - 1) break;
    }
    return { header, inner };
  }
}

/** Finds strongly connected components with a cycle, among some blocks of a graph. Tarjan's algorithm, without recursion. */
class Components {
  // By block: when it was met (0: not yet; OUT: never is), and the first met that it leads back to (0: it is closed).
  readonly #met: Int32Array;
  readonly #low: Int32Array;
  /** By block: which of its successors is looked at next. */
  readonly #next: Int32Array;
  readonly #open: number[] = [];
  readonly #path: number[] = [];
  #time = 0;

  constructor(readonly successors: readonly (readonly number[])[]) {
    const count = successors.length;
    this.#met = new Int32Array(count).fill(OUT);
    this.#low = new Int32Array(count);
    this.#next = new Int32Array(count);
  }

  /** The components among `blocks`. */
  among(blocks: readonly number[]): number[][] {
    const found: number[][] = [];
    this.#time = 0;
    for (const block of blocks) this.#met[block] = this.#next[block] = 0;
    for (const block of blocks) if (this.#met[block] === 0) this.#visit(block, found);
    for (const block of blocks) this.#met[block] = OUT;
    return found;
  }

  #enter(block: number): void {
    this.#met[block] = this.#low[block] = ++this.#time;
    this.#open.push(block);
    this.#path.push(block);
  }

  #close(root: number, found: number[][]): void {
    const members = this.#open.splice(this.#open.lastIndexOf(root));
    for (const block of members) this.#low[block] = 0;
    if (members.length > 1 || this.successors[root]!.includes(root)) found.push(members);
  }

  #visit(root: number, found: number[][]): void {
    const met = this.#met, low = this.#low, path = this.#path;
    this.#enter(root);
    while (path.length > 0) {
      const block = path[path.length - 1]!, to = this.successors[block]![this.#next[block]!++];
      if (to === undefined) {
        path.pop();
        const parent = path[path.length - 1];
        if (parent !== undefined) low[parent] = Math.min(low[parent]!, low[block]!);
        if (low[block] === met[block]) this.#close(block, found);
      } else if (met[to] === 0) {
        this.#enter(to);
      } else if (met[to] !== OUT && low[to] !== 0) {
        low[block] = Math.min(low[block]!, met[to]!);
      }
    }
  }
}
