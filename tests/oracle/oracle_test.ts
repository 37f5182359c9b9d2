import { assert, assertEquals } from "@std/assert";
import { ByteReader, ByteWriter } from "./bytes.ts";
import type { Case, Result } from "./case.ts";
import { differences } from "./compare.ts";
import { Emulator } from "./emulator.ts";
import { formsOf, INCOMPARABLE } from "./forms.ts";
import { Generator } from "./generate.ts";
import { CODE, CODE_OFFSET, IMAGE_BYTES } from "./layout.ts";
import { Random } from "./random.ts";
import { loadCase, storeCase } from "./reproducer.ts";
import { shrink } from "./shrink.ts";
import { readPacked } from "./vector_files.ts";
import { type BaseState, decodeShared, decodeVectors, encodeVector, FILES } from "./vectors.ts";

const image = new Uint8Array(IMAGE_BYTES).fill(0xcc);
image.fill(0, 0, CODE_OFFSET);

function caseOf(code: readonly number[], rest: Partial<Case> = {}): Case {
  const fx = new Uint8Array(512);
  const view = new DataView(fx.buffer);
  view.setUint16(0, 0x37f, true);
  view.setUint32(24, 0x1f80, true);
  return {
    gpr: new BigUint64Array(16),
    rflags: 0x202,
    fx,
    code: Uint8Array.from(code),
    offset: 0x100,
    codeSize: 64,
    ...rest,
  };
}
const run = (one: Case): Result => new Emulator("interpreter", image).run(one);

Deno.test("Generator gives the same cases for the same seed", () => {
  const cases = (seed: number): Case[] => {
    const generator = new Generator(new Random(seed));
    return Array.from({ length: 50 }, () => generator.next());
  };
  assertEquals(cases(5), cases(5));
  assert(storeCase(0, cases(5)[0]!) !== storeCase(0, cases(6)[0]!));
});

for (const codeSize of [64, 32] as const) {
  Deno.test(`Generator finds an encoding of every form of ${codeSize}-bit code`, () => {
    const generator = new Generator(new Random(1), { codeSize });
    for (const form of formsOf(codeSize)) assert(generator.single(form, false).code.length > 0);
    assertEquals(generator.chosen.size, formsOf(codeSize).length);
  });
}

Deno.test("Generator takes only the mnemonics asked for", () => {
  const generator = new Generator(new Random(1), { only: new Set(["ADD", "NOP"]) });
  assertEquals([...new Set(generator.forms.map(({ row }) => row[1]))].sort(), ["ADD", "NOP"]);
});

Deno.test("differences() names what differs, and nothing else", () => {
  const one = caseOf([0x90]);
  const expected = run(one);
  assertEquals(differences(one, expected, run(one)), []);
  const gpr = expected.gpr.slice();
  gpr[3] = 5n;
  assertEquals(differences(one, { ...expected, gpr }, expected), ["rbx: 5, here 0"]);
  const memory = new Map([[8, 1n]]);
  assertEquals(differences(one, expected, { ...expected, memory }), ["memory+8: -1, here 1"]);
  assertEquals(differences(one, { ...expected, rflags: 0x203 }, expected), ["rflags (from 202): 1, here 0"]);
});

Deno.test("differences() lets transcendental functions differ in the last place, other instructions not", () => {
  const sine = caseOf([0xd9, 0xfe], { whole: true });
  const load = caseOf([0xd9, 0xe8], { whole: true });
  for (const [one, count] of [[sine, 0], [load, 1]] as const) {
    const expected = run(one);
    const fx = expected.fx.slice();
    fx[32] = fx[32]! ^ 1;
    assertEquals(differences(one, expected, { ...expected, fx }).length, count);
  }
});

Deno.test("differences() looks at 32 bits of eight registers in 32-bit code", () => {
  const one = caseOf([0x90], { codeSize: 32 });
  const expected = run(one);
  const gpr = expected.gpr.slice();
  gpr[9] = 1n;
  gpr[1] = 1n << 32n;
  assertEquals(differences(one, expected, { ...expected, gpr }), []);
});

