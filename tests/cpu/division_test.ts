import { assertEquals } from "@std/assert";
import { divide128, divide64, divideSigned128, divideSigned64 } from "../../src/cpu/division.ts";
import { Bits, joined, words } from "./wide_numbers.ts";

const ROUNDS = 20_000;
const out = new Int32Array(1);

Deno.test("divide64() gives the quotient of bigints for every divisor above the upper half", () => {
  const bits = new Bits(1);
  for (let i = 0; i < ROUNDS; i++) {
    const divisor = bits.wide(32) || 1n;
    const dividend = bits.wide(64) % (divisor << 32n);
    const [lo, hi] = words(dividend, 2) as [number, number];
    assertEquals(
      BigInt(divide64(lo, hi, Number(divisor) | 0) >>> 0),
      dividend / divisor,
      `${dividend} / ${divisor}`,
    );
  }
});

Deno.test("divideSigned64() truncates toward zero, modulo 2^64", () => {
  const bits = new Bits(2);
  for (let i = 0; i < ROUNDS; i++) {
    const divisor = BigInt.asIntN(32, bits.wide(32)) || -1n;
    const dividend = BigInt.asIntN(64, bits.wide(64));
    const [lo, hi] = words(dividend, 2) as [number, number];
    const quotient = joined(divideSigned64(out, 0, lo, hi, Number(divisor)), out[0]!);
    assertEquals(quotient, BigInt.asUintN(64, dividend / divisor), `${dividend} / ${divisor}`);
  }
});

Deno.test("divide128() gives the quotient of bigints for every divisor above the upper half", () => {
  const bits = new Bits(3);
  for (let i = 0; i < ROUNDS; i++) {
    const divisor = bits.wide(64) || 1n;
    const dividend = (i % 2 === 0 ? bits.wide(64) : bits.wide(128)) % (divisor << 64n);
    const [l0, l1, h0, h1] = words(dividend, 4) as [number, number, number, number];
    const [d0, d1] = words(divisor, 2) as [number, number];
    const lo = divide128(out, 0, l0, l1, h0, h1, d0, d1);
    assertEquals(joined(lo, out[0]!), dividend / divisor, `${dividend} / ${divisor}`);
  }
});

Deno.test("divideSigned128() refuses exactly zero and quotients that do not fit", () => {
  const bits = new Bits(4);
  for (let i = 0; i < ROUNDS; i++) {
    const divisor = BigInt.asIntN(64, i % 50 === 0 ? 0n : bits.wide(64));
    const dividend = i % 2 === 0 ? BigInt.asIntN(64, bits.wide(64)) : BigInt.asIntN(128, bits.wide(128));
    const [l0, l1, h0, h1] = words(dividend, 4) as [number, number, number, number];
    const [d0, d1] = words(divisor, 2) as [number, number];
    const lo = divideSigned128(out, 0, l0, l1, h0, h1, d0, d1);
    const quotient = divisor === 0n ? undefined : dividend / divisor;
    const fits = quotient !== undefined && BigInt.asIntN(64, quotient) === quotient;
    assertEquals(lo === undefined, !fits, `${dividend} / ${divisor}`);
    if (lo !== undefined) {
      assertEquals(BigInt.asIntN(64, joined(lo, out[0]!)), quotient, `${dividend} / ${divisor}`);
    }
  }
});
