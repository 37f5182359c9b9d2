import { assertEquals } from "@std/assert";
import { evaluate, type Vector } from "./lanes.ts";

const text = (s: string): Vector => {
  const bytes = new Uint8Array(16);
  bytes.set(new TextEncoder().encode(s));
  return [...new Int32Array(bytes.buffer)] as unknown as Vector;
};
const words = (...values: number[]): Vector => {
  const cells = new Int16Array(8);
  cells.set(values);
  return [...new Int32Array(cells.buffer)] as unknown as Vector;
};
const IMPLICIT = -1;
/** Control: element (0 unsigned bytes, 1 words, 2 signed bytes, 3 signed words), operation, polarity. */
const control = (element: number, operation: number, polarity = 0): number =>
  element | (operation << 2) | (polarity << 4);
const compare = (a: Vector, b: Vector, imm: number, lengthA = IMPLICIT, lengthB = IMPLICIT): number =>
  evaluate("vstringcompare", [a, b, lengthA, lengthB], imm)[0];
const SECOND_ENDED = 0x1_0000, FIRST_ENDED = 0x2_0000, BOTH = SECOND_ENDED | FIRST_ENDED;

/** IntRes2 from a picture: element 0 first. */
const bits = (picture: string): number =>
  [...picture].reduce((sum, c, n) => sum | (c === "1" ? 1 << n : 0), 0);

Deno.test("vstringcompare, equal any: which elements are in the set", () => {
  assertEquals(compare(text("aeiou"), text("education"), control(0, 0)), bits("101010110") | BOTH);
});

Deno.test("vstringcompare, ranges: which elements are in one of the ranges, signed or not", () => {
  assertEquals(compare(text("azAZ"), text("Go 2 x!"), control(0, 1)), bits("1100010") | BOTH);
  assertEquals(compare(words(-5, 5), words(-6, -5, 1, 5, 6), control(3, 1), 2, 5), bits("01110") | BOTH);
  assertEquals(compare(words(-5, 5), words(-6, -5, 1, 5, 6), control(1, 1), 2, 5), BOTH);
});

Deno.test("vstringcompare, equal each: elements beyond both ends are equal, beyond one are not", () => {
  assertEquals(
    compare(text("abcdef"), text("abxd"), control(0, 2)),
    bits("1101001111111111") | BOTH,
  );
});

Deno.test("vstringcompare, equal ordered: where the first string occurs, also cut off by the end", () => {
  assertEquals(compare(text("ab"), text("xabyab"), control(0, 3)), bits("010010") | BOTH);
  assertEquals(
    compare(text("ab"), text("0123456789abcdea"), control(0, 3)),
    bits("0000000000100001") | FIRST_ENDED,
  );
  assertEquals(compare(text(""), text("xyz"), control(0, 3)), 0xffff | BOTH);
});

Deno.test("vstringcompare polarity: negated everywhere, or only where the second string is valid", () => {
  assertEquals(compare(text("b"), text("abc"), control(0, 0, 1)), 0xffff & ~0b010 | BOTH);
  assertEquals(compare(text("b"), text("abc"), control(0, 0, 3)), 0b101 | BOTH);
  assertEquals(compare(text("b"), text("abc"), control(0, 0, 2)), 0b010 | BOTH);
});

Deno.test("vstringcompare with explicit lengths does not stop at 0", () => {
  assertEquals(compare(words(0), words(1, 0, 2, 0), control(1, 0), 1, 4), bits("0101") | BOTH);
  assertEquals(compare(text("a"), text("aaaaaaaaaaaaaaaa"), control(0, 0), 1, 16), 0xffff | FIRST_ENDED);
});

Deno.test("vspread8 and vspread16 make elements of bits", () => {
  assertEquals([...evaluate("vspread8", [0x8421])], [0xff, 0xff00, 0xff0000, 0xff000000 | 0]);
  assertEquals([...evaluate("vspread16", [0b10_0111_01])], [0xffff, -1, 0xffff, -65536]);
});
