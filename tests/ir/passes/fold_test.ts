import { assertEquals } from "@std/assert";
import { dead } from "../../../src/ir/passes/dead.ts";
import { fold } from "../../../src/ir/passes/fold.ts";
import { parse } from "../../../src/ir/parse.ts";
import { print } from "../../../src/ir/print.ts";
import { verify } from "../../../src/ir/verify.ts";
import { blockOf, expressionOf } from "../../_support/ir_expression.ts";
import { run } from "../../_support/ir_reference.ts";
import { EFFECTS, TestWorld } from "../../_support/random_block.ts";

/** Expressions and what they become. Names: tests/_support/ir_expression.ts. */
const CASES: Record<string, readonly (readonly [before: string, after: string])[]> = {
  "32-bit arithmetic": [
    ["add32(3, 4)", "7"],
    ["add32(2147483647, 1)", "-2147483648"],
    ["add32(w, 0)", "w"],
    ["add32(5, w)", "add32(w, 5)"],
    ["add32(add32(w, 5), -5)", "w"],
    ["sub32(add32(w, 5), 7)", "add32(w, -2)"],
    ["sub32(w, w)", "0"],
    ["mul32(w, 0)", "0"],
    ["mul32(1, w)", "w"],
    ["mul32(w, 8)", "shl32(w, 3)"],
    ["mul32(w, -2147483648)", "shl32(w, 31)"],
    ["mul32(w, 6)", "mul32(w, 6)"],
    ["mul32(-1, -1)", "1"],
  ],
  "32-bit logic": [
    ["and32(w, w)", "w"],
    ["and32(w, 0)", "0"],
    ["and32(w, -1)", "w"],
    ["and32(and32(w, 255), 15)", "and32(w, 15)"],
    ["and32(and32(w, 240), 15)", "0"],
    ["and32(b, 255)", "b"],
    ["and32(h, 255)", "and32(m, 255)"],
    ["and32(or32(w, 256), 255)", "and32(w, 255)"],
    ["and32(sext8(w), 255)", "and32(w, 255)"],
    ["and32(eq32(w, x), 1)", "eq32(w, x)"],
    ["and32(shr32(w, 24), 255)", "shr32(w, 24)"],
    ["or32(w, 0)", "w"],
    ["or32(w, -1)", "-1"],
    ["or32(or32(w, 1), 2)", "or32(w, 3)"],
    ["xor32(w, w)", "0"],
    ["xor32(xor32(w, 1), 1)", "w"],
    ["xor32(eq32(w, x), 1)", "ne32(w, x)"],
    ["xor32(ltu32(w, x), 1)", "leu32(x, w)"],
    ["xor32(xor32(lts64(q, r), 1), 1)", "lts64(q, r)"],
  ],
  "32-bit shifts": [
    ["shl32(w, 0)", "w"],
    ["shl32(w, 32)", "w"],
    ["shl32(w, and32(x, 31))", "shl32(w, x)"],
    ["shl32(w, and32(x, 15))", "shl32(w, and32(x, 15))"],
    ["shl32(shl32(w, 3), 4)", "shl32(w, 7)"],
    ["shl32(shl32(w, 20), 20)", "0"],
    ["shl32(shr32(w, 4), 4)", "and32(w, -16)"],
    ["shl32(sar32(w, 4), 4)", "and32(w, -16)"],
    ["shl32(and32(w, 255), 24)", "shl32(w, 24)"],
    ["shr32(shl32(w, 24), 24)", "and32(w, 255)"],
    ["shr32(shr32(w, 20), 20)", "0"],
    ["shr32(shr32(w, 2), 3)", "shr32(w, 5)"],
    ["shr32(b, 8)", "0"],
    ["sar32(sar32(w, 20), 20)", "sar32(w, 31)"],
    ["sar32(shl32(w, 24), 24)", "sext8(w)"],
    ["sar32(shl32(w, 16), 16)", "sext16(w)"],
    ["sar32(b, 3)", "shr32(b, 3)"],
    ["shr32(-1, 28)", "15"],
    ["sar32(-16, 2)", "-4"],
    ["rotl32(w, 64)", "w"],
    ["rotr32(3, 1)", "-2147483647"],
    ["rotl32(-2147483648, 1)", "1"],
    ["sext8(sext8(w))", "sext8(w)"],
    ["sext16(sext8(w))", "sext8(w)"],
    ["sext8(and32(w, 255))", "sext8(w)"],
    ["sext8(and32(w, 127))", "and32(w, 127)"],
    ["bswap32(bswap32(w))", "w"],
    ["clz32(0)", "32"],
    ["ctz32(8)", "3"],
    ["popcnt32(-1)", "32"],
  ],
  "32-bit comparisons": [
    ["eq32(w, w)", "1"],
    ["eq32(ltu32(w, x), 0)", "leu32(x, w)"],
    ["eq32(ltu32(w, x), 1)", "ltu32(w, x)"],
    ["ne32(ltu32(w, x), 0)", "ltu32(w, x)"],
    ["ne32(eq64(q, r), 1)", "ne64(q, r)"],
    ["eq32(sub32(w, x), 0)", "eq32(w, x)"],
    ["ne32(xor32(w, x), 0)", "ne32(w, x)"],
    ["eq32(add32(w, 5), 7)", "eq32(w, 2)"],
    ["eq32(xor32(w, 5), 7)", "eq32(w, 2)"],
    ["eq32(b, 256)", "0"],
    ["ltu32(b, 256)", "1"],
    ["eq32(or32(lo(q), hi(q)), 0)", "eq64(q, 0)"],
    ["ne32(or32(hi(q), lo(q)), 0)", "ne64(q, 0)"],
    ["ltu32(h, 256)", "ltu32(h, 256)"],
    ["ltu32(h, 65536)", "1"],
    ["ltu32(w, 0)", "0"],
    ["ltu32(0, w)", "ne32(w, 0)"],
    ["ltu32(w, 1)", "eq32(w, 0)"],
    ["leu32(0, w)", "1"],
    ["leu32(w, 0)", "eq32(w, 0)"],
    ["leu32(w, -1)", "1"],
    ["lts32(w, 0)", "shr32(w, 31)"],
    ["les32(-5, 3)", "1"],
    ["select32(1, w, x)", "w"],
    ["select32(w, x, x)", "x"],
    ["select32(eq32(w, 0), w, x)", "select32(w, x, w)"],
    ["select32(ne32(w, 0), w, x)", "select32(w, w, x)"],
    ["select32(eq32(w, x), 1, 0)", "eq32(w, x)"],
    ["select32(w, 1, 0)", "ne32(w, 0)"],
    ["select32(eq32(w, x), 0, 1)", "ne32(w, x)"],
    ["select32(w, 0, 1)", "eq32(w, 0)"],
  ],
  "64-bit arithmetic": [
    ["add64(q, 0)", "q"],
    ["add64(0xffffffff, 1)", "4294967296"],
    ["add64(add64(q, -8), -8)", "add64(q, -16)"],
    ["sub64(q, 0x100000000)", "add64(q, -4294967296)"],
    ["sub64(q, q)", "0"],
    ["mul64(q, 0x100000000)", "shl64(q, 32)"],
    ["mul64(q, 0)", "0"],
    ["mul64(zext(w), zext(x))", "mulwideu32(w, x)"],
    ["mul64(sext(w), sext(x))", "mulwides32(w, x)"],
    ["mul64(0x123456789abcdef0, 0xfedcba9876543210)", "2552847189736476416"],
    ["mulhu64(0xffffffffffffffff, 0xffffffffffffffff)", "-2"],
    ["mulhs64(-1, -1)", "0"],
    ["mulhs64(0x8000000000000000, 0x8000000000000000)", "4611686018427387904"],
    ["mulwideu32(-1, -1)", "-8589934591"],
    ["mulwides32(-1, 5)", "-5"],
    ["mulo32(w, 1)", "0"],
    ["mulo64(0, q)", "0"],
    ["mulo64(q, 0x100000000)", "mulo64(q, 4294967296)"],
  ],
  "64-bit logic": [
    ["and64(q, q)", "q"],
    ["and64(q, 0xff)", "zext(and32(lo(q), 255))"],
    ["and64(q, 0xffffffff)", "zext(lo(q))"],
    ["and64(zext(w), zext(x))", "zext(and32(w, x))"],
    ["and64(zext(w), -2)", "zext(and32(w, -2))"],
    ["or64(zext(w), 16)", "zext(or32(w, 16))"],
    ["or64(zext(w), -1)", "-1"],
    ["or64(zext(w), -16)", "or64(zext(w), -16)"],
    ["xor64(q, q)", "0"],
    ["xor64(xor64(q, 0x100000001), 0x100000001)", "q"],
  ],
  "64-bit shifts": [
    ["shl64(q, 64)", "q"],
    ["shl64(q, and32(w, 63))", "shl64(q, w)"],
    ["shl64(shl64(q, 40), 40)", "0"],
    ["shr64(shr64(q, 4), 4)", "shr64(q, 8)"],
    ["shr64(zext(w), 32)", "0"],
    ["shr64(zext(w), 5)", "zext(shr32(w, 5))"],
    ["sar64(zext(w), 5)", "zext(shr32(w, 5))"],
    ["sar64(sar64(q, 40), 40)", "sar64(q, 63)"],
    ["shl64(0x80000001, 1)", "4294967298"],
    ["sar64(0x8000000000000000, 63)", "-1"],
    ["rotl64(0x8000000000000001, 4)", "24"],
    ["rotr64(0x18, 4)", "-9223372036854775807"],
    ["bswap64(bswap64(q))", "q"],
    ["bswap64(1)", "72057594037927936"],
    ["clz64(1)", "63"],
    ["ctz64(0x100000000)", "32"],
    ["popcnt64(-1)", "64"],
  ],
  "64-bit comparisons": [
    ["eq64(zext(w), zext(x))", "eq32(w, x)"],
    ["eq64(zext(w), 0x100000000)", "0"],
    ["ne64(zext(w), 7)", "ne32(w, 7)"],
    ["eq64(sub64(q, r), 0)", "eq64(q, r)"],
    ["eq64(xor64(q, r), 0)", "eq64(q, r)"],
    ["eq64(add64(q, 8), 24)", "eq64(q, 16)"],
    ["ltu64(zext(w), zext(x))", "ltu32(w, x)"],
    ["ltu64(q, 0)", "0"],
    ["ltu64(0, q)", "ne64(q, 0)"],
    ["leu64(q, 0)", "eq64(q, 0)"],
    ["leu64(q, -1)", "1"],
    ["lts64(q, 0)", "shr32(hi(q), 31)"],
    ["lts64(-1, 0)", "1"],
    ["les64(1, -1)", "0"],
    ["select64(0, q, r)", "r"],
  ],
  "halves": [
    ["lo(zext(w))", "w"],
    ["lo(sext(w))", "w"],
    ["lo(pair(w, x))", "w"],
    ["hi(pair(w, x))", "x"],
    ["hi(zext(w))", "0"],
    ["hi(sext(w))", "sar32(w, 31)"],
    ["hi(insert16(q, w))", "hi(q)"],
    ["lo(0x500000007)", "7"],
    ["hi(0x500000007)", "5"],
    ["lo(add64(q, r))", "add32(lo(q), lo(r))"],
    ["lo(mul64(q, r))", "mul32(lo(q), lo(r))"],
    ["hi(xor64(q, r))", "xor32(hi(q), hi(r))"],
    ["hi(add64(q, r))", "hi(add64(q, r))"],
    ["lo(mulwides32(w, x))", "mul32(w, x)"],
    ["lo(select64(w, q, r))", "select32(w, lo(q), lo(r))"],
    ["lo(shl64(q, 40))", "0"],
    ["lo(shr64(q, 40))", "shr32(hi(q), 8)"],
    ["lo(sar64(q, 32))", "hi(q)"],
    ["hi(shl64(q, 33))", "shl32(lo(q), 1)"],
    ["hi(shr64(q, 33))", "0"],
    ["hi(shr64(q, 3))", "shr32(hi(q), 3)"],
    ["hi(sar64(q, 33))", "sar32(hi(q), 31)"],
    ["hi(sar64(q, 3))", "sar32(hi(q), 3)"],
    ["lo(shl64(q, 3))", "shl32(lo(q), 3)"],
    ["lo(shl64(q, w))", "lo(shl64(q, w))"],
    ["and32(lo(shr64(q, 5)), 1)", "and32(shr32(lo(q), 5), 1)"],
    ["and32(lo(sar64(q, 31)), 1)", "shr32(lo(q), 31)"],
    ["and32(lo(shr64(q, 31)), 2)", "and32(lo(shr64(q, 31)), 2)"],
    ["zext(7)", "7"],
    ["zext(-1)", "4294967295"],
    ["sext(-1)", "-1"],
    ["sext(b)", "zext(b)"],
    ["pair(lo(q), hi(q))", "q"],
    ["pair(w, 0)", "zext(w)"],
    ["pair(w, sar32(w, 31))", "sext(w)"],
    ["pair(1, 2)", "8589934593"],
  ],
  "partial registers": [
    ["insert8(insert8(q, w), x)", "insert8(q, x)"],
    ["insert16(insert8high(q, w), x)", "insert16(q, x)"],
    ["insert8high(insert8(q, w), x)", "insert8high(insert8(q, w), x)"],
    ["insert8(q, b)", "insert8(q, l)"],
    ["insert8(0x1234, 0x56)", "4694"],
    ["insert8high(0x1234, 0x56)", "22068"],
    ["insert8(q, lo(q))", "q"],
    ["insert16(q, and32(w, 255))", "insert16(q, and32(w, 255))"],
    ["insert16(q, and32(w, 65535))", "insert16(q, w)"],
    ["insert8high(q, and32(w, 255))", "insert8high(q, w)"],
    ["insert8high(q, and32(w, 15))", "insert8high(q, and32(w, 15))"],
    ["insert16(q, and32(lo(q), 0xffff))", "q"],
    ["and32(lo(insert8(q, w)), 255)", "and32(w, 255)"],
    ["and32(lo(insert8(q, w)), 65280)", "and32(lo(q), 65280)"],
    ["and32(shr32(lo(insert8high(q, w)), 8), 255)", "and32(w, 255)"],
    ["and32(lo(insert8high(q, w)), 255)", "and32(lo(q), 255)"],
  ],
  "vectors": [
    ["vextract32#2(vconst#7())", "7"],
    ["vextract64#1(vconst#7())", "30064771079"],
    ["vextract32#1(vinsert32#1(v, w))", "w"],
    ["vextract32#2(vinsert32#1(v, w))", "vextract32#2(v)"],
    ["vextract32#3(vinsert64#1(v, q))", "hi(q)"],
    ["vextract32#1(vinsert64#1(v, q))", "vextract32#1(v)"],
    ["vextract32#2(vpair(q, r))", "lo(r)"],
    ["vextract64#1(vpair(q, r))", "r"],
    ["vextract64(vinsert64(v, q))", "q"],
    ["vextract64#1(vinsert64(v, q))", "vextract64#1(v)"],
    ["vextract64#1(vinsert32#1(v, w))", "vextract64#1(v)"],
    ["vextract64(vinsert32#1(v, w))", "vextract64(vinsert32#1(v, w))"],
    ["lo(vextract64#1(v))", "vextract32#2(v)"],
    ["hi(vextract64(v))", "vextract32#1(v)"],
    ["vinsert32#1(vinsert32#1(v, w), x)", "vinsert32#1(v, x)"],
    ["vinsert64(vinsert32#1(v, w), q)", "vinsert64(v, q)"],
    ["vinsert64(vinsert32#2(v, w), q)", "vinsert64(vinsert32#2(v, w), q)"],
    ["vinsert64#1(v, vextract64#1(v))", "v"],
    ["vinsert32#3(v, vextract32#3(v))", "v"],
    ["vpair(vextract64(v), vextract64#1(v))", "v"],
    ["vxor(v, v)", "vconst()"],
    ["vand(v, v)", "v"],
    ["vor(vconst(), v)", "v"],
    ["vand(v, vconst())", "vconst()"],
    ["vandn(v, v)", "vconst()"],
    ["vandn(vconst(), v)", "v"],
  ],
};

