/** What is no snapshot, or none that fits, is refused with what is wrong; hostile ones harm nobody. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import {
  FORMAT_VERSION,
  readSnapshotFile,
  SnapshotError,
  writeSnapshotFile,
} from "../../../src/snapshot/file.ts";
import { xxh32 } from "../../../src/snapshot/xxh32.ts";
import { isFields, type StateValue } from "../../../src/snapshot/shape.ts";
import { EPTP, PROCESSOR_BYTES } from "../../../src/cpu/state.ts";
import { loadMachine } from "../../../src/machine/snapshot/load.ts";
import { boot, GUESTS } from "./_resume.ts";

const machine = boot(GUESTS.lab);
machine.run({ instructions: 5000 });
const SNAPSHOT = await machine.snapshot();
const MEMORY = 1 << 23;
const CHECKSUM = 12, CHECKED = 16;

/** The snapshot with some bytes changed, and its checksum right again. */
function forged(change: (view: DataView) => void): Uint8Array {
  const file = SNAPSHOT.slice(), view = new DataView(file.buffer);
  change(view);
  view.setUint32(CHECKSUM, xxh32(file.subarray(CHECKED)), true);
  return file;
}

const FILES: readonly (readonly [name: string, file: Uint8Array, message: string])[] = [
  ["nothing", new Uint8Array(), "no snapshot"],
  ["text", new TextEncoder().encode("#!/bin/sh\necho I am no snapshot\n"), "no snapshot"],
  ["a snapshot that was sent as text", SNAPSHOT.map((byte, n) => n === 4 ? 10 : byte), "no snapshot"],
  ["the header alone", SNAPSHOT.slice(0, 20), "cut off"],
  ["one cut off by a byte", SNAPSHOT.slice(0, -1), "were written"],
  ["one with something behind it", new Uint8Array([...SNAPSHOT, 0]), "were written"],
  [
    "one of a later version",
    forged((view) => view.setUint32(8, FORMAT_VERSION + 1, true)),
    `format version ${FORMAT_VERSION + 1}`,
  ],
  ["a head that is too long", forged((view) => view.setUint32(24, 1 << 30, true)), "head is too long"],
  ["a head that is none", forged((view) => view.setUint32(40, 0x1234_5678, true)), "does not fit"],
];

for (const [name, file, message] of FILES) {
  Deno.test(`loadMachine() refuses ${name}`, async () => {
    await assertRejects(() => loadMachine(file), SnapshotError, message);
  });
}

Deno.test("loadMachine() refuses a snapshot with any bit changed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 8 * SNAPSHOT.length - 1 }),
      async (bit) => {
        const file = SNAPSHOT.slice();
        file[bit >> 3]! ^= 1 << (bit & 7);
        await assertRejects(() => loadMachine(file), SnapshotError);
      },
    ),
    { numRuns: 200, seed: 1 },
  );
});

Deno.test("loadMachine() refuses a snapshot cut off anywhere", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: SNAPSHOT.length - 1 }), async (length) => {
      await assertRejects(() => loadMachine(SNAPSHOT.slice(0, length)), SnapshotError);
    }),
    { numRuns: 100, seed: 1 },
  );
});

Deno.test("loadMachine() only throws SnapshotError where the checksum is right but the content is not", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: CHECKED + 8, max: SNAPSHOT.length - 1 }),
      fc.integer({ min: 0, max: 255 }),
      async (at, byte) => {
        const file = forged((view) => view.setUint8(at, byte));
        try {
          (await loadMachine(file, { engine: "interpreter" })).run({ instructions: 2000 });
        } catch (error) {
          assert(error instanceof SnapshotError, String(error));
        }
      },
    ),
    { numRuns: 200, seed: 1 },
  );
});

/** A value with the field at a path replaced. */
function replaced(value: StateValue, [name, ...rest]: readonly string[], by: StateValue): StateValue {
  if (name === undefined) return by;
  if (Array.isArray(value)) {
    return value.map((item: StateValue, n) => n === Number(name) ? replaced(item, rest, by) : item);
  }
  assert(isFields(value) && name in value, `there is no ${name}`);
  return { ...value, [name]: replaced(value[name], rest, by) };
}

