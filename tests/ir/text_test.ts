import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { parse } from "../../src/ir/parse.ts";
import { print } from "../../src/ir/print.ts";
import { cellOfName, nameOfCell } from "../../src/cpu/state_names.ts";
import { choices, randomBlock } from "../_support/random_block.ts";

const NAMES = { cell: nameOfCell, helper: (id: number): string => `HELPER_${id}` };
const NUMBERS = { cell: cellOfName, helper: (name: string): number => Number(name.slice("HELPER_".length)) };

const EXAMPLE = `block pc=0x401000 mode=0x46 float
; +0
%0 = get64 RAX
%1 = const64 -8
%2 = add64 %0, %1
%3 = load32 %2, stack, aligned
%4 = const32 0xff00ff00
%5:i8 = and32 %3, %4
faultIf %5, vector 13, error 0
faultIf %5, vector 6
; +5
%8:i64 = call HELPER_3, %2, %5
call HELPER_1
%10 = vconst #7
%11 = vinsert32 %10, %3, #2
setv XMM15, %11
set64 FS.BASE, %8
; +9
branch %5, 0x401000, 0x401009
`;

Deno.test("print() and parse() agree on every part of the text form", () => {
  assertEquals(print(parse(EXAMPLE, NUMBERS), NAMES), EXAMPLE);
});

Deno.test("print() and parse() agree on every terminal", () => {
  const ends = [
    "jump 0x401009",
    "jump 0x402000, 0x401009",
    "branch %1, 0x401000, 0x401009",
    "indirect %0, jump",
    "indirect %0, call, 0x401009",
    "indirect %0, return",
    "event 1, vector 6, error -1, rip 0x401000",
    "event 2, vector 0, error -1, rip 0x401009, retired",
    "redispatch %0",
  ];
  for (const end of ends) {
    const text = `block pc=0x401000 mode=0x6\n; +0\n%0 = get64 0x0\n%1 = get32 0x88\n; +9\n${end}\n`;
    assertEquals(print(parse(text)), text);
  }
});

Deno.test("parse() reads back what print() writes of random blocks", () => {
  fc.assert(fc.property(choices(60), (list) => {
    const text = print(randomBlock(list), NAMES);
    assertEquals(print(parse(text, NUMBERS), NAMES), text);
  }));
});

Deno.test("print() names a cell without a name by its offset", () => {
  const text = "block pc=0x0 mode=0x0\n; +0\n%0 = get32 0x4\nset32 0x404, %0\njump 0x0\n";
  assertEquals(print(parse(text), NAMES), text);
});

for (
  const [what, text, message] of [
    ["an unknown opcode", "%0 = add33 %1", "line 1: unknown opcode add33"],
    ["an undefined value", "\nset64 0x0, %7", "line 2: %7 is not defined"],
    ["a value defined twice", "%0 = const32 1\n%0 = const32 2", "line 2: %0 is defined twice"],
    ["a result of an opcode without one", "%0 = const32 1\n%1 = set32 0x88, %0", "set32 yields no value"],
    ["a dropped result", "const32 1", "const32 yields a value"],
    ["an unknown cell", "%0 = get64 RQX", "unknown name RQX"],
    ["an unknown memory flag", "%0 = get64 0x0\n%1 = load8 %0, quick", "unknown memory flag quick"],
    ["an unknown type", "%0:i7 = const32 1", "unknown type i7"],
    ["a bad constant", "%0 = const32 one", "not a number: one"],
    ["a block without end", "%0 = const32 1", "the block has no end"],
    ["text behind the end", "jump 0x0\njump 0x0", "nothing may follow"],
  ] as const
) {
  Deno.test(`parse() refuses ${what}`, () => {
    assertThrows(() => parse(text, { cell: cellOfName }), SyntaxError, message);
  });
}
