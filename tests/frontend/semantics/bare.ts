/** Runs bare code for tests of semantics, in each engine. */
import { type BareProcessor, createProcessor } from "../../../src/machine/api/bare_processor.ts";
import type { BareMode } from "../../../src/machine/api/modes.ts";

/** Where the code is, and where data may be: pages apart, the last one not writable. */
export const CODE = 0x10000n,
  DATA = 0x40_0000n,
  DATA_BYTES = 0x4000,
  READ_ONLY = 0x40_4000n,
  STACK = 0x50_0800n;

/** Engines that every test runs in. */
export const ENGINES = ["interpreter", "js", "wasm"] as const;
/** One of them. */
export type TestEngine = (typeof ENGINES)[number];

/** Bytes of hexadecimal text. */
export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.split(" "), (byte) => parseInt(byte, 16));
}

/** A processor with `hex` and INT3 behind it at `CODE`, data of `pattern` (default: 0), and a stack. */
export function bare(engine: TestEngine, hex: string, mode: BareMode = 64): BareProcessor {
  const cpu = createProcessor({ engine, mode });
  cpu.load(bytesOf(hex + " cc"), CODE);
  cpu.map(DATA, DATA_BYTES, "rw");
  cpu.map(READ_ONLY, 0x1000, "r");
  cpu.map(STACK - 0x800n, 0x1000, "rw");
  cpu.set("rsp", STACK);
  return cpu;
}

/** Registers a test with every engine. */
export function inEveryEngine(name: string, test: (engine: TestEngine) => void): void {
  for (const engine of ENGINES) Deno.test(`${name} (${engine})`, () => test(engine));
}
