/** Runs sequences until they are compiled, and counts what was emitted. */
import { MXCSR } from "../../../src/cpu/state.ts";
import { ENGINE_NAMES, type EngineName } from "../../../src/machine/engines.ts";
import { Bare } from "../_bare.ts";
import { COUNTERS } from "./counters.ts";
import { readSequences, type Row, type Sequence } from "./sequences.ts";

const CODE = 0x1_0000, DATA = 0x10_0000, STACK = 0x12_0000;
const RBX = 3, RSP = 4, R15 = 15;
/** Turns of the loop around a sequence, and after how many of them its blocks are compiled, all together. */
const TURNS = 20_000, THRESHOLD = 50;
const INT3 = 0xcc;
/** MXCSR with PE set, as it is in programs that compute (FloatMode.PLAIN); or not, for the sequences that are called so. */
const PLAIN = 0x1fa0, UNROUNDED = 0x1f80, UNROUNDED_NAME = /, unrounded$/;

/** The engines that compile, `auto` aside, which is one of them. */
export const COMPILING: readonly EngineName[] = ENGINE_NAMES.filter((name) => name in COUNTERS);

/** The text that an engine makes of a sequence in a loop: of the region that is the whole of it. */
export function emitted(engine: EngineName, { name, code }: Sequence): string {
  const found: string[] = [];
  const bare = new Bare({
    engine,
    tiers: { threshold: THRESHOLD },
    observer: { translated() {}, compiled: (_blocks, source) => found.push(source) },
  });
  const back = code.length + 6;
  // JMP to what follows, as loops of one block are written several times; SUB R15D, 1; JNZ to the beginning.
  const loop = [
    ...code,
    0xeb,
    0,
    0x41,
    0x83,
    0xef,
    1,
    0x0f,
    0x85,
    ...[0, 8, 16, 24].map((shift) => (-(back + 6) >> shift) & 255),
  ];
  bare.write(CODE, [...loop, INT3]);
  bare.set(RBX, DATA);
  bare.set(RSP, STACK);
  bare.set(R15, TURNS);
  bare.memory.i32[MXCSR >> 2] = UNROUNDED_NAME.test(name) ? UNROUNDED : PLAIN;
  const stop = bare.run(CODE);
  if (stop.kind !== "interrupt") throw new Error(`${name} ended by ${stop.kind} in ${engine}`);
  const first = found[0];
  if (first === undefined) throw new Error(`${engine} compiled nothing of ${name}, or does not tell`);
  return first;
}

/** Counts everything anew. */
export function measureAll(): Row[] {
  return readSequences().flatMap((sequence) =>
    COMPILING.map((engine) => ({
      sequence: sequence.name,
      engine,
      ...COUNTERS[engine]!(emitted(engine, sequence)),
    }))
  );
}
