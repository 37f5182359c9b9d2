/** Translated code across worlds: every engine does what an interpreter does that remembers nothing. */
import { assert, assertEquals } from "@std/assert";
import { Machine, type MachineStop } from "../../src/machine/machine.ts";
import type { ProcessorConfiguration } from "../../src/machine/engines.ts";
import { CONFIGURATIONS } from "../jit/_bare.ts";
import { AcrossWorlds, COMPARED, FRAME_BYTES, FRAMES, MAILBOX, MEMORY } from "./_across_worlds.ts";
import { forced } from "../_support/forced.ts";

const kernel = Deno.readFileSync(new URL("kernels/across_worlds.elf", import.meta.url));
/** Guests of this many operations, from this seed on; CAUSEWAY_ACROSS_WORLDS asks for more. */
const GUESTS = Number(Deno.env.get("CAUSEWAY_ACROSS_WORLDS") ?? 5);
const SEED = Number(Deno.env.get("CAUSEWAY_RANDOM_SEED") ?? 1);
const OPERATIONS = Number(Deno.env.get("CAUSEWAY_ACROSS_WORLDS_OPERATIONS") ?? 30);
/** 1001 found that what is executed could be read although its EPT entry forbids it. */
const SEEDS = [...Array.from({ length: GUESTS }, (_, n) => SEED + n), 1001];
const LIMIT = 2_000_000, FEW = 5;

/** How a guest's run ended, in what can be compared. */
interface Outcome {
  readonly stop: string;
  readonly instructions: number;
  readonly said: string;
  readonly memory: string;
}

function boot(seed: number, configuration: ProcessorConfiguration): Machine {
  const machine = new Machine({ kernel, vmx: true, crossover: true, memory: MEMORY, ...configuration });
  machine.waitForText("ready\n");
  for (const { at, bytes } of new AcrossWorlds(seed, OPERATIONS).parts()) {
    machine.writePhysical(at, new Uint8Array(bytes));
  }
  return machine;
}

function outcome(machine: Machine, stop: string): Outcome {
  const memory = COMPARED.map(([start, bytes]) => digest(machine.readPhysical(start, bytes))).join(" ");
  return { stop, instructions: machine.instructions, said: machine.console.text, memory };
}

/** FNV-1a. */
function digest(bytes: Uint8Array): string {
  let hash = 0x811c_9dc5 | 0;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x100_0193);
  return (hash >>> 0).toString(16);
}

/** Everything that may be remembered of addresses and code is dropped every few instructions. */
function forgetful(seed: number): Outcome {
  const machine = boot(seed, { engine: "interpreter" });
  const { mmu } = machine.processor.inner;
  let stop: MachineStop = { kind: "budget" };
  while (stop.kind === "budget" && machine.instructions < LIMIT) {
    mmu.worlds.dropTagged(() => true);
    mmu.wroteRam(FRAMES, FRAME_BYTES);
    stop = machine.run({ instructions: FEW });
  }
  return outcome(machine, stop.kind);
}

const references = new Map<number, Outcome>();
function reference(seed: number): Outcome {
  const known = references.get(seed) ?? forgetful(seed);
  references.set(seed, known);
  return known;
}

for (const [label, configuration] of Object.entries(CONFIGURATIONS)) {
  Deno.test(`translations across worlds do what an interpreter without memory does (${label})`, () => {
    for (const seed of SEEDS) {
      const machine = boot(seed, configuration);
      const stop = machine.run({ instructions: LIMIT });
      assertEquals(outcome(machine, stop.kind), reference(seed), `seed ${seed}`);
    }
  });
}

Deno.test("guests across worlds run to their end, through stops and switches", () => {
  const machine = boot(SEED, forced("js"));
  assertEquals(machine.run({ instructions: LIMIT }), { kind: "exit", code: 1 });
  const stops = new DataView(machine.readPhysical(MAILBOX, 64).buffer).getUint32(40, true);
  assert(stops > 0 && stops < 5 * OPERATIONS, `${stops} operations were stopped`);
});
