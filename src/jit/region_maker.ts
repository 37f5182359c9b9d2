/**
 * Makes regions of the code that has become warm, one at a time and in slices: guest code is executed between them, by the
 * interpreter or in the region that is to be replaced. What changes meanwhile in the code makes an end to the work.
 *
 * How long a slice is follows from guest instructions, not from the host's time: regions come at the same places each time.
 */
import type { Block } from "../ir/types.ts";
import { VMX_MODE, VmxMode } from "../cpu/state.ts";
import type { Bindings } from "./bindings.ts";
import type { Code, Entry } from "./code.ts";
import type { CodeFinder } from "./code_finder.ts";
import type { DispatchCounts, Tiers } from "./tiers.ts";
import type { Compiled, CompileRequest, Region } from "./engine.ts";
import { landmarksOf, selectRegion } from "./region.ts";
import type { Slices } from "./slices.ts";

/**
 * Entries of a region after which it is made again: blocks that were cold when it was made may now belong to it. Each time
 * it takes so many times more.
 */
const REGROW_ENTRIES = 1000, MORE_ENTRIES = 100;
/** Blocks of a region are on average executed with one in so many of its visits, when it is made again. */
const OWN_SHARE = 8;

/** Regions that a block is entered through at most: in so many worlds with different code around it none is made again. */
const MOST_ENTRIES = 4;

/**
 * Guest instructions that a slice deals with: those of a block at first, when the host has to parse and compile the compiler
 * itself, which takes a hundred times as long; then more with each region up to the most. Each instruction is dealt with
 * several times: by the passes, by planning and by writing.
 */
const FIRST_SLICE = 2, LONGER_SLICE = 4, LONGEST_SLICE = 100;

/** Is told of each wait of execution for a region, or for a slice of the work on one. */
export interface CompilationListener {
  compilationBegins?(): void;
  compilationTook?(milliseconds: number): void;
}

/** A region that is being made. */
interface Making {
  readonly codes: readonly Code[];
  readonly slices: Slices<Entry>;
  /** Whether guest code has been executed since the work began. */
  isDivided: boolean;
}

/** Makes the regions of one dispatcher, and keeps those that are live. */
export class RegionMaker {
  listener: CompilationListener | undefined;
  /** Live regions, oldest first. */
  readonly #regions = new Set<Region>();
  #making: Making | undefined;

  constructor(
    readonly bindings: Bindings,
    readonly finder: CodeFinder,
    readonly tiers: Tiers,
    readonly counts: DispatchCounts,
  ) {
    finder.cache.onDrop = (region) => {
      this.#regions.delete(region);
      bindings.access.mmu.worlds.forgetRegion(region.id);
      tiers.engine?.drop?.(region);
    };
  }

  /** Whether a region is being made. */
  get isMaking(): boolean {
    return this.#making !== undefined;
  }

  /**
   * Makes the region around a block, or begins to. `old` is the one that it replaces: then it is made from all that has
   * become warm. Returns the way in if it is ready.
   */
  make(code: Code, old: Region | undefined): Entry | undefined {
    return this.#timed(() => this.#begin(code, old));
  }

  /** Does another slice of the work. */
  goOn(): void {
    const making = this.#making;
    if (making === undefined) return;
    making.isDivided = true;
    this.#timed(() => this.#slice(making));
  }

