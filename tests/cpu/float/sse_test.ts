import { assertEquals } from "@std/assert";
import { MXCSR, RETURN_HI, STATE_BYTES } from "../../../src/cpu/state.ts";
import { createFloat, FpException, hasUnmasked, isPlain } from "../../../src/cpu/float/mod.ts";
import { missing, notOfThisVendor, Runner } from "../../oracle/float/native.ts";
import { read } from "../../oracle/float/recorded.ts";
import { compare, vectors } from "../../oracle/float/sse.ts";

/** Vectors of each operation against the live processor: CAUSEWAY_FLOAT_VECTORS=1000000 for a long run. */
const COUNT = Number(Deno.env.get("CAUSEWAY_FLOAT_VECTORS") ?? 3000);

Deno.test("SseFloat gives the recorded processor's results, flags and #XM", async () => {
  const { names, count, seed, output } = await read("sse");
  const { mismatches, lines } = compare(names, vectors(names, count, seed), output);
  assertEquals(mismatches, 0, lines.join("\n"));
});

const reason = await missing();
Deno.test({
  name: `SseFloat gives this processor's results, flags and #XM${reason === undefined ? "" : ` (${reason})`}`,
  ignore: reason !== undefined,
  fn: async () => {
    const runner = await Runner.build("sse.c"), leftOut = await notOfThisVendor();
    const seed = Number(Deno.env.get("CAUSEWAY_FLOAT_SEED") ?? 5);
    for (let at = 0; at < COUNT; at += 3000) {
      const records = vectors(runner.names, Math.min(3000, COUNT - at), seed + at);
      const { mismatches, lines } = compare(runner.names, records, await runner.run(records), 10, leftOut);
      assertEquals(mismatches, 0, lines.join("\n"));
    }
    await runner.dispose();
  },
});

Deno.test("isPlain() refuses every MXCSR that shows more than results", () => {
  assertEquals(isPlain(0x1fa0), true);
  assertEquals(isPlain(0x1fbf), true);
  for (const other of [0x1f80, 0x1fe0, 0x9fa0, 0x3fa0, 0x1f20, 0x0fa0]) assertEquals(isPlain(other), false);
  assertEquals(hasUnmasked(0x1f80), false);
  assertEquals(hasUnmasked(0x0f80), true);
});

Deno.test("plain.DIVSD raises ZE and delivers infinity", () => {
  const memory = new ArrayBuffer(STATE_BYTES);
  const state = new Int32Array(memory);
  const { plain } = createFloat(memory);
  state[MXCSR >> 2] = 0x1fa0;
  assertEquals(plain.DIVSD(0, 0x3ff00000, 0, 0x80000000 | 0), 0);
  assertEquals(state[RETURN_HI >> 2], 0xfff00000 | 0);
  assertEquals(state[MXCSR >> 2], 0x1fa0 | FpException.ZE);
});

Deno.test("plain.ADDSD keeps the payload of a NaN", () => {
  const memory = new ArrayBuffer(STATE_BYTES);
  const state = new Int32Array(memory);
  const { plain } = createFloat(memory);
  state[MXCSR >> 2] = 0x1fa0;
  for (let i = 0; i < 20000; i++) {
    assertEquals(plain.ADDSD(0x1234, 0x7ff00000, 0, 0x3ff00000), 0x1234);
    assertEquals(state[RETURN_HI >> 2], 0x7ff80000);
  }
  assertEquals(state[MXCSR >> 2], 0x1fa0 | FpException.IE);
});
