/** Runs a few bytes of vector or x87 code in every engine. */
import { assertEquals } from "@std/assert";
import {
  type BareProcessor,
  createProcessor,
  type RegisterName,
} from "../../../../src/machine/api/bare_processor.ts";
import { ENGINE_NAMES } from "../../../../src/machine/engines.ts";
import type { BareStop } from "../../../../src/machine/api/bare_processor.ts";

/** Where the code is, and memory of two pages behind which nothing is mapped. */
export const CODE = 0x10000n;
export const DATA = 0x50_0000n;
export const DATA_END = DATA + 0x2000n;

/** Bytes of a string of hexadecimal digits. */
export function bytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.replaceAll(" ", "").match(/../g) ?? [], (byte) => parseInt(byte, 16));
}

/** What a processor did. */
export interface Outcome {
  readonly cpu: BareProcessor;
  readonly stop: BareStop;
}

/**
 * Defines a test in every engine: registers are set, the code (HLT is appended) is run, and `check` sees the result.
 * RDI is DATA unless it is given.
 */
export function test(
  name: string,
  code: string,
  registers: Partial<Record<RegisterName, bigint | number>>,
  check: (outcome: Outcome) => void,
  memory: Uint8Array = new Uint8Array(0),
): void {
  for (const engine of ENGINE_NAMES) {
    Deno.test(`${name} (${engine})`, () => {
      const cpu = createProcessor({ engine });
      cpu.load(bytes(`${code} f4`), CODE);
      cpu.map(DATA, Number(DATA_END - DATA), "rw");
      cpu.write(DATA, memory);
      cpu.set("rdi", DATA);
      for (const [register, value] of Object.entries(registers)) cpu.set(register as RegisterName, value);
      check({ cpu, stop: cpu.run({ instructions: 1000 }) });
    });
  }
}

/** Checks that the code ran to its HLT. */
export function halted({ stop }: Outcome): void {
  assertEquals(stop.kind, "halt");
}

/** Checks that the instruction `offset` bytes into the code raised a fault. */
export function faulted({ cpu, stop }: Outcome, vector: number, offset = 0): void {
  assertEquals(stop.kind === "fault" ? stop.vector : stop.kind, vector);
  assertEquals(cpu.get("rip"), CODE + BigInt(offset));
}
