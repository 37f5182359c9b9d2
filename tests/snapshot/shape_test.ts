import { assertEquals, assertThrows } from "@std/assert";
import {
  bool,
  bytes,
  fields,
  i32,
  list,
  maybe,
  oneOf,
  type Shape,
  StateError,
  type StateValue,
  such,
  text,
  time,
  u16,
  u32,
  u64,
  u8,
  whole,
} from "../../src/snapshot/shape.ts";

interface Case {
  readonly name: string;
  readonly shape: Shape<unknown>;
  readonly good: readonly StateValue[];
  readonly bad: readonly StateValue[];
}

const CASES: readonly Case[] = [
  { name: "bool", shape: bool, good: [true, false], bad: [0, "true", undefined] },
  { name: "text", shape: text, good: ["", "a"], bad: [1, undefined] },
  { name: "u8", shape: u8, good: [0, 255], bad: [-1, 256, 0.5, 1n, NaN, "1"] },
  { name: "u16", shape: u16, good: [0xffff], bad: [0x1_0000] },
  { name: "u32", shape: u32, good: [0xffff_ffff], bad: [2 ** 32, Infinity] },
  { name: "i32", shape: i32, good: [-(2 ** 31), 2 ** 31 - 1], bad: [2 ** 31] },
  { name: "u64", shape: u64, good: [0n, 2n ** 64n - 1n], bad: [-1n, 2n ** 64n, 0] },
  { name: "whole", shape: whole(2, 4), good: [2, 4], bad: [1, 5, 2.5] },
  { name: "time", shape: time, good: [0, Infinity, -Infinity, 0.5], bad: [NaN, 0n] },
  { name: "bytes", shape: bytes(), good: [new Uint8Array(), new Uint8Array(3)], bad: [[1], "a"] },
  { name: "bytes(2)", shape: bytes(2), good: [new Uint8Array(2)], bad: [new Uint8Array(3)] },
  { name: "oneOf", shape: oneOf("a", "b"), good: ["a", "b"], bad: ["c", 1, undefined] },
  { name: "maybe", shape: maybe(u8), good: [undefined, 1], bad: ["a"] },
  { name: "list", shape: list(u8), good: [[], [1, 2]], bad: [[256], { 0: 1 }, new Uint8Array(1)] },
  { name: "list of 1", shape: list(u8, 1), good: [[1]], bad: [[], [1, 2]] },
  {
    name: "fields",
    shape: fields({ a: u8, b: maybe(u8) }),
    good: [{ a: 1, b: 2 }],
    bad: [{ a: 1, b: 2, c: 3 }, { b: 2 }, [1], new Uint8Array(1), undefined],
  },
  { name: "such", shape: such(u8, (n) => n % 2 === 0, "even"), good: [2], bad: [3, 256] },
];

for (const { name, shape, good, bad } of CASES) {
  Deno.test(`${name} accepts exactly its values`, () => {
    for (const value of good) assertEquals(shape.check(value, "it"), value);
    for (const value of bad) assertThrows(() => shape.check(value, "it"), StateError, "it");
  });
}

Deno.test("a shape tells where a value does not fit", () => {
  const shape = fields({ timers: list(fields({ count: u8 })) });
  const wrong = { timers: [{ count: 1 }, { count: 300 }] };
  assertThrows(
    () => shape.check(wrong, "8254"),
    StateError,
    "8254.timers[1].count is not a whole number from 0 to 255",
  );
});
