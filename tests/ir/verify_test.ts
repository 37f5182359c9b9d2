import { assertThrows } from "@std/assert";
import { opcodeNumber } from "../../src/ir/opcodes.ts";
import { parse } from "../../src/ir/parse.ts";
import type { Block } from "../../src/ir/types.ts";
import { Inst } from "../../src/ir/types.ts";
import { verify } from "../../src/ir/verify.ts";

const END = "\n; +3\njump 0x3";
const block = (body: string): Block => parse(`; +0\n${body}${END}`);
const signatureOf = (id: number): string | undefined => id === 0 ? "wq:q" : undefined;

Deno.test("verify() accepts a well-formed block", () => {
  verify(
    block(`%0 = get64 0x0
%1 = lo %0
%2 = const32 0xff
%3:i8 = and32 %1, %2
%4:i8 = shr32 %3, %2
%5:i8 = or32 %3, %4
%6:i64 = call #0, %5, %0
store8 %6, %5`),
    { signatureOf },
  );
});

for (
  const [what, body, message] of [
    ["an operand of the wrong type", "%0 = get64 0x0\n%1 = add32 %0, %0", "needs i32 as operand 1, not i64"],
    ["too few operands", "%0 = get64 0x0\n%1 = add64 %0", "has 1 operands, not 2"],
    ["a result of the wrong type", "%0:i64 = get32 0x88", "yields i32, not i64"],
    ["a cell beyond the state", "%0 = get64 0x2000", "beyond the 8192 bytes of the state"],
    ["a cell across the state's end", "%0 = getv 0x1ff8", "beyond the 8192 bytes"],
    ["an unaligned cell", "%0 = get64 0x4", "is not aligned to 8 bytes"],
    ["an unaligned vector cell", "%0 = getv 0x408", "is not aligned to 16 bytes"],
    ["a lane that does not exist", "%0 = getv 0x400\n%1 = vextract64 %0, #2", "names a lane beyond 1"],
    ["a narrow constant that does not fit", "%0:i8 = const32 0x100", "can have bits above i8"],
    ["a narrow sum", "%0:i8 = const32 1\n%1:i8 = add32 %0, %0", "can have bits above i8"],
    ["a word as a byte", "%0 = get64 0x0\n%1:i8 = load16 %0", "can have bits above i8"],
    [
      "a vector that is no exception",
      "%0 = get32 0x88\nfaultIf %0, vector 32",
      "a vector that is not an exception's",
    ],
    ["a helper that does not exist", "call #7", "calls helper 7, which does not exist"],
    [
      "a helper's operands of the wrong type",
      "%0 = get32 0x88\n%1:i64 = call #0, %0, %0",
      "needs i64 as operand 2",
    ],
  ] as const
) {
  Deno.test(`verify() refuses ${what}`, () => {
    assertThrows(() => verify(block(body), { signatureOf }), TypeError, message);
  });
}

Deno.test("verify() refuses terminals on values of the wrong type", () => {
  const branch = parse("; +0\n%0 = get64 0x0\n; +3\nbranch %0, 0x1, 0x3");
  assertThrows(() => verify(branch), TypeError, "the branch needs i32, not i64");
  const indirect = parse("; +0\n%0 = get32 0x88\n; +3\nindirect %0, jump");
  assertThrows(() => verify(indirect), TypeError, "the indirect needs i64, not i32");
});

Deno.test("verify() refuses values used before they are defined, and wrong numbering", () => {
  const base = block("%0 = get64 0x0\n%1 = lo %0\nset32 0x88, %1");
  const [get, lo, set] = base.insts as [Inst, Inst, Inst];
  assertThrows(() => verify({ ...base, insts: [lo, get, set] }), TypeError, "is at position 0");
  const unplaced = new Inst(opcodeNumber("get64"), "i64", [], 0, 0, 0);
  const user = new Inst(opcodeNumber("lo"), "i32", [unplaced], 0, 0, 0);
  assertThrows(() => verify({ ...base, insts: [user] }), TypeError, "which is not defined before it");
  const terminal = { kind: "redispatch", target: unplaced } as const;
  assertThrows(() => verify({ ...base, terminal }), TypeError, "the redispatch uses an undefined value");
});

Deno.test("verify() refuses guest instructions out of order or beyond the block", () => {
  const base = block("%0 = get64 0x0\nset64 0x8, %0");
  const first = new Inst(opcodeNumber("get64"), "i64", [], 0, 0, 1);
  const second = new Inst(opcodeNumber("set64"), "void", [first], 8, 0, 0);
  second.id = 1;
  const two = { ...base, offsets: [0, 1, 3], insts: [first, second] };
  assertThrows(() => verify(two), TypeError, "belongs to guest instruction 0 but follows 1");
  assertThrows(() => verify({ ...two, offsets: [0, 3] }), TypeError, "belongs to guest instruction 1 of 1");
});

Deno.test("verify() refuses offsets that do not rise and a wrong length", () => {
  const base = block("%0 = get64 0x0");
  assertThrows(() => verify({ ...base, offsets: [0, 3, 3] }), TypeError, "offsets must rise");
  assertThrows(() => verify({ ...base, length: 4 }), TypeError, "length is 4, its last offset 3");
});