const processor = ["parts", "processors", "state", "processors", "0"];
const FIELDS: readonly (readonly [path: readonly string[], by: StateValue, message: string])[] = [
  [["subject"], "toaster", "a snapshot is of a toaster".slice(2)],
  [["configuration", "memory"], 1 << 20, "pages behind its end"],
  [["configuration", "memory"], 2 ** 40, "memory"],
  [["configuration", "memory"], MEMORY + 1, "a size of RAM"],
  [["configuration", "processors"], 2, "The state of local APIC 1 is missing"],
  [["configuration", "processors"], 0, "a whole number from 1"],
  [["configuration", "vmx"], false, "extensions"],
  [["configuration", "crossover"], {
    worldCacheEntries: 65536,
    inverseWorldCacheEntries: 65536,
  }, "extensions"],
  [["configuration", "firmware"], new Uint8Array(3), "a firmware image"],
  [["configuration", "stray"], 1, "there is no stray"],
  [["parts", "8259"], undefined, "The state of 8259 is missing"],
  [["parts", "8259", "version"], 99, "The state of 8259 has version 99"],
  [["parts", "8259", "state", "first", "expected"], 9, "8259.first.expected is not"],
  [["parts", "virtual clock", "state", "skipped"], -1, "span of time"],
  [["parts", "processors", "state", "turn"], 1, "processors.turn is not"],
  [[...processor, "registers"], new Uint8Array(3), "registers is not"],
  [[...processor, "vmx", "vmcs"], 0x123n, "a VMX region"],
  [[...processor, "vmx", "vmcs"], BigInt(MEMORY), "a VMX region"],
  [[...processor, "vmx"], undefined, "extensions"],
  [[...processor, "progress", "activity"], 4, "activity is not"],
  [
    [...processor, "progress", "armed"],
    { number: MEMORY / 64, before: new Uint8Array(64) },
    "number is not",
  ],
];

for (const [path, by, message] of FIELDS) {
  Deno.test(`loadMachine() refuses ${path.slice(-2).join(".")} = ${String(by)}`, async () => {
    const { state, unpack } = readSnapshotFile(SNAPSHOT);
    const memory = new Uint8Array(MEMORY);
    unpack(memory);
    if (path.at(-1) === "stray") {
      const { configuration } = state as { readonly configuration: Readonly<Record<string, StateValue>> };
      const file = writeSnapshotFile(
        replaced(state, ["configuration"], { ...configuration, stray: by }),
        memory,
      );
      await assertRejects(() => loadMachine(file), SnapshotError, "unknown field stray");
      return;
    }
    const file = writeSnapshotFile(replaced(state, path, by), memory);
    await assertRejects(() => loadMachine(file), SnapshotError, message);
  });
}

Deno.test("loadMachine() refuses registers with EPT outside non-root operation", async () => {
  const { state, unpack } = readSnapshotFile(SNAPSHOT), memory = new Uint8Array(MEMORY);
  unpack(memory);
  const registers = new Uint8Array(PROCESSOR_BYTES);
  registers[EPTP] = 0x1e;
  const file = writeSnapshotFile(replaced(state, [...processor, "registers"], registers), memory);
  await assertRejects(() => loadMachine(file), SnapshotError, "a state that a processor can have");
});

Deno.test("readSnapshotFile() gives what writeSnapshotFile() was given", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ page: fc.nat(2100), byte: fc.nat(4095), value: fc.nat(255) })),
      (stores) => {
        const memory = new Uint8Array(2101 * 4096), unpacked = new Uint8Array(memory.length);
        for (const { page, byte, value } of stores) memory[page * 4096 + byte] = value;
        const state = { some: [1, 2n, "three", undefined, new Uint8Array([4])], other: { negative: -5n } };
        const contents = readSnapshotFile(writeSnapshotFile(state, memory));
        assertEquals(contents.state, state);
        contents.unpack(unpacked);
        assertEquals(xxh32(unpacked), xxh32(memory));
      },
    ),
    { numRuns: 20, seed: 1 },
  );
});
