/** The WT and IWT caches. docs/crossover.md, "The two caches". */
import { assert, assertEquals } from "@std/assert";
import type { World } from "../../src/crossover/world.ts";
import { WorldCaches } from "../../src/crossover/world_cache.ts";
import { contextKey } from "../../src/crossover/world_context.ts";

const world = (wid: bigint, context: bigint = wid, eptp = 0x801en): World => ({
  wid,
  valid: true,
  host: eptp === 0n,
  cpl: 0,
  keepsInterrupts: false,
  cs: 8,
  ss: 16,
  eptp,
  cr3: context << 12n,
  rip: 0x1000n,
  systemContext: undefined,
});
function make(worldCacheEntries: number, inverseWorldCacheEntries = worldCacheEntries): WorldCaches {
  const stamps: number[] = [];
  let places = 0, tick = 0;
  return new WorldCaches({ worldCacheEntries, inverseWorldCacheEntries }, {
    takeUses: (entries) => (places += entries) - entries,
    use: (place) => void (stamps[place] = ++tick),
    age: (place) => tick - stamps[place]!,
  });
}
const callees = (caches: WorldCaches, wids: readonly bigint[]): bigint[] =>
  wids.filter((wid) => caches.callee(wid) !== undefined);
const callers = (caches: WorldCaches, worlds: readonly World[]): bigint[] =>
  worlds.map((each) => caches.caller(contextKey(each))?.world.wid ?? 0n);

Deno.test("insert() lets both caches find a world; each replaces its least recently used entry", () => {
  const caches = make(3, 2);
  const [a, b, c, d] = [world(1n), world(2n), world(3n), world(4n)] as const;
  for (const each of [a, b, c]) assert(caches.insert(each));
  assertEquals(callees(caches, [1n, 2n, 3n]), [1n, 2n, 3n]);
  assertEquals(callers(caches, [a, b, c]), [0n, 2n, 3n]);
  caches.touch(caches.callee(1n)!);
  caches.touch(caches.caller(contextKey(b))!);
  assert(caches.insert(d));
  assertEquals(callees(caches, [1n, 2n, 3n, 4n]), [1n, 3n, 4n]);
  assertEquals(callers(caches, [a, b, c, d]), [0n, 2n, 0n, 4n]);
});

Deno.test("insert() of a WID that is there replaces it, its old context included", () => {
  const caches = make(2);
  const before = world(1n, 10n), after = world(1n, 11n);
  assert(caches.insert(world(2n)));
  assert(caches.insert(before));
  assert(caches.insert(after));
  assertEquals(callees(caches, [1n, 2n]), [1n, 2n]);
  assertEquals(callers(caches, [before, after]), [0n, 1n]);
  assertEquals(caches.callee(1n)!.world, after);
});

Deno.test("insert() refuses a context that another WID holds in either cache, and changes nothing", () => {
  for (const [wt, iwt] of [[4, 4], [1, 4], [4, 1]] as const) {
    const caches = make(wt, iwt);
    const holder = world(1n, 10n);
    assert(caches.insert(holder));
    assert(caches.insert(world(2n)));
    const { generation } = caches;
    assertEquals(caches.insert(world(3n, 10n)), false, `${wt} ${iwt}`);
    assertEquals(caches.insert(world(2n, 10n)), false);
    assertEquals([caches.generation, callees(caches, [2n, 3n])], [generation, [2n]]);
    assert(caches.insert(holder));
    caches.drop(1n);
    assert(caches.insert(world(3n, 10n)));
  }
});

Deno.test("drop(), dropEptp(), dropAll() reach both caches; worlds under one EP4TA go together, host worlds stay", () => {
  const all = [world(1n), world(2n), world(3n, 3n, 0x901en), world(4n, 4n, 0x905en), world(5n, 5n, 0n)];
  const caches = make(8);
  const fill = (): void => all.forEach((each) => assert(caches.insert(each)));
  const left = (): bigint[] => callees(caches, all.map(({ wid }) => wid));
  const identified = (): bigint[] => callers(caches, all).filter((wid) => wid !== 0n);
  fill();
  caches.drop(2n);
  assertEquals([left(), identified()], [[1n, 3n, 4n, 5n], [1n, 3n, 4n, 5n]]);
  fill();
  caches.dropEptp(0x905en);
  assertEquals([left(), identified()], [[1n, 2n, 5n], [1n, 2n, 5n]]);
  fill();
  caches.dropAll();
  assertEquals([left(), identified()], [[], []]);
});

Deno.test("changed() is called by everything that changes what a call finds", () => {
  const caches = make(1);
  let { generation } = caches;
  for (
    const change of [
      () => caches.insert(world(1n)),
      () => caches.insert(world(2n)),
      () => caches.drop(2n),
      () => caches.dropAll(),
      () => caches.dropEptp(0x801en),
    ]
  ) {
    change();
    assert(caches.generation > generation, String(change));
    generation = caches.generation;
  }
});
