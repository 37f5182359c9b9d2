/** Which blocks are compiled together. */
import { assertEquals } from "@std/assert";
import type { Block } from "../../src/ir/types.ts";
import { Code } from "../../src/jit/code.ts";
import { Constants } from "../../src/jit/interpreter/constants.ts";
import { assemble } from "../../src/jit/interpreter/program.ts";
import { ProgramArrays } from "../../src/jit/interpreter/program_store.ts";
import { landmarksOf, selectRegion } from "../../src/jit/region.ts";

const CONSTANTS = new Constants(new Int32Array(64), 0), STORE = new ProgramArrays();

/** A block of one instruction at a PC, which lies somewhere, and whose end may lead to several places. */
function blockAt(lo: number, hpa: number, secondPage = -1): Code {
  const block: Block = {
    pc: BigInt(lo),
    mode: 2,
    offsets: [0, 1],
    length: 1,
    insts: [],
    terminal: { kind: "vmfunc", next: 0n },
    usesFloat: false,
  };
  return new Code(block, assemble(block, CONSTANTS, STORE), hpa, secondPage, false);
}

/** How a region is selected. */
interface Selection {
  readonly limit?: number;
  readonly most?: number;
  readonly heat?: (pc: number) => number;
  readonly taken?: (pc: number, room: number) => boolean;
}

/** Blocks of one instruction at the addresses of a graph, each of which leads to others. */
class Blocks {
  readonly #codes: ReadonlyMap<bigint, Code>;

  constructor(
    graph: Readonly<Record<number, readonly number[]>>,
    runs: Readonly<Record<number, number>> = {},
  ) {
    this.#codes = new Map(
      Object.entries(graph).map(([pc, targets]) => {
        const code = blockAt(Number(pc), 0);
        for (const lo of targets) code.noteTarget({ lo, hi: 0 });
        code.runs = runs[Number(pc)] ?? 1000;
        return [BigInt(pc), code];
      }),
    );
  }

  /** Addresses of the region entered at address 1, in order. */
  select({ limit = 100, most = 100, heat = () => 0, taken = () => false }: Selection = {}): number[] {
    const at = (code: Code): number => code.lo;
    return selectRegion(
      this.#codes.get(1n)!,
      (pc) => this.#codes.get(pc),
      (code) => heat(at(code)),
      (code, room) => taken(at(code), room),
      limit,
      most,
      1000,
    ).map(at);
  }
}

const GRAPH = { 1: [2, 3], 2: [4, 5], 3: [6], 4: [], 5: [], 6: [7], 7: [1] };

Deno.test("selectRegion() takes blocks breadth first where all are as hot", () => {
  assertEquals(new Blocks(GRAPH).select(), [1, 2, 3, 4, 5, 6, 7]);
  assertEquals(new Blocks(GRAPH).select({ limit: 4 }), [1, 2, 3, 4]);
  assertEquals(new Blocks(GRAPH).select({ most: 3 }), [1, 2, 3]);
});

Deno.test("selectRegion() takes the hottest of what it has reached where there is no room for all", () => {
  const heat = (pc: number): number => [3, 6, 7].includes(pc) ? 9 : 1;
  assertEquals(new Blocks(GRAPH).select({ limit: 5, heat }), [1, 3, 6, 7, 2]);
});

Deno.test("selectRegion() leaves cold blocks out, and what others have taken by the room there is", () => {
  assertEquals(new Blocks(GRAPH, { 3: 124 }).select(), [1, 2, 4, 5]);
  const rooms: number[] = [];
  const taken = (pc: number, room: number): boolean => {
    rooms.push(room);
    return pc === 2;
  };
  assertEquals(new Blocks(GRAPH).select({ taken }), [1, 3, 6, 7]);
  assertEquals(rooms, [99, 99, 98, 97]);
});

Deno.test("landmarksOf() takes a block of each page, and each that goes on in another", () => {
  const first = blockAt(0x1010, 0x5010),
    crossing = blockAt(0x1fff, 0x5fff, 0x9000),
    second = blockAt(0x2000, 0x9000);
  // The same frame at another address, and the same address in another frame.
  const again = blockAt(0x7010, 0x5010), other = blockAt(0x1020, 0x6020);
  const codes = [first, blockAt(0x1020, 0x5020), crossing, second, again, other, blockAt(0x2ff0, 0x9ff0)];
  assertEquals(landmarksOf(codes), [first, crossing, second, again, other]);
});
