/** Random code on several processors: no host exception, and the same run on every engine and in every slicing. */
import { assertEquals } from "@std/assert";
import { PROCESSOR_BYTES } from "../../src/cpu/state.ts";
import { Bus } from "../../src/machine/bus.ts";
import { DeliveryMode } from "../../src/machine/devices/interrupt_message.ts";
import { Pic8259 } from "../../src/machine/devices/8259_pic.ts";
import { enterInitState, enterStartup } from "../../src/machine/processor_start.ts";
import { Processors } from "../../src/machine/processors.ts";
import { LinearMemory } from "../../src/memory/physical.ts";
import { CONFIGURATIONS } from "../jit/_bare.ts";

const RAM = 0x2_0000, CODE_PAGES = [1, 2, 3], INSTRUCTIONS = 6000;

/** Numbers from a seed: xorshift. */
function numbers(seed: number): () => number {
  let state = seed * 0x9e37_79b9 | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/**
 * Instructions that make processors meet: PAUSE, HLT, STI, locked and plain accesses to the same words, stores to each
 * other's code, port I/O, software interrupts, loops.
 */
const PIECES: readonly (readonly number[])[] = [
  [0xf3, 0x90],
  [0xf4],
  [0xfb],
  [0xfa],
  [0xf0, 0xff, 0x06, 0x00, 0x50],
  [0x87, 0x06, 0x02, 0x50],
  [0xff, 0x06, 0x00, 0x50],
  [0x88, 0x06, 0x10, 0x10],
  [0xa2, 0x20, 0x20],
  [0xe4, 0x40],
  [0xe6, 0x20],
  [0xcd, 0x21],
  [0xe2, 0xf0],
  [0x0f, 0x20, 0xc0],
  [0x0f, 0x31],
  [0x0f, 0xa2],
  [0xeb, 0xe8],
  [0x9c],
  [0x9d],
  [0xcf],
  [0x0f, 0xb0, 0x0e, 0x04, 0x50],
]; // deno-fmt-ignore

function fill(ram: Uint8Array, random: () => number): void {
  for (let vector = 0; vector < 256; vector++) {
    ram.set([random() & 0xff, 0x10 + random() % 0x30, 0, 0], 4 * vector);
  }
  for (const page of CODE_PAGES) {
    for (let at = page << 12; at < (page + 1) << 12;) {
      const piece = random() % 3 === 0 ? [random() & 0xff] : PIECES[random() % PIECES.length]!;
      ram.set(piece, at);
      at += piece.length;
    }
  }
}

/** Runs a seed. Returns what is left of it: memory, states, counts. */
function run(
  seed: number,
  configuration: (typeof CONFIGURATIONS)[keyof typeof CONFIGURATIONS],
  slice: number,
): readonly (string | number)[] {
  const random = numbers(seed), memory = new LinearMemory(RAM);
  const processors = new Processors(memory, { bus: new Bus(), pic: new Pic8259(() => {}) }, {
    count: CODE_PAGES.length,
    ...configuration,
  });
  fill(memory.ram(0, RAM), random);
  enterInitState(memory.view);
  enterStartup(memory.view, CODE_PAGES[0]!);
  const message = (mode: number, vector: number): { mode: number; vector: number; level: boolean } => ({
    mode,
    vector,
    level: false,
  });
  for (const [n, processor] of processors.all.entries()) {
    if (n > 0) processor.receive(message(DeliveryMode.STARTUP, CODE_PAGES[n]!));
  }
  const stops: string[] = [];
  for (let round = 0; round < 6; round++) {
    const end = processors.instructions + INSTRUCTIONS / 6;
    let stop: string;
    do stop = processors.run(Math.min(slice, end - processors.instructions)); while (
      stop === "budget" && processors.instructions < end
    );
    stops.push(stop);
    if (stop === "shutdown") break;
    const target = processors.all[random() % CODE_PAGES.length]!;
    const [mode, vector] = [
      [DeliveryMode.NMI, 0],
      [DeliveryMode.FIXED, 0x20 + random() % 0xe0],
      [DeliveryMode.INIT, 0],
      [DeliveryMode.STARTUP, CODE_PAGES[random() % 3]!],
    ][random() % 4] as [number, number];
    target.receive(message(mode, vector));
    if (mode === DeliveryMode.INIT) target.receive(message(DeliveryMode.STARTUP, 1 + random() % 3));
  }
  let sum = 0;
  for (const byte of memory.ram(0, RAM)) sum = (Math.imul(sum, 31) + byte) | 0;
  const rips = processors.all.map(({ state }) =>
    new Uint32Array(state.buffer, state.byteOffset, PROCESSOR_BYTES >> 2)[0x20]!
  );
  return [...stops, processors.instructions, processors.core.clock.now(), sum, ...rips];
}

const SEEDS = 8;
const expected = new Map<number, readonly (string | number)[]>();
for (const [label, configuration] of Object.entries(CONFIGURATIONS)) {
  Deno.test(`three processors run random real-mode code the same way (${label})`, () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const result = run(seed, configuration, label === "interpreter" ? Infinity : 100 + seed * 13);
      const first = expected.get(seed) ?? result;
      expected.set(seed, first);
      assertEquals(result, first, `seed ${seed}`);
    }
  });
}
