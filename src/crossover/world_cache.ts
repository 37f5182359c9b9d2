/** The two caches of one processor: WT finds the callee of a call, IWT its caller. docs/crossover.md, "The two caches". */
import type { World } from "./world.ts";
import { contextKey, ep4ta } from "./world_context.ts";

/** Sizes of the caches, in entries. */
export interface WorldCacheSizes {
  readonly worldCacheEntries: number;
  readonly inverseWorldCacheEntries: number;
}

/** An entry of the WT cache or the IWT cache. */
export interface Line {
  readonly world: World;
  /** The larger, the more recently used. */
  lastUse: number;
}

/** WT and IWT. */
export class WorldCaches {
  /** Counts up whenever what a world call finds or loads may have become another. */
  generation = 0;
  /** WID to world. */
  readonly #byWid = new Map<bigint, Line>();
  /** Context to world. */
  readonly #byContext = new Map<bigint, Line>();
  #uses = 0;

  constructor(readonly sizes: WorldCacheSizes) {}

  /**
   * HOOK: everything that changes what is in either cache, or whether world calls are enabled, comes through here. What has
   * been derived from the caches before is void.
   */
  changed(): void {
    this.generation++;
  }

  /** HOOK: the one place where recency is kept. Called for caller and callee of each call, and on insertion. */
  touch(line: Line): void {
    line.lastUse = ++this.#uses;
  }

  /** The world with a WID. */
  callee(wid: bigint): Line | undefined {
    return this.#byWid.get(wid);
  }

  /** The world in whose context the processor is. */
  caller(context: bigint): Line | undefined {
    return this.#byContext.get(context);
  }

  /** Puts a world into both caches, in place of what its WID meant before. False if another WID holds its context. */
  insert(world: World): boolean {
    const context = contextKey(world);
    if (this.#isHeldByAnother(context, world.wid)) return false;
    this.#dropWhere((other) => other.wid === world.wid);
    this.#put(this.#byWid, this.sizes.worldCacheEntries, world.wid, world);
    this.#put(this.#byContext, this.sizes.inverseWorldCacheEntries, context, world);
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
    const identified = this.#byContext.get(context);
    if (identified !== undefined && identified.world.wid !== wid) return true;
    for (const { world } of this.#byWid.values()) {
      if (world.wid !== wid && contextKey(world) === context) return true;
    }
    return false;
  }

  #put(cache: Map<bigint, Line>, size: number, key: bigint, world: World): void {
    if (cache.size >= size) evictLeastRecent(cache);
    const line: Line = { world, lastUse: 0 };
    this.touch(line);
    cache.set(key, line);
  }

  #dropWhere(chosen: (world: World) => boolean): void {
    for (const cache of [this.#byWid, this.#byContext]) {
      for (const [key, { world }] of cache) if (chosen(world)) cache.delete(key);
    }
  }
}

function evictLeastRecent(cache: Map<bigint, Line>): void {
  let oldest: bigint | undefined, lastUse = Infinity;
  for (const [key, line] of cache) {
    if (line.lastUse >= lastUse) continue;
    oldest = key;
    lastUse = line.lastUse;
  }
  if (oldest !== undefined) cache.delete(oldest);
}
