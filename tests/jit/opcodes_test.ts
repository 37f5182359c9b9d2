/** Each opcode alone, engine against the reference over bigints (ARCHITECTURE.md, level 1 of the tests). */
import { assertEquals } from "@std/assert";
import { IrBuilder } from "../../src/ir/builder.ts";
import { type Opcode, type OpcodeInfo, OPCODES } from "../../src/ir/opcodes.ts";
import { LETTER_TYPES } from "../../src/ir/print.ts";
import type { Block, Value } from "../../src/ir/types.ts";
import { CF, GPR, MXCSR, OF, SF, XMM, YMM_HIGH, ZF } from "../../src/cpu/state.ts";
import { edgeValue, RandomWords } from "../_support/edge_values.ts";
import { BlockEngines } from "../_support/ir_engines.ts";
import { evaluate, LETTER_BITS, readBytes, REFERENCE_OPCODES, writeBytes } from "../_support/ir_reference.ts";

const engines = new BlockEngines();
/** Cells of the operands: those engines keep in variables and those they may not. */
const OPERANDS: Readonly<Record<string, readonly number[]>> = {
  w: [CF, ZF, SF, OF],
  q: [GPR, GPR + 8, GPR + 16],
  v: [XMM, XMM + 16, XMM + 32],
};
const RESULT = YMM_HIGH;

function signatureOf(op: Opcode): [operands: string, result: string] {
  const { signature }: OpcodeInfo = OPCODES[op];
  return signature.split(":") as [string, string];
}

const UP_TO = (limit: number): number[] => Array.from({ length: limit + 1 }, (_, n) => n);
const SELECTIONS = [0x00, 0x1b, 0xe4, 0xb1, 0x4e, 0xff, 0x93];

/** Immediates of opcodes that have one. */
const IMMEDIATES: { readonly [K in Opcode]?: readonly number[] } = {
  vmpsadu8: UP_TO(7),
  vshlbytes: UP_TO(16),
  vshrbytes: UP_TO(16),
  valignr: UP_TO(31),
  vshuffle32: [0x3210, 0x7654, 0x5140, 0x7362, 0x0000, 0x0123, 0x6420],
  vshufflelow16: SELECTIONS,
  vshufflehigh16: SELECTIONS,
  vclmul: [0x00, 0x01, 0x10, 0x11],
};

/** Immediates to try. */
function immediates(op: Opcode): readonly number[] {
  const lanes = /^v(?:extract|insert)(\d+)$/.exec(op);
  if (lanes !== null) return Array.from({ length: 128 / Number(lanes[1]) }, (_, lane) => lane);
  const others = IMMEDIATES[op];
  if (others !== undefined) return others;
  return op === "vconst" ? [0, 1, -1, 0x12345678] : [0];
}

/** A block that computes the operation on cells, or on constants where `constants` has them. */
function blockOf(
  op: Opcode,
  imm: number,
  imm2: number,
  constants: readonly (bigint | undefined)[] = [],
): Block {
  const ir = new IrBuilder();
  const [letters, result] = signatureOf(op);
  const args = [...letters].map((letter, i): Value => {
    const constant = constants[i];
    if (constant !== undefined) {
      return letter === "q" ? ir.i64(constant) : ir.i32(Number(BigInt.asIntN(32, constant)));
    }
    return ir.get(OPERANDS[letter]![i]!, LETTER_TYPES[letter] as "i32" | "i64" | "v128");
  });
  ir.set(RESULT, ir.emit(op, LETTER_TYPES[result]!, args, imm, imm2));
  return ir.finish(0x1000n, 2, [0, 1], { kind: "jump", target: 0x1001n });
}

function resultOf(run: () => void, op: Opcode, operands: readonly bigint[]): bigint {
  const [letters, result] = signatureOf(op);
  engines.begin();
  [...letters].forEach((letter, i) => {
    writeBytes(engines.state, OPERANDS[letter]![i]!, LETTER_BITS[letter]!, operands[i]!);
  });
  run();
  return readBytes(engines.state, RESULT, LETTER_BITS[result]!);
}

const text = (values: readonly bigint[]): string =>
  values.map((value) => `0x${value.toString(16)}`).join(", ");