/** Values of the cells that an expression reads, so that equal expressions can be told from lucky ones. */
const SEEDS = Array.from({ length: 60 }, (_, seed) => seed);

function result(text: string, simplify: boolean, seed: number): Uint8Array {
  const block = simplify ? dead(fold(blockOf(text)), EFFECTS) : blockOf(text);
  const world = new TestWorld(seed, -1);
  run(block, world);
  return world.state;
}

for (const [group, cases] of Object.entries(CASES)) {
  Deno.test(`fold() simplifies ${group}`, () => {
    for (const [before, after] of cases) {
      const block = dead(fold(blockOf(before)), EFFECTS);
      verify(block);
      assertEquals(expressionOf(block), after, before);
      for (const seed of SEEDS) assertEquals(result(before, true, seed), result(before, false, seed), before);
    }
  });
}

function folded(body: string): string {
  return print(dead(fold(parse(body)), EFFECTS)).split("\n").slice(1, -1).join("\n");
}

Deno.test("fold() keeps a 64-bit operation that more than one of its halves is needed of", () => {
  const text = `; +0
%0 = get64 0x0
%1 = const32 3
%2 = shl64 %0, %1
%3 = lo %2
%4 = xor64 %0, %2
%5 = lo %4
%6 = hi %4
store32 %2, %3
store32 %0, %5
store32 %0, %6
jump 0x2000`;
  assertEquals(folded(text), text);
});

