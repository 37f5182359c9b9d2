/** The mode that WebAssembly finds is that of the dispatcher, wherever code may go on without it. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Mode } from "../../../src/cpu/mode.ts";
import {
  ATTENTION,
  Attention,
  CPL,
  CR0,
  CR4,
  MXCSR,
  RFLAGS_SYSTEM,
  SEG_ATTRIBUTES,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
} from "../../../src/cpu/state.ts";
import { isAttentive } from "../../../src/jit/attention.ts";
import { currentMode } from "../../../src/jit/current_mode.ts";
import { encodeModule, Imports } from "../../../src/jit/wasm/encoder.ts";
import { findModeCode } from "../../../src/jit/wasm/find_mode.ts";

const CODE64 = 2, NO_MODE = -1;
const CS_ATTRIBUTES = (SEGMENT + SEGMENT_STRIDE * Segment.CS + SEG_ATTRIBUTES) >> 2;
/** Values that occur, and any with some bits of those that decide. */
const mxcsr = fc.oneof(fc.constantFrom(0x1f80, 0x1fa0, 0x1f00, 0x3f80, 0x9fc0), fc.integer({ max: 0xffff }));
const state = fc.record({
  mxcsr,
  rflags: fc.oneof(fc.constantFrom(0x202, 0x4_0202), fc.integer({ min: 0, max: 0x3f_ffff })),
  cpl: fc.constantFrom(0, 1, 2, 3),
  cr0: fc.oneof(fc.constantFrom(0x8005_0033 | 0, 0x8001_0011 | 0), fc.integer()),
  cr4: fc.oneof(fc.constantFrom(0x6f0, 0x16f0), fc.integer()),
  attributes: fc.constantFrom(0xa09b, 0xa0fb, 0xc09b, 0x009b),
  attention: fc.constantFrom(0, 0, 0, Attention.NOW, Attention.INTERRUPT),
});

Deno.test("findModeCode() finds what currentMode() does in 64-bit code, and nothing where the dispatcher must settle something", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 }), m = new Int32Array(memory.buffer);
  const table = new WebAssembly.Table({ element: "anyfunc", initial: 1 }), imports = new Imports();
  const bytes = encodeModule([{ code: findModeCode(), place: 0, name: "FIND_MODE" }], imports, 1);
  new WebAssembly.Instance(new WebAssembly.Module(bytes), { f: {}, s: { m: memory, t: table } });
  const findMode = table.get(0) as () => number;
  let found = 0;
  fc.assert(
    fc.property(state, ({ mxcsr, rflags, cpl, cr0, cr4, attributes, attention }) => {
      m[MXCSR >> 2] = mxcsr;
      m[RFLAGS_SYSTEM >> 2] = rflags;
      m[CPL >> 2] = cpl;
      m[CR0 >> 2] = cr0;
      m[CR4 >> 2] = cr4;
      m[CS_ATTRIBUTES] = attributes;
      m[ATTENTION >> 2] = attention;
      const mode = currentMode(m), stays = (mode & (Mode.CODE_SIZE | Mode.TRAP | Mode.REAL)) === CODE64;
      const goesOn = stays && !isAttentive(m);
      assertEquals(findMode(), goesOn ? mode : NO_MODE);
      if (goesOn) found++;
    }),
    { numRuns: 3000 },
  );
  assertEquals(found > 300, true);
});