for (const op of REFERENCE_OPCODES) {
  const [letters] = signatureOf(op);
  Deno.test(`${op} is in every engine what its documentation says`, () => {
    const random = new RandomWords(op.length);
    const rounds = letters === "" ? 1 : 400 / immediates(op).length;
    for (const imm of immediates(op)) {
      const constants = op === "const32" || op === "const64" ? [0, 1, -1, 0x7fffffff, -0x80000000] : [0];
      for (const value of constants) {
        const [first, second] = op.startsWith("const") ? [value, op === "const64" ? ~value : 0] : [imm, 0];
        const runs = engines.all.map(({ prepare }) => prepare(() => blockOf(op, first, second)));
        for (let round = 0; round < rounds; round++) {
          const operands = [...letters].map((letter) => edgeValue(random, letter));
          const expected = evaluate(op, operands, first, second);
          for (const [i, run] of runs.entries()) {
            const message = `${engines.all[i]!.name}: ${op}#${imm}(${text(operands)})`;
            assertEquals(resultOf(run, op, operands), expected, message);
          }
        }
      }
    }
  });

  // Constant operands take paths of their own: counts of shifts, masks, comparisons with 0.
  if (letters.length < 2 || letters.includes("v")) continue;
  Deno.test(`${op} with constant operands is in every engine what its documentation says`, () => {
    const random = new RandomWords(op.length + 1);
    for (let round = 0; round < 60; round++) {
      const constants = [...letters].map((letter, i) =>
        round % 3 === i || round % 3 === 2 ? edgeValue(random, letter) : undefined
      );
      const runs = engines.all.map(({ prepare }) => prepare(() => blockOf(op, 0, 0, constants)));
      for (let repeat = 0; repeat < 6; repeat++) {
        const operands = [...letters].map((letter, i) => constants[i] ?? edgeValue(random, letter));
        const expected = evaluate(op, operands, 0, 0);
        for (const [i, run] of runs.entries()) {
          const message = `${engines.all[i]!.name}: ${op}(${text(operands)}), constants ${constants}`;
          assertEquals(resultOf(run, op, operands), expected, message);
        }
      }
    }
  });
}

/** What a run leaves: the result and MXCSR, whose sticky bits floating-point operations set. */
function effectOf(run: () => void, op: Opcode, operands: readonly bigint[]): string {
  writeBytes(engines.state, MXCSR, 32, PLAIN_MXCSR);
  const result = resultOf(run, op, operands);
  return `0x${result.toString(16)}, MXCSR 0x${readBytes(engines.state, MXCSR, 32).toString(16)}`;
}

/** Round to nearest, PE set, all exceptions masked: the plain floating-point mode (cpu/mode.ts). */
const PLAIN_MXCSR = 0x1fa0n;

const OTHERS = (Object.keys(OPCODES) as Opcode[]).filter((op) =>
  /^[vf](?!aultIf)/.test(op) && !REFERENCE_OPCODES.includes(op)
);

for (const op of OTHERS) {
  Deno.test(`${op} is the same in every engine`, () => {
    const random = new RandomWords(op.length);
    const [letters] = signatureOf(op);
    for (const imm of op.startsWith("v") ? [0, 1, 0x0c, 0x7f] : [0]) {
      const runs = engines.all.map(({ prepare }) => prepare(() => blockOf(op, imm, 0)));
      for (let round = 0; round < 200; round++) {
        const operands = [...letters].map((letter) => edgeValue(random, letter));
        const [reference, ...others] = runs.map((run) => effectOf(run, op, operands));
        for (const [i, effect] of others.entries()) {
          assertEquals(effect, reference, `${engines.all[i + 1]!.name}: ${op}#${imm}(${text(operands)})`);
        }
      }
    }
  });
}

/** Magnitudes about which floating-point operations differ: denormals, what may underflow or overflow, infinities, NaNs. */
const FLOAT_EDGES: Readonly<Record<string, readonly bigint[]>> = {
  // deno-fmt-ignore
  q: [
    0n, 1n, 0xf_ffff_ffff_ffffn, 0x10_0000_0000_0000n, 0x10_0000_0000_0001n, 0x1f_ffff_ffff_ffffn, 0x20_0000_0000_0000n,
    0x1ff0_0000_0000_0000n, 0x2000_0000_0000_0000n, 0x3fe0_0000_0000_0000n, 0x3ff0_0000_0000_0001n, 0x41e0_0000_0000_0000n,
    0x43e0_0000_0000_0000n, 0x7fef_ffff_ffff_ffffn, 0x7ff0_0000_0000_0000n, 0x7ff0_0000_0000_0001n, 0x7ff8_0000_0000_0000n,
  ],
  // deno-fmt-ignore
  w: [
    0n, 1n, 0x7f_ffffn, 0x80_0000n, 0x80_0001n, 0xff_ffffn, 0x100_0000n, 0x1f80_0000n, 0x2000_0000n, 0x3f00_0000n,
    0x3f80_0001n, 0x4f00_0000n, 0x5f00_0000n, 0x7f7f_ffffn, 0x7f80_0000n, 0x7f80_0001n, 0x7fc0_0000n,
  ],
};

for (const op of OTHERS.filter((op) => /^f(?:32|64)/.test(op) && signatureOf(op)[0].length <= 2)) {
  Deno.test(`${op} of what is special among numbers is the same in every engine`, () => {
    const [letters] = signatureOf(op),
      runs = engines.all.map(({ prepare }) => prepare(() => blockOf(op, 0, 0)));
    const [xs, ys = [0n]] = [...letters].map((letter) => {
      const sign = 1n << BigInt(LETTER_BITS[letter]! - 1);
      return FLOAT_EDGES[letter]!.flatMap((value) => [value, value | sign]);
    });
    for (const x of xs!) {
      for (const y of ys) {
        const operands = [x, y].slice(0, letters.length);
        const [reference, ...others] = runs.map((run) => effectOf(run, op, operands));
        for (const [i, effect] of others.entries()) {
          assertEquals(effect, reference, `${engines.all[i + 1]!.name}: ${op}(${text(operands)})`);
        }
      }
    }
  });
}