Deno.test("fold() computes equal values once", () => {
  const text = `%1 = get64 0x0
%2 = const64 8
%3 = add64 %1, %2
%4 = const64 8
%5 = add64 %4, %1
store64 %3, %5
jump 0x2000`;
  assertEquals(
    folded(text),
    `; +0
%0 = get64 0x0
%1 = const64 8
%2 = add64 %0, %1
store64 %2, %2
jump 0x2000`,
  );
});

Deno.test("fold() keeps loads apart, which can yield different values", () => {
  const text = `; +0
%0 = get64 0x0
%1 = load32 %0
%2 = load32 %0
%3 = add32 %1, %2
set32 0x88, %3
jump 0x2000`;
  assertEquals(folded(text), text);
});

Deno.test("fold() decides branches on constants and tests values instead of comparisons with 0", () => {
  const branch = (condition: string): string => `%0 = get32 0x88\n${condition}\nbranch %1, 0x2000, 0x3000`;
  assertEquals(folded(branch("%1 = xor32 %0, %0")).split("\n").at(-1), "jump 0x3000");
  assertEquals(folded(branch("%1 = eq32 %0, %0")).split("\n").at(-1), "jump 0x2000");
  assertEquals(
    folded(branch("%z = const32 0\n%1 = ne32 %0, %z")).split("\n").at(-1),
    "branch %0, 0x2000, 0x3000",
  );
  assertEquals(
    folded(branch("%z = const32 0\n%1 = eq32 %0, %z")).split("\n").at(-1),
    "branch %0, 0x3000, 0x2000",
  );
});

