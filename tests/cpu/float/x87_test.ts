import { assertEquals } from "@std/assert";
import { FCW, FIP, FOP, FSW, FTW, MXCSR, STATE_BYTES, X87 as REGISTERS } from "../../../src/cpu/state.ts";
import { createFloat, type X87 } from "../../../src/cpu/float/mod.ts";
import { missing, Runner } from "../../oracle/float/native.ts";
import { read } from "../../oracle/float/recorded.ts";
import { compare, compareCondensed, vectors } from "../../oracle/float/x87.ts";

/** Vectors of each operation against the live processor: CAUSEWAY_FLOAT_VECTORS=1000000 for a long run. */
const COUNT = Number(Deno.env.get("CAUSEWAY_FLOAT_VECTORS") ?? 1500);

Deno.test("X87 gives the recorded processor's results and status", async () => {
  const { names, count, seed, output } = await read("x87");
  const { mismatches, lines } = compareCondensed(names, vectors(names, count, seed), output);
  assertEquals(mismatches, 0, lines.join("\n"));
});

const reason = await missing();
Deno.test({
  name: `X87 gives this processor's results and status${reason === undefined ? "" : ` (${reason})`}`,
  ignore: reason !== undefined,
  fn: async () => {
    const runner = await Runner.build("x87.c");
    const seed = Number(Deno.env.get("CAUSEWAY_FLOAT_SEED") ?? 5);
    for (let at = 0; at < COUNT; at += 500) {
      const records = vectors(runner.names, Math.min(500, COUNT - at), seed + at);
      const { mismatches, lines } = compare(runner.names, records, await runner.run(records));
      assertEquals(mismatches, 0, lines.join("\n"));
    }
    await runner.dispose();
  },
});

function unit(): { x87: X87; state: Int32Array } {
  const memory = new ArrayBuffer(STATE_BYTES);
  const state = new Int32Array(memory);
  state[MXCSR >> 2] = 0x1f80;
  const { x87 } = createFloat(memory);
  x87.FNINIT();
  return { x87, state };
}

Deno.test("X87.FST64 changes nothing before COMMIT", () => {
  const { x87, state } = unit();
  x87.FLD1();
  x87.FLDPI();
  const before = state.slice(0, 0x400);
  x87.FST64();
  const after = state.slice(0, 0x400);
  // Only the return cells may differ.
  for (let i = 0; i < before.length; i++) {
    if (i < 0x1a8 >> 2 || i >= 0x1c0 >> 2) assertEquals(after[i], before[i]);
  }
  x87.COMMIT(1);
  assertEquals((state[FSW >> 2]! >>> 11) & 7, 7);
  assertEquals(state[FSW >> 2]! & 0x3f, 0x20);
});

Deno.test("X87.pending() is true from an unmasked exception until FNCLEX or until it is masked", () => {
  const { x87 } = unit();
  x87.FLDCW(0x37b); // ZE unmasked
  x87.FLD1();
  x87.FLDZ();
  x87.FDIVP(1, 0);
  assertEquals(x87.pending(), true);
  x87.FLDCW(0x37f);
  assertEquals(x87.pending(), false);
  x87.FLDCW(0x37b);
  assertEquals(x87.pending(), true);
  x87.FNCLEX();
  assertEquals(x87.pending(), false);
});

Deno.test("X87 images: FNSAVE and FRSTOR restore all state in each of the four forms", () => {
  for (const wide of [false, true]) {
    for (const real of [false, true]) {
      const form = { wide, real };
      const { x87, state } = unit();
      x87.FLD1();
      x87.FLDZ();
      x87.FLD80(1, 0x4000_0000, 0x7fff);
      state[FIP >> 2] = wide && !real ? 0x1234_5678 : 0x5678;
      state[FOP >> 2] = 0x1d9;
      const view = new DataView(new ArrayBuffer(108));
      x87.writeSave(view, 0, form);
      assertEquals(x87.tagWord(), 0x1bff);
      const expected = [FCW, FSW, FTW, FIP].map((cell) => state[cell >> 2]);
      const registers = [...state.slice(REGISTERS >> 2, (REGISTERS >> 2) + 32)];
      x87.FNINIT();
      state.fill(0, REGISTERS >> 2, (REGISTERS >> 2) + 32);
      x87.FRSTOR(view, 0, form);
      assertEquals([FCW, FSW, FTW, FIP].map((cell) => state[cell >> 2]), expected);
      assertEquals([...state.slice(REGISTERS >> 2, (REGISTERS >> 2) + 32)], registers);
      assertEquals(state[FOP >> 2], wide || real ? 0x1d9 : 0);
    }
  }
});

Deno.test("X87 images: FXSAVE and FXRSTOR restore registers in stack order", () => {
  const { x87, state } = unit();
  x87.FLDPI();
  x87.FLDL2E();
  const view = new DataView(new ArrayBuffer(512));
  x87.writeFxsave(view, 0, true);
  assertEquals(view.getUint16(40, true), 0x3fff); // ST(0) is log2 e
  assertEquals(view.getUint8(4), 0xc0);
  const expected = [...state.slice(0, 0x300 >> 2)];
  x87.FNINIT();
  x87.readFxsave(view, 0, true);
  assertEquals([...state.slice(0, 0x300 >> 2)], expected);
});

Deno.test("X87.MMX() and EMMS() mark all registers used and empty", () => {
  const { x87, state } = unit();
  x87.FLD1();
  x87.MMX();
  assertEquals([state[FTW >> 2], state[FSW >> 2]], [0xff, 0]);
  x87.EMMS();
  assertEquals(state[FTW >> 2], 0);
});
