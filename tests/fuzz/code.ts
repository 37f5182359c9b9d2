/**
 * Random code: `deno run -A tests/fuzz/code.ts`. Each buffer runs in a bare processor until a
 * fault or for a few hundred instructions; some run in every engine, which must agree. An exception of the host ends the
 * run.
 */
import { readFileSync } from "node:fs";
import { scriptLine } from "../../_tools/script.ts";
import { value } from "../../src/cli/options.ts";
import { parseCount, parseSeed } from "../../src/cli/values.ts";
import { type BareProcessor, createProcessor } from "../../src/machine/api/bare_processor.ts";
import type { BareMode } from "../../src/machine/api/modes.ts";
import type { BareStop } from "../../src/machine/api/bare_processor.ts";
import { REGISTER_NAMES, type RegisterName } from "../../src/machine/api/registers.ts";
import { ENGINE_NAMES, type EngineName } from "../../src/machine/engines.ts";
import { RandomSource } from "../../src/linux/random.ts";
import { mutate } from "./mutation.ts";

/** How the buffers fared. */
export interface CodeCounts {
  buffers: number;
  /** Of them, run in every engine. */
  compared: number;
  instructions: number;
  /** Stops by kind. */
  readonly stops: Record<string, number>;
}

const MODES: readonly BareMode[] = [64, 32, 16];
const CODE = 0x1_0000;
const DATA = 0x2_0000;
const DATA_BYTES = 0x4000;
const INSTRUCTIONS = 300;
const LONGEST = 64;
const MEMORY = 1 << 21;
/** Of so many buffers, one runs in every engine. */
const COMPARED_EVERY = 100;
/** Buffers after which processors are made anew: real-mode code changes more than registers. */
const RENEWED_EVERY: Readonly<Record<BareMode, number>> = { 64: 20_000, 32: 5000, 16: 200 };

const GENERAL: readonly RegisterName[] = [
  "rax",
  "rbx",
  "rcx",
  "rdx",
  "rsi",
  "rdi",
  "rbp",
  "r8",
  "r9",
  "r10",
  "r11",
  "r12",
  "r13",
  "r14",
  "r15",
]; // deno-fmt-ignore

/** Prefixes and escapes that random bytes seldom have in the right order. */
const BEGINNINGS: readonly (readonly number[])[] = [
  [0x0f], [0x66, 0x0f], [0xf2, 0x0f], [0xf3, 0x0f], [0x66, 0x0f, 0x38], [0xf2, 0x0f, 0x38], [0x0f, 0x3a], [0x66, 0x0f, 0x3a],
  [0x48], [0x4c, 0x0f], [0xf0], [0xc4, 0xe2], [0xc5], [0xd8], [0xd9], [0xdb], [0xdd], [0xdf], [0xf3, 0x48], [0x67], [0x66, 0x48],
]; // deno-fmt-ignore

/** Text of a real program of ours, to be changed here and there. */
const REAL = readFileSync(new URL("../../src/guests/scene/scene.elf", import.meta.url)).subarray(0x1000, 0x9000);

function randomCode(random: RandomSource): Uint8Array {
  const length = 1 + random.next() % LONGEST;
  const kind = random.next() % 3;
  if (kind === 0) {
    const at = random.next() % (REAL.length - length);
    return mutate(REAL.subarray(at, at + length), random, length);
  }
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = random.next();
  if (kind === 1) {
    for (let i = 0; i < length; i += 3 + random.next() % 8) {
      bytes.set(BEGINNINGS[random.next() % BEGINNINGS.length]!.slice(0, length - i), i);
    }
  }
  return bytes;
}

/** Values of registers: pointers to data mostly, small numbers, edges, anything. */
function randomValue(random: RandomSource): bigint {
  switch (random.next() % 6) {
    case 0:
    case 1:
      return BigInt(DATA + random.next() % DATA_BYTES);
    case 2:
      return BigInt(random.next() % 64);
    case 3:
      return BigInt.asUintN(64, -1n << BigInt(random.next() % 64));
    case 4:
      return BigInt(CODE + random.next() % LONGEST);
    default:
      return (BigInt(random.next() >>> 0) << 32n) | BigInt(random.next() >>> 0);
  }
}

/** A processor and the registers it starts with. */
interface Subject {
  readonly cpu: BareProcessor;
  readonly fresh: Setup;
  runs: number;
}

/** Registers and the values they get. */
type Setup = readonly (readonly [RegisterName, bigint])[];

function makeSubject(mode: BareMode, engine: EngineName): Subject {
  const cpu = createProcessor({ mode, engine, memory: MEMORY });
  cpu.map(CODE, 0x1000);
  cpu.map(DATA, DATA_BYTES);
  return { cpu, fresh: REGISTER_NAMES.map((name) => [name, cpu.get(name)] as const), runs: 0 };
}

/** A buffer and all that it finds. */
interface Buffer {
  readonly mode: BareMode;
  readonly code: Uint8Array;
  readonly data: Uint8Array;
  readonly setup: Setup;
}