  #timed<T>(work: () => T): T {
    const { listener } = this;
    if (listener === undefined) return work();
    listener.compilationBegins?.();
    const begun = performance.now();
    const result = work();
    listener.compilationTook?.(performance.now() - begun);
    return result;
  }

  #begin(code: Code, old: Region | undefined): Entry | undefined {
    const { finder } = this;
    if (old !== undefined) {
      // Links have led to it still while there was a larger one.
      const larger = finder.entryAmong(code.entries, old);
      if (larger !== undefined && larger.region.generation > old.generation) {
        finder.cache.dropRegion(old);
        return larger;
      }
    }
    const codes = this.#select(code, old);
    const making: Making = { codes, slices: this.#make(codes, old), isDivided: false };
    this.#making = making;
    return this.#slice(making);
  }

  /** Works as long as a slice takes. Returns the way in if the region is ready then. */
  #slice(making: Making): Entry | undefined {
    const { slices, codes } = making;
    const most = this.tiers.inSlices
      ? Math.min(FIRST_SLICE + LONGER_SLICE * this.counts.regionsCompiled, LONGEST_SLICE)
      : Infinity;
    if (!codes.every(mayCompile)) {
      slices.return(undefined as never);
      this.#making = undefined;
      return undefined;
    }
    for (let done = 0; done < most;) {
      const next = slices.next();
      if (next.done === true) {
        this.#making = undefined;
        return next.value;
      }
      done += next.value;
    }
    return undefined;
  }

  /** The blocks of the region around one. */
  #select(code: Code, old: Region | undefined): Code[] {
    const { finder } = this, engine = this.tiers.engine!, { mode } = code, again = old !== undefined;
    const find = (pc: bigint): Code | undefined => {
      const lo = Number(BigInt.asIntN(32, pc)), hi = Number(BigInt.asIntN(32, pc >> 32n));
      const hpa = finder.placeOf(lo, hi);
      const other = hpa < 0 ? undefined : finder.cache.find(hpa, lo, hi, mode);
      return other === undefined || other.watched || !finder.goesOn(other) ? undefined : other;
    };
    const generation = old === undefined ? 0 : old.generation + 1;
    // Of what others have as well, it takes in what they were too young for, and those that there is room for as a whole.
    const isTaken = ({ entries }: Code, room: number): boolean => {
      const entry = finder.entryAmong(entries, old);
      if (entry === undefined) return false;
      const { region } = entry;
      return !again || (region.generation >= generation && region.codes.length > room);
    };
    const { regionBlocks, firstRegionBlocks, threshold } = this.tiers;
    const most = Math.min(again ? regionBlocks : firstRegionBlocks, engine.mostBlocks);
    return selectRegion(code, find, this.#heats(old), isTaken, most, engine.mostInstructions, threshold);
  }

  *#make(codes: readonly Code[], old: Region | undefined): Slices<Entry> {
    const { finder } = this, engine = this.tiers.engine!, again = old !== undefined;
    const isGuest = this.bindings.memory.i32[VMX_MODE >> 2] === VmxMode.GUEST;
    const blocks: Block[] = [];
    for (const code of codes) {
      blocks.push(finder.optimized(code));
      if (engine.compileInSlices !== undefined) yield code.count;
    }
    const id = ++this.counts.regionsCompiled;
    const request: CompileRequest = {
      blocks,
      id,
      targets: codes.map(({ targets }) => targets),
      // One that is made again has been entered at the places that matter. Of lukewarm code, half would be compiled twice:
      // as part of the region that it is reached in, and as the start of another where control comes from elsewhere.
      open: !again,
      isGuest,
    };
    const compiled = engine.compileInSlices === undefined
      ? engine.compile(request)
      : yield* engine.compileInSlices(request);
    return this.#use(compiled, id, codes, old);
  }

  /** Brings a region into use. Returns the way in at its first block. */
  #use(compiled: Compiled, id: number, codes: readonly Code[], old: Region | undefined): Entry {
    const { finder } = this, engine = this.tiers.engine!, code = codes[0]!, again = old !== undefined;
    const generation = old === undefined ? 0 : old.generation + 1;
    const region: Region = {
      ...compiled,
      id,
      generation,
      codes,
      landmarks: landmarksOf(codes),
      dropped: false,
      entered: 0,
      mostEntered: REGROW_ENTRIES * MORE_ENTRIES ** generation,
    };
    if (old !== undefined && !old.dropped) finder.cache.dropRegion(old);
    if (this.#regions.size >= this.tiers.regions) this.#evictRegions();
    engine.adopt?.(region);
    this.#regions.add(region);
    // Otherwise the world may be another one now.
    if (this.#making?.isDivided !== true) this.bindings.access.mmu.worlds.notePlacement(id, true);
    for (const member of codes) member.memberOf = [...member.memberOf, region];
    const numbers = compiled.entrances ?? codes.keys();
    const entries = [...numbers].sort((a, b) => a - b).map((number) => ({
      code: codes[number]!,
      region,
      number,
    }));
    if (again) this.#dropContained(region, entries);
    for (const entry of entries) {
      const member = entry.code;
      if (!again && member !== code && finder.entry(member) !== undefined) continue;
      const oldest = member.entries.slice(MOST_ENTRIES - 1);
      member.entries = [entry, ...member.entries.slice(0, MOST_ENTRIES - 1)];
      for (const { region } of oldest) if (!isEntered(region)) finder.cache.dropRegion(region);
    }
    return entries.find((entry) => entry.code === code)!;
  }

  /**
   * How hot blocks are that a region may take in when it is made again, as a logarithm: by how often the regions were entered
   * that they are in. Its own blocks are not all that hot.
   */
  #heats(old: Region | undefined): (code: Code) => number {
    if (old === undefined) return () => 0;
    const own = new Set(old.codes), ownHeat = this.#visits(old) / OWN_SHARE;
    return (code) => {
      const others = code.memberOf.filter((region) => region !== old);
      const most = Math.max(own.has(code) ? ownHeat : 0, ...others.map((region) => this.#visits(region)));
      return 32 - Math.clz32(most);
    };
  }

  #visits(region: Region): number {
    return this.tiers.engine?.visits?.(region) ?? region.entered;
  }

  /** Drops a share of the oldest regions: those that were entered least. The others count as new. */
  #evictRegions(): void {
    const count = Math.max(1, Math.floor(this.#regions.size / 16));
    const oldest = [...this.#regions].slice(0, 2 * count);
    const visits = new Map(oldest.map((region) => [region, this.#visits(region)]));
    oldest.sort((a, b) => visits.get(a)! - visits.get(b)!);
    for (const region of oldest.slice(0, count)) this.finder.cache.dropRegion(region);
    for (const region of oldest.slice(count)) {
      this.#regions.delete(region);
      this.#regions.add(region);
    }
    this.counts.regionsEvicted += Math.min(count, oldest.length);
  }

  /** Drops the regions that a new one contains, with all their ways in: what led to them shall lead to it. */
  #dropContained(region: Region, entries: readonly Entry[]): void {
    const codes = new Set(region.codes), entrances = new Set(entries.map(({ code }) => code));
    const others = new Set(entries.flatMap(({ code }) => code.entries.map((entry) => entry.region)));
    for (const other of others) {
      const isContained = other.codes.every((code) =>
        codes.has(code) && (entrances.has(code) || !code.entries.some((entry) => entry.region === other))
      );
      if (isContained) this.finder.cache.dropRegion(other);
    }
  }
}

/** Whether blocks of a region still lead into it. */
const isEntered = (region: Region): boolean =>
  region.codes.some(({ entries }) => entries.some((entry) => entry.region === region));

/** Whether code may become part of a region. */
export const mayCompile = ({ dropped, watched }: Code): boolean => !dropped && !watched;
