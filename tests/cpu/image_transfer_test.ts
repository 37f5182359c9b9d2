/** Images of the x87 and SSE state that go on in another page, which lies elsewhere in memory. */
import { assertEquals } from "@std/assert";
import { BareProcessor } from "../../src/machine/api/bare_processor.ts";
import { ENGINE_NAMES } from "../../src/machine/engines.ts";

const CODE = 0x1000, WHOLE = 0x8000;
/** What FXSAVE stores: what follows stays. */
const BYTES = 416;
/** Page boundaries that cut an image in the x87 state, before and in the registers XMM0 to XMM15, and behind all. */
const CUTS = [16, 160, 176, 400, 512];

for (const engine of ENGINE_NAMES) {
  Deno.test(`FXSAVE and FXRSTOR of images in two pages (${engine})`, () => {
    const processor = new BareProcessor({ engine });
    processor.map(CODE, 0x1000);
    processor.map(WHOLE, 0x1000);
    // Frames are taken in turn: those of neighbours are no neighbours.
    processor.map(0x2_0000, 0x1000);
    processor.map(0x3_0000, 0x1000);
    processor.map(0x2_1000, 0x1000);
    const lines = (operand: number, bytes: readonly number[]): Uint8Array =>
      new Uint8Array([0x48, 0x0f, 0xae, operand, ...bytes, 0xf4]);
    const address = (at: number): number[] => [0x25, ...new Uint8Array(new Uint32Array([at]).buffer)];
    const execute = (register: number, at: number): void => {
      // FXSAVE64 [at] or FXRSTOR64 [at]; HLT.
      processor.write(CODE, lines(4 | (register << 3), address(at)));
      processor.set("rip", BigInt(CODE));
      assertEquals(processor.run().kind, "halt");
    };
    const registers = Array.from({ length: 16 }, (_, n) => `xmm${n}` as `xmm${0}`);
    for (const cut of CUTS) {
      const at = 0x2_1000 - cut,
        values = registers.map((_, n) => BigInt(cut * 100 + n) * 0x1_0000_0001_0000_0001n);
      registers.forEach((name, n) => processor.set(name, values[n]!));
      execute(0, WHOLE);
      execute(0, at);
      assertEquals(processor.read(at, BYTES), processor.read(WHOLE, BYTES), `cut at ${cut}`);
      for (const name of registers) processor.set(name, 0n);
      execute(1, at);
      assertEquals(registers.map((name) => processor.get(name)), values, `cut at ${cut}`);
    }
  });
}