Deno.test("fold() leaves out faults that cannot be raised and keeps those that must be", () => {
  const faults = (value: number): string => `%0 = const32 ${value}\nfaultIf %0, vector 6\njump 0x2000`;
  assertEquals(folded(faults(0)), "; +0\njump 0x2000");
  assertEquals(folded(faults(2)), "; +0\n%0 = const32 2\nfaultIf %0, vector 6\njump 0x2000");
});

Deno.test("fold() stores narrow values without masking them", () => {
  const text = `%0 = get64 0x0
%1 = lo %0
%2 = const32 0xff
%3:i8 = and32 %1, %2
store8 %0, %3
jump 0x2000`;
  assertEquals(folded(text), "; +0\n%0 = get64 0x0\n%1 = lo %0\nstore8 %0, %1\njump 0x2000");
});

Deno.test("fold() merges equal values in blocks of any length", () => {
  const pairs = 3000;
  const lines = ["%q = get64 0x0"];
  for (let n = 0; n < pairs; n++) {
    lines.push(`%c${n} = const64 ${n + 1}`, `%a${n} = add64 %q, %c${n}`, `%b${n} = add64 %q, %c${n}`);
    lines.push(`store64 %a${n}, %b${n}`);
  }
  const block = fold(parse([...lines, "jump 0x2000"].join("\n")));
  verify(block);
  assertEquals(block.insts.length, 1 + 3 * pairs);
});
