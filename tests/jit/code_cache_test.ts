/** The code cache: which blocks go, and what it knows of the bytes of those that are left. */
import { assertEquals } from "@std/assert";
import { Code } from "../../src/jit/code.ts";
import { CodeCache } from "../../src/jit/code_cache.ts";
import type { Region } from "../../src/jit/engine.ts";
import { CodePages } from "../../src/memory/code_pages.ts";
import { LinearMemory } from "../../src/memory/physical.ts";
import { Worlds } from "../../src/memory/worlds.ts";

function make(limit = 100): CodeCache {
  const memory = new LinearMemory(1 << 16);
  return new CodeCache(new CodePages(memory, new Worlds(memory)), limit);
}

/** A block of so many bytes at a host-physical address, for a linear address. */
function blockAt(hpa: number, length: number, pc = hpa): Code {
  const block = {
    pc: BigInt(pc),
    mode: 0,
    length,
    offsets: [0, length],
    insts: [],
    terminal: { kind: "jump" as const, target: 0n },
    usesFloat: false,
  };
  const program = { words: new Int32Array(8), first: 0, end: 0, offsets: 0, lo: pc, hi: 0, count: 1 };
  return new Code(block, program, hpa, -1, false);
}

const added = (cache: CodeCache, ...codes: Code[]): Code[] => {
  for (const code of codes) cache.add(code);
  return codes;
};

Deno.test("above the limit the oldest blocks go, but for those that are compiled", () => {
  const cache = make(3), [first, second, third] = added(cache, ...[0, 16, 32].map((at) => blockAt(at, 4)));
  second!.entries = [{ code: second!, region: {} as Region, number: 0 }];
  const more = added(cache, ...[48, 64].map((at) => blockAt(at, 4)));
  assertEquals([first, second, third, ...more].map((code) => code!.dropped), [
    true,
    false,
    true,
    false,
    false,
  ]);
  assertEquals([cache.size, cache.counts.evicted], [3, 2]);
});

Deno.test("where all are compiled, the oldest goes all the same", () => {
  const cache = make(2), codes = added(cache, blockAt(0, 4), blockAt(16, 4));
  for (const code of codes) code.entries = [{ code, region: {} as Region, number: 0 }];
  cache.add(blockAt(32, 4));
  assertEquals(codes.map(({ dropped }) => dropped), [true, false]);
});

Deno.test("blocks that are dropped out of turn are passed over", () => {
  const cache = make(4), codes = added(cache, ...[0, 16, 32, 48].map((at) => blockAt(at, 4)));
  for (const n of [1, 3, 0]) cache.drop(codes[n]!);
  const more = added(cache, ...[64, 80, 96, 112].map((at) => blockAt(at, 4)));
  assertEquals([...codes, ...more].map(({ dropped }) => !dropped), [
    ...[false, false, false, false],
    ...[true, true, true, true],
  ]);
  assertEquals([cache.size, cache.counts.evicted], [4, 1]);
});

Deno.test("overlaps() tells of the bytes of live blocks, also where several shared them", () => {
  const cache = make();
  const [long, inside, copy] = added(cache, blockAt(0, 12), blockAt(4, 4), blockAt(4, 4, 0x7004));
  const known = (): boolean[] => [0, 3, 4, 7, 8, 11, 12].map((at) => cache.overlaps(at, 1));
  assertEquals(known(), [true, true, true, true, true, true, false]);
  cache.drop(long!);
  assertEquals(known(), [false, false, true, true, false, false, false]);
  cache.drop(inside!);
  assertEquals(known(), [false, false, true, true, false, false, false]);
  added(cache, blockAt(8, 2));
  cache.drop(copy!);
  assertEquals(known(), [false, false, false, false, true, false, false]);
});

Deno.test("find() and invalidate() know the blocks of one place for several addresses", () => {
  const cache = make(), [one, other] = added(cache, blockAt(4, 4), blockAt(4, 4, 0x7004));
  assertEquals([cache.find(4, 4, 0, 0), cache.find(4, 0x7004, 0, 0)], [one, other]);
  cache.invalidate(8, 4);
  assertEquals(cache.size, 2);
  cache.invalidate(7, 1);
  assertEquals([cache.size, cache.counts.droppedByStores, cache.find(4, 4, 0, 0)], [0, 2, undefined]);
});