function makeBuffer(random: RandomSource): Buffer {
  const mode = MODES[random.next() % 4] ?? 64;
  const code = randomCode(random);
  const data = new Uint8Array(DATA_BYTES);
  for (let i = 0; i < 256; i++) data[random.next() % DATA_BYTES] = random.next();
  const registers: [RegisterName, bigint][] = GENERAL.map((name) => [name, randomValue(random)]);
  if (mode === 64) {
    registers.push(["rsp", BigInt(DATA + DATA_BYTES / 2)], ["rip", BigInt(CODE)]);
  } else if (mode === 32) {
    for (const register of registers) register[1] = BigInt.asUintN(32, register[1]);
    registers.push(["rsp", BigInt(DATA + DATA_BYTES / 2)], ["rip", BigInt(CODE)]);
  } else {
    for (const register of registers) register[1] = BigInt.asUintN(16, register[1]);
    registers.push(["cs", BigInt(CODE >> 4)], ["rip", 0n], ["rsp", BigInt(DATA_BYTES / 2)]);
    for (const name of ["ds", "es", "ss"] as const) registers.push([name, BigInt(DATA >> 4)]);
  }
  return { mode, code, data, setup: registers };
}

function runBuffer({ cpu, fresh }: Subject, { code, data, setup }: Buffer): BareStop {
  cpu.write(CODE, new Uint8Array(2 * LONGEST));
  cpu.write(CODE, code);
  cpu.write(DATA, data);
  for (const [name, value] of fresh) cpu.set(name, value);
  for (const [name, value] of setup) cpu.set(name, value);
  return cpu.run({ instructions: INSTRUCTIONS });
}

/** All that a run leaves, as text. */
function describe(cpu: BareProcessor, stop: BareStop): string {
  const registers = REGISTER_NAMES.map((name) => `${name}=${cpu.get(name).toString(16)}`);
  let hash = 0;
  for (const place of [CODE, DATA]) {
    for (const byte of cpu.read(place, 0x1000)) hash = Math.imul(hash ^ byte, 0x1000193);
  }
  return `${Object.values(stop).map(String).join(" ")} ${registers.join(" ")} memory=${
    (hash >>> 0).toString(16)
  }`;
}

/** Tries buffers; throws where one is too much for us, or where the engines disagree. */
export function fuzzCode(buffers: number, seed: number, progress?: (counts: CodeCounts) => void): CodeCounts {
  const random = new RandomSource(seed);
  const counts: CodeCounts = { buffers: 0, compared: 0, instructions: 0, stops: {} };
  const subjects = new Map<string, Subject>();
  // Those that are compared have all run the same buffers: memory, time and random numbers are the same.
  const subject = (mode: BareMode, engine: EngineName, compared: boolean): Subject => {
    const key = `${mode} ${engine} ${compared}`;
    let found = subjects.get(key);
    if (found === undefined || found.runs === RENEWED_EVERY[mode]) {
      found = makeSubject(mode, engine);
      subjects.set(key, found);
    }
    found.runs++;
    return found;
  };
  for (let i = 0; i < buffers; i++) {
    const buffer = makeBuffer(random);
    const compared = i % COMPARED_EVERY === 0;
    let expected: string | undefined;
    for (const engine of compared ? ENGINE_NAMES : ["interpreter" as const]) {
      const chosen = subject(buffer.mode, engine, compared);
      const before = chosen.cpu.instructions;
      try {
        const stop = runBuffer(chosen, buffer);
        counts.stops[stop.kind] = (counts.stops[stop.kind] ?? 0) + 1;
        if (compared) {
          const found = describe(chosen.cpu, stop);
          expected ??= found;
          if (found !== expected) throw new Error(differences(expected, found));
        }
      } catch (error) {
        throw new Error(`buffer ${i} of seed ${seed} in ${engine}: ${show(buffer)}`, { cause: error });
      }
      counts.instructions += chosen.cpu.instructions - before;
    }
    counts.buffers++;
    if (compared) counts.compared++;
    if (counts.buffers % 50_000 === 0) progress?.(counts);
  }
  return counts;
}

function differences(expected: string, found: string): string {
  const others = found.split(" ");
  return `interpreter: ${
    expected.split(" ").map((word, n) => word === others[n] ? "" : `${word} here ${others[n]}`).filter((
      text,
    ) => text !== "").join(", ")
  }`;
}

function show({ mode, code, setup }: Buffer): string {
  const hex = [...code].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `mode ${mode} ${hex} with ${
    setup.map(([name, value]) => `${name}=${value.toString(16)}`).join(" ")
  }`;
}

if (import.meta.main) {
  const { values } = scriptLine({
    call: "deno run -A tests/fuzz/code.ts",
    description: "Runs random code in a bare processor, some of it in every engine, which must agree.",
    options: {
      buffers: value("N", "How many pieces of code (1000000).", parseCount),
      seed: value("S", "Of everything random (1).", parseSeed),
    },
  });
  const start = performance.now();
  const counts = fuzzCode(
    values.buffers ?? 1e6,
    values.seed ?? 1,
    (now) => console.error(JSON.stringify(now)),
  );
  console.log(`${JSON.stringify(counts)} in ${((performance.now() - start) / 1000).toFixed(0)} s`);
}