Deno.test("shrink() keeps the instruction that fails and clears what does not matter", async () => {
  // nop; inc eax; mul ebx; nop
  const one = caseOf([0x90, 0xff, 0xc0, 0xf7, 0xe3, 0x90], {
    gpr: BigUint64Array.from({ length: 16 }, (_, n) => BigInt(n + 1)),
    offset: 0x300,
  });
  const smallest = await shrink(
    one,
    ({ code, gpr }) => Promise.resolve(code.includes(0xe3) && gpr[3] !== 0n),
  );
  assertEquals([...smallest.code], [0xf7, 0xe3]);
  assertEquals(smallest.offset, 0x100);
  assertEquals([...smallest.gpr].filter((value) => value !== 0n), [4n]);
});

Deno.test("shrink() leaves a whole case's code alone", async () => {
  const smallest = await shrink(caseOf([0x90, 0x90], { whole: true }), () => Promise.resolve(true));
  assertEquals(smallest.code.length, 2);
});

Deno.test("a stored case is the same when it is loaded", () => {
  const one = new Generator(new Random(3)).next();
  const { seed, one: loaded } = loadCase(storeCase(3, one));
  assertEquals(seed, 3);
  assertEquals(loaded, one);
});

Deno.test("a vector is the same when it is decoded", () => {
  // mov [rax], ecx; a register, memory and nothing else changes
  const state: BaseState = caseOf([]);
  const gpr = state.gpr.slice();
  gpr[0] = 0x1000_0010n;
  gpr[1] = 0xffn;
  for (const code of [[0x89, 0x08], [0xff, 0xc0], [0x0f, 0x0b], [0x8b, 0x04, 0x25, 0, 0, 0, 0]]) {
    const one: Case = { ...caseOf(code, { gpr }), fx: state.fx };
    const expected = run(one);
    const out = new ByteWriter();
    encodeVector(out, { one, expected }, 0, state);
    const [decoded] = [...decodeVectors(out.written, [state])];
    assertEquals(decoded!.one, one);
    assertEquals(differences(one, expected, decoded!.expected), []);
    assertEquals(decoded!.expected.rip, expected.rip);
  }
});

Deno.test("ByteReader reads what ByteWriter wrote, beyond its first buffer", () => {
  const out = new ByteWriter();
  for (let n = 0; n < 20_000; n++) out.u64(BigInt(n));
  const source = new ByteReader(out.written);
  for (let n = 0; n < 20_000; n++) assertEquals(source.u64(), BigInt(n));
  assertEquals(source.more, false);
});

Deno.test("Emulator reports what Linux makes of software interrupts", () => {
  assertEquals(run(caseOf([0xcd, 0x80])).end, "syscall");
  const forbidden = run(caseOf([0xcd, 0x20]));
  assertEquals([forbidden.end, forbidden.vector, forbidden.error], ["fault", 13, 0x102]);
  assertEquals(run(caseOf([0xcc])).rip, CODE + 0x101n);
});

Deno.test("Emulator puts memory back after a case", () => {
  const emulator = new Emulator("js", image);
  const gpr = new BigUint64Array(16);
  gpr[0] = 0x1000_0010n;
  const store = caseOf([0x48, 0x89, 0x00], { gpr }), load = caseOf([0x48, 0x8b, 0x00], { gpr });
  assertEquals([...emulator.run(store).memory], [[0x10, 0x1000_0010n]]);
  assertEquals(emulator.run(load).gpr[0], 0n);
});

Deno.test("DEVIATIONS.md names every instruction that is not compared with the processor", async () => {
  const text = await Deno.readTextFile(new URL("../../DEVIATIONS.md", import.meta.url));
  const section = /\n## Not compared[^\n]*\n([^]*)/.exec(text)![1]!;
  assertEquals(Object.keys(INCOMPARABLE).filter((mnemonic) => !section.includes(`\`${mnemonic}\``)), []);
});

Deno.test("recorded vectors exist for every form", async () => {
  const { states } = decodeShared(await readPacked("states"));
  const legacy = formsOf(32).filter(({ row: [, , , attributes] }) => attributes?.i64 === true);
  let vectors = 0;
  for (const name of FILES) {
    for (const _ of decodeVectors(await readPacked(name), states)) vectors++;
  }
  assert(vectors >= 200 * (formsOf(64).length + legacy.length), `${vectors} vectors`);
});
