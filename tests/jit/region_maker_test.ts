/** Large regions are made in slices, between which guest code is executed. */
import { assert, assertEquals } from "@std/assert";
import { Gpr } from "../../src/cpu/state.ts";
import { Bare, le32 } from "./_bare.ts";

const CODE = 0x1_0000, OTHER = 0x2_0000;
const INT3 = 0xcc;
const BLOCKS = 40, ADDITIONS = 10, TURNS = 10_000;
/** add eax, edx, so many times; jmp to behind it. */
const ADDING = [...new Array<number[]>(ADDITIONS).fill([0x01, 0xd0]).flat(), 0xeb, 0];

/** A loop of many blocks, after whose first instruction comes `more`. */
function loop(more: readonly number[]): number[] {
  // mov edx, 1
  const body = [0xba, ...le32(1), ...more, ...new Array<number[]>(BLOCKS).fill(ADDING).flat()];
  // dec ecx; jnz
  return [...body, 0xff, 0xc9, 0x0f, 0x85, ...le32(-(body.length + 8)), INT3];
}

/** Runs such a loop where all of it becomes one region when it is warm, and counts the waits for that. */
function runLoop(more: readonly number[]): { readonly bare: Bare; readonly waits: number } {
  let waits = 0;
  const bare = new Bare({
    engine: "auto",
    tiers: { threshold: 5, regionBlocks: 64 },
    observer: { compilationTook: () => waits++ },
  });
  bare.write(CODE, loop(more));
  bare.set(Gpr.RAX, 0);
  bare.set(Gpr.RCX, TURNS);
  // The immediate of the first instruction.
  bare.set(Gpr.RDI, CODE + 1);
  assertEquals(bare.run(CODE, 2 * TURNS * BLOCKS * (ADDITIONS + 1)).kind, "interrupt");
  return { bare, waits };
}

Deno.test("RegionMaker makes a large region in several slices", () => {
  const { bare, waits } = runLoop([]);
  const { counts } = bare.processor.dispatcher;
  assertEquals(bare.get(Gpr.RAX), TURNS * BLOCKS * ADDITIONS);
  assert(waits > counts.regionsCompiled + 3, `${waits} waits for ${counts.regionsCompiled} regions`);
  // Most turns are compiled ones.
  assert(counts.regionEntries > 0);
  assert(counts.interpretedInstructions < TURNS * BLOCKS * ADDITIONS / 2);
});

Deno.test("RegionMaker gives a region up whose code changes meanwhile", () => {
  // cmp ecx, TURNS - 10; jne +3; mov byte [rdi], 3: in the eleventh turn, for the next ones.
  const change = [0x81, 0xf9, ...le32(TURNS - 10), 0x75, 3, 0xc6, 0x07, 3];
  const { bare } = runLoop(change);
  assertEquals(bare.get(Gpr.RAX), (11 + (TURNS - 11) * 3) * BLOCKS * ADDITIONS);
  const { counts } = bare.processor.dispatcher;
  assert(counts.interpretedInstructions < TURNS * BLOCKS * ADDITIONS / 2);
});

Deno.test("WasmEngine.compileInSlices() leaves nothing behind when it is returned from early", () => {
  const { bare } = runLoop([]);
  const { dispatcher } = bare.processor;
  const engine = dispatcher.tiers.engine!;
  bare.write(OTHER, [...ADDING, INT3]);
  assertEquals(bare.run(OTHER).kind, "interrupt");
  const code = dispatcher.cache.codes.find((one) => one?.lo === OTHER)!;
  const request = (id: number) => ({
    blocks: [dispatcher.finder.optimized(code)],
    id,
    targets: [[]],
    open: true,
    isGuest: false,
  });
  const slices = engine.compileInSlices!(request(1000));
  assertEquals(slices.next().done, false);
  slices.return(undefined as never);
  const { place } = engine.compile(request(1001));
  const next = engine.compileInSlices!(request(1002));
  next.next();
  next.return(undefined as never);
  assertEquals(engine.compile(request(1003)).place, place! + 1);
});
