/** The two caches of one processor: WT finds the callee of a call, IWT its caller. docs/crossover.md, "The two caches". */
import { fields, list, type Shape } from "../snapshot/shape.ts";
import { type World, WORLD_STATE, type WorldState } from "./world.ts";
import { contextKey, ep4ta } from "./world_context.ts";

/** Sizes of the caches, in entries. */
export interface WorldCacheSizes {
  readonly worldCacheEntries: number;
  readonly inverseWorldCacheEntries: number;
}

/** An entry of the WT cache or the IWT cache. */
export interface Line {
  readonly world: World;
  /** Where it is kept when it was used last. */
  readonly place: number;
}

/** Keeps when entries were used last (memory/world_links.ts): compiled code tells it too. */
export interface LastUses {
  /** Places for a number of entries: the first. */
  takeUses(entries: number): number;
  /** The entry with this place has been used. */
  use(place: number): void;
  /** How long ago: the larger, the less recently. */
  age(place: number): number;
}

/** One cache. */
interface Cache {
  readonly lines: Map<bigint, Line>;
  /** Places of the entries that are free. */
  readonly free: number[];
}

/** Saved state of both caches: their worlds, least recently used first. */
export type WorldCachesState = {
  readonly byWid: readonly WorldState[];
  readonly byContext: readonly WorldState[];
};
/** What it looks like. */
export const WORLD_CACHES_STATE: Shape<WorldCachesState> = fields({
  byWid: list(WORLD_STATE),
  byContext: list(WORLD_STATE),
});

/** WT and IWT. */
export class WorldCaches {
  /** Counts up whenever what a world call finds or loads may have become another. */
  generation = 0;
  /** Is told then. */
  onChange: (() => void) | undefined;
  /** WID to world. */
  readonly #byWid: Cache;
  /** Context to world. */
  readonly #byContext: Cache;

  constructor(readonly sizes: WorldCacheSizes, readonly uses: LastUses) {
    this.#byWid = newCache(sizes.worldCacheEntries, uses);
    this.#byContext = newCache(sizes.inverseWorldCacheEntries, uses);
  }

  saveState(): WorldCachesState {
    const inOrder = ({ lines }: Cache): World[] =>
      [...lines.values()].sort((a, b) => this.uses.age(b.place) - this.uses.age(a.place))
        .map(({ world }) => world);
    return { byWid: inOrder(this.#byWid), byContext: inOrder(this.#byContext) };
  }

  /** Where there are more worlds than places, those used last stay. */
  loadState({ byWid, byContext }: WorldCachesState): void {
    this.#dropWhere(() => true);
    for (const world of byWid) this.#put(this.#byWid, world.wid, world);
    for (const world of byContext) this.#put(this.#byContext, contextKey(world), world);
    this.changed();
  }

  /** Everything that changes what is in either cache, or whether world calls are enabled, comes through here. */
  changed(): void {
    this.generation++;
    this.onChange?.();
  }

  /** Called for caller and callee of each call, and on insertion. */
  touch({ place }: Line): void {
    this.uses.use(place);
  }

  /** The world with a WID. */
  callee(wid: bigint): Line | undefined {
    return this.#byWid.lines.get(wid);
  }

  /** The world in whose context the processor is. */
  caller(context: bigint): Line | undefined {
    return this.#byContext.lines.get(context);
  }

  /** Puts a world into both caches, in place of what its WID meant before. False if another WID holds its context. */
  insert(world: World): boolean {
    const context = contextKey(world);
    if (this.#isHeldByAnother(context, world.wid)) return false;
    this.#dropWhere((other) => other.wid === world.wid);
    this.#put(this.#byWid, world.wid, world);
    this.#put(this.#byContext, context, world);
    this.changed();
    return true;
  }

  /** Drops a WID from both caches. */
  drop(wid: bigint): void {
    this.#dropWhere((world) => world.wid === wid);
    this.changed();
  }

  dropAll(): void {
    this.#dropWhere(() => true);
    this.changed();
  }

  /** Drops the worlds under an EPTP: those with the same EP4TA. */
  dropEptp(eptp: bigint): void {
    this.#dropWhere((world) => !world.host && ep4ta(world.eptp) === ep4ta(eptp));
    this.changed();
  }

  /** Identity is unique: no two WIDs have the same context in either cache. */
  #isHeldByAnother(context: bigint, wid: bigint): boolean {
    const identified = this.#byContext.lines.get(context);
    if (identified !== undefined && identified.world.wid !== wid) return true;
    for (const { world } of this.#byWid.lines.values()) {
      if (world.wid !== wid && contextKey(world) === context) return true;
    }
    return false;
  }

  #put(cache: Cache, key: bigint, world: World): void {
    if (cache.free.length === 0) this.#evictLeastRecent(cache);
    const line: Line = { world, place: cache.free.pop()! };
    this.touch(line);
    cache.lines.set(key, line);
  }

  #evictLeastRecent(cache: Cache): void {
    const [key] = [...cache.lines].reduce((oldest, other) =>
      this.uses.age(other[1].place) > this.uses.age(oldest[1].place) ? other : oldest
    );
    remove(cache, key);
  }

  #dropWhere(chosen: (world: World) => boolean): void {
    for (const cache of [this.#byWid, this.#byContext]) {
      for (const [key, { world }] of cache.lines) if (chosen(world)) remove(cache, key);
    }
  }
}

function newCache(entries: number, uses: LastUses): Cache {
  const first = uses.takeUses(entries);
  return { lines: new Map(), free: Array.from({ length: entries }, (_, n) => first + n) };
}

function remove({ lines, free }: Cache, key: bigint): void {
  free.push(lines.get(key)!.place);
  lines.delete(key);
}
