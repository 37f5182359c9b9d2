/**
 * Floating-point helpers while nothing has been rounded yet (FloatMode.UNROUNDED), where engines may compute in line: results
 * and MXCSR, against the exact functions that the interpreter calls, which agree with a processor (tests/cpu/float).
 */
import { assert, assertEquals } from "@std/assert";
import { FloatMode, Mode } from "../../src/cpu/mode.ts";
import { HELPER_NAMES, helperId, type HelperName } from "../../src/cpu/helpers.ts";
import { GPR, Gpr, MXCSR, XMM, YMM_HIGH } from "../../src/cpu/state.ts";
import { IrBuilder } from "../../src/ir/builder.ts";
import { FLOAT_OPCODES, type FloatOpcode } from "../../src/ir/float_opcodes.ts";
import { LETTER_TYPES } from "../../src/ir/print.ts";
import type { Block } from "../../src/ir/types.ts";
import { everywhere } from "./_bare.ts";
import { edgeValue, RandomWords } from "../_support/edge_values.ts";
import { BlockEngines } from "../_support/ir_engines.ts";
import { LETTER_BITS, readBytes, writeBytes } from "../_support/ir_reference.ts";

const MODE = 2 | Mode.USER | (FloatMode.UNROUNDED << Mode.FP_SHIFT);
/** All exceptions masked, rounding to nearest, no sticky bit. */
const UNROUNDED_MXCSR = 0x1f80n, PE = 0x20n;
const RESULT = YMM_HIGH, ROUNDS = 300;

const engines = new BlockEngines();
const view = new DataView(new ArrayBuffer(8));
const bits64 = (value: number): bigint => {
  view.setFloat64(0, value);
  return view.getBigUint64(0);
};
const bits32 = (value: number): bigint => {
  view.setFloat32(0, value);
  return BigInt(view.getUint32(0));
};

/** Whole numbers and fractions of few digits, whose results often need no rounding, and numbers near where they begin to. */
function shortNumber(random: RandomWords): number {
  const digits = random.below(4) === 0
    ? random.word() * (random.below(1 << 21) + 1)
    : random.below(1 << random.below(27));
  return (random.below(2) === 0 ? digits : -digits) / 2 ** random.below(12);
}

/** An operand of an operation on `width` bits; `isNumber`: not an integer that is converted. */
function operand(random: RandomWords, letter: string, isNumber: boolean): bigint {
  if (random.below(4) === 0) return edgeValue(random, letter);
  const value = shortNumber(random);
  if (!isNumber) return BigInt.asUintN(LETTER_BITS[letter]!, BigInt(Math.trunc(value)));
  return letter === "q" ? bits64(value) : bits32(value);
}

/** Constants that the last operand is, of operations that have one: predicates, and roundings. */
const CONSTANTS: { readonly [K in FloatOpcode]?: number } = {
  f64compare: 8,
  f32compare: 8,
  f64round: 16,
  f32round: 16,
};

function blockOf(op: FloatOpcode, name: HelperName, constant: number | undefined): Block {
  const ir = new IrBuilder();
  const [letters, result] = FLOAT_OPCODES[op].signature.split(":") as [string, string];
  const args = [...letters].map((letter, n) =>
    constant !== undefined && n === letters.length - 1
      ? ir.i32(constant)
      : ir.get(GPR + 8 * n, LETTER_TYPES[letter] as "i32" | "i64")
  );
  ir.set(RESULT, ir.emit("call", LETTER_TYPES[result]!, args, helperId(name)));
  return ir.finish(0x1000n, MODE, [0, 1], { kind: "jump", target: 0x1001n });
}

for (const op of Object.keys(FLOAT_OPCODES) as FloatOpcode[]) {
  const name = `exact_${op}` as HelperName;
  assert(HELPER_NAMES.includes(name));
  Deno.test(`${name} is the same in every engine while nothing has been rounded`, () => {
    const random = new RandomWords(op.length);
    const [letters, result] = FLOAT_OPCODES[op].signature.split(":") as [string, string];
    const isNumber = !/^f..from/.test(op);
    let unrounded = 0;
    for (let constant = 0; constant < (CONSTANTS[op] ?? 1); constant++) {
      const block = (): Block => blockOf(op, name, CONSTANTS[op] === undefined ? undefined : constant);
      const runs = engines.all.map(({ prepare }) => prepare(block));
      for (let round = 0; round < ROUNDS; round++) {
        const operands = [...letters].map((letter) => operand(random, letter, isNumber));
        const effects = runs.map((run) => {
          engines.begin();
          writeBytes(engines.state, MXCSR, 32, UNROUNDED_MXCSR);
          for (const [n, letter] of [...letters].entries()) {
            writeBytes(engines.state, GPR + 8 * n, LETTER_BITS[letter]!, operands[n]!);
          }
          run();
          return [
            readBytes(engines.state, RESULT, LETTER_BITS[result]!),
            readBytes(engines.state, MXCSR, 32),
          ];
        });
        const text = operands.map((value) => value.toString(16)).join(", ");
        for (const [n, effect] of effects.entries()) {
          assertEquals(effect, effects[0], `${engines.all[n]!.name}: ${op}(${text}), constant ${constant}`);
        }
        if ((effects[0]![1]! & PE) === 0n) unrounded++;
      }
    }
    assert(unrounded >= ROUNDS / 8, `only ${unrounded} results of ${op} needed no rounding`);
  });
}

everywhere("a loop whose results begin to need rounding ends with what doubles are, and PE set", (bare) => {
  // loop: addsd xmm1, xmm0; mulsd xmm0, xmm2; dec ecx; jnz loop. Powers of 1.5 have 53 digits up to the 33rd.
  const CODE = 0x1_0000, INT3 = 0xcc, TURNS = 200;
  bare.write(CODE, [0xf2, 0x0f, 0x58, 0xc8, 0xf2, 0x0f, 0x59, 0xc2, 0xff, 0xc9, 0x75, 0xf4, INT3]);
  const state = bare.memory.u8;
  const [power, sum, factor] = [0, 1, 2].map((n) => XMM + 16 * n) as [number, number, number];
  writeBytes(state, power, 64, bits64(1));
  writeBytes(state, sum, 64, 0n);
  writeBytes(state, factor, 64, bits64(1.5));
  bare.set(Gpr.RCX, TURNS);
  assertEquals(bare.run(CODE).kind, "interrupt");
  let expected = 0;
  for (let n = 0, x = 1; n < TURNS; n++, x *= 1.5) expected += x;
  assertEquals(readBytes(state, sum, 64), bits64(expected));
  assertEquals(readBytes(state, MXCSR, 32), UNROUNDED_MXCSR | PE);
});
