/** Operations that the interpreter executes together: each block says what the state's cells hold afterwards. */
import { assertEquals } from "@std/assert";
import { parse } from "../../../src/ir/parse.ts";
import { BlockEngines } from "../../_support/ir_engines.ts";

const engines = new BlockEngines();
const interpreter = engines.all[0]!;
const END = "\n; +3\njump 0x3";

interface Case {
  readonly name: string;
  readonly body: string;
  /** RAX, RCX, RDX and RBX before and after. */
  readonly before: readonly bigint[];
  readonly after: readonly bigint[];
}

/** Cells of the registers. */
const rax = "0x0", rcx = "0x8", rdx = "0x10", rbx = "0x18";
const ONES = 0xffff_ffffn;

const CASES: readonly Case[] = [
  {
    name: "two exclusive ors, the second of the first",
    body:
      `%0 = get32 ${rax}\n%1 = get32 ${rcx}\n%2 = xor32 %0, %1\n%3 = xor32 %2, %0\nset32 ${rdx}, %2\nset32 ${rbx}, %3`,
    before: [5n, 3n, 0n, 0n],
    after: [5n, 3n, 6n, 3n],
  },
  {
    name: "a get and an addition with a carry between the halves; both values are used",
    body: `%0 = get64 ${rcx}\n%1 = get64 ${rax}\n%2 = add64 %1, %0\nset64 ${rdx}, %1\nset64 ${rbx}, %2`,
    before: [ONES, 1n, 0n, 0n],
    after: [ONES, 1n, ONES, ONES + 1n],
  },
  {
    name: "an addition and a set of another value",
    body:
      `%0 = get64 ${rax}\n%1 = get64 ${rcx}\n%2 = sub64 %0, %1\n%3 = add64 %0, %1\nset64 ${rdx}, %2\nset64 ${rbx}, %3`,
    before: [ONES, 1n, 0n, 0n],
    after: [ONES, 1n, ONES - 1n, ONES + 1n],
  },
  {
    name: "a set and a get of the same cell",
    body: `%0 = get64 ${rax}\nset64 ${rcx}, %0\n%1 = get64 ${rcx}\n%2 = get64 ${rbx}\nset64 ${rdx}, %1`,
    before: [0x1_0000_0002n, 7n, 0n, 9n],
    after: [0x1_0000_0002n, 0x1_0000_0002n, 0x1_0000_0002n, 9n],
  },
  {
    name: "a zero-extension and a set of it",
    body: `%0 = get32 ${rax}\n%1 = zext %0\nset64 ${rdx}, %1`,
    before: [0x1_8000_0002n, 0n, -1n, 0n],
    after: [0x1_8000_0002n, 0n, 0x8000_0002n, 0n],
  },
  {
    name: "six sets of cells in a row",
    body:
      `%0 = const32 0x1\n%1 = const32 0x2\n%2 = const32 0x3\n%3 = const32 0x4\n%4 = const32 0x5\n%5 = const32 0x6
set32 0x0, %0\nset32 0x4, %1\nset32 0x8, %2\nset32 0xc, %3\nset32 0x10, %4\nset32 0x14, %5`,
    before: [0n, 0n, 0n, 9n],
    after: [0x2_0000_0001n, 0x4_0000_0003n, 0x6_0000_0005n, 9n],
  },
  {
    name: "six sets of cells that do not lie in a row",
    body:
      `%0 = const32 0x1\n%1 = const32 0x2\n%2 = const32 0x3\n%3 = const32 0x4\n%4 = const32 0x5\n%5 = const32 0x6
set32 0x0, %0\nset32 0x4, %1\nset32 0x8, %2\nset32 0x18, %3\nset32 0x14, %4\nset32 0x10, %5`,
    before: [0n, 0n, 0n, 0n],
    after: [0x2_0000_0001n, 3n, 0x5_0000_0006n, 4n],
  },
];

for (const { name, body, before, after } of CASES) {
  Deno.test(`the interpreter executes together: ${name}`, () => {
    const view = new DataView(engines.state.buffer, engines.state.byteOffset);
    before.forEach((value, n) => view.setBigUint64(8 * n, BigInt.asUintN(64, value), true));
    const run = interpreter.prepare(() => parse(`; +0\n${body}${END}`));
    engines.begin();
    run();
    assertEquals(after.map((_, n) => view.getBigUint64(8 * n, true)), after);
  });
}
