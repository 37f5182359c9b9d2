/** Runs programs on the processor of this machine and in every configuration, and finds what differs. */
import { baseImage, type Case, type Result } from "../../oracle/case.ts";
import { differences } from "../../oracle/compare.ts";
import { Emulator } from "../../oracle/emulator.ts";
import { CODE, CODE_OFFSET } from "../../oracle/layout.ts";
import { NativeRunner } from "../../oracle/native.ts";
import { Random } from "../../oracle/random.ts";
import { dataImage } from "../../oracle/state.ts";
import { CONFIGURATIONS } from "./configurations.ts";
import { caseOf, randomStart, type Start } from "./generate.ts";
import { shrinkStart } from "./shrink.ts";

/** A program that differs, made small. */
export interface Mismatch {
  readonly configuration: string;
  readonly start: Start;
  readonly differences: readonly string[];
  /** How many programs a processor must have run before it shows this; undefined where none does it alone. */
  readonly history: number | undefined;
}

/** What the session has done. */
export interface Counts {
  programs: number;
  /** Instructions that the interpreter executed of them. */
  instructions: number;
  /** How the programs ended. */
  readonly ends: Record<string, number>;
}

/** Instructions after which a program is stopped everywhere, the processor excepted, which is not compared then. */
const LIMIT = 1_000_000;
/** Most instructions of programs that run in configurations that are slow. */
const SHORT = 10_000;
/** Programs after which processors are made anew. */
const RENEWED_EVERY = 400;
const INTERPRETER = "interpreter", NATIVE = "the processor";
const FLAGS = 0x24_4dd5;

/** A run to the end, and one that stops after some instructions. */
interface Runs {
  readonly whole: Result;
  readonly part: Result;
  /** Instructions of both. */
  readonly counts: readonly [number, number];
}

/** A processor of one configuration, and what it has run. */
class Subject {
  emulator: Emulator;
  history: Start[] = [];
  constructor(readonly configuration: string, readonly image: Uint8Array<ArrayBuffer>) {
    this.emulator = this.fresh();
  }
  /** With a tiny code cache nearly every block is compiled each time it runs. */
  get isSlow(): boolean {
    return CONFIGURATIONS.get(this.configuration)!.tiers?.codeCacheBlocks !== undefined;
  }
  fresh(): Emulator {
    return new Emulator("interpreter", this.image, CONFIGURATIONS.get(this.configuration)!);
  }
  renew(): void {
    this.emulator = this.fresh();
    this.history = [];
  }
}

/** One session. */
export class ControlFlowSession {
  readonly counts: Counts = { programs: 0, instructions: 0, ends: {} };
  readonly #subjects: readonly Subject[];

  private constructor(
    readonly native: NativeRunner | undefined,
    names: readonly string[],
    image: Uint8Array<ArrayBuffer>,
  ) {
    this.#subjects = names.map((name) => new Subject(name, image));
  }

  /** Starts one in the configurations named, the interpreter first; `native`: whether the processor takes part. */
  static async start(seed: number, names: readonly string[], native: boolean): Promise<ControlFlowSession> {
    const image = baseImage(dataImage(new Random(seed), CODE_OFFSET));
    return new ControlFlowSession(native ? await NativeRunner.start(image) : undefined, names, image);
  }

  /** Ends the native processor. */
  async stop(): Promise<void> {
    await this.native?.stop();
  }

  /** Runs so many new programs; hands each that differs to `found`. */
  async run(random: Random, count: number, found: (mismatch: Mismatch) => void): Promise<void> {
    const starts = Array.from({ length: count }, () => randomStart(random));
    const native = await this.native?.run(starts.map((start) => caseOf(start)!));
    for (const [n, start] of starts.entries()) {
      const one = caseOf(start)!;
      const reference = this.#subjects[0]!;
      const expected = runs(reference.emulator, one);
      const limit = cut(one, expected.counts[0]);
      const partly = runs(reference.emulator, one, limit);
      this.counts.programs++;
      this.counts.instructions += expected.counts[0];
      const { end, vector } = expected.whole;
      const how = end === "fault" ? `fault ${vector}` : end;
      this.counts.ends[how] = (this.counts.ends[how] ?? 0) + 1;
      if (native !== undefined) {
        const differing = againstNative(one, native[n]!, expected.whole);
        if (differing.length > 0) found(await this.#minimise(NATIVE, start, differing));
      }
      for (const subject of this.#subjects.slice(1)) {
        if (subject.isSlow && expected.counts[0] > SHORT) continue;
        if (subject.history.length >= RENEWED_EVERY) subject.renew();
        subject.history.push(start);
        const differing = compared(subject.emulator, one, limit, partly);
        if (differing.length === 0) continue;
        found(await this.#minimise(subject.configuration, start, differing, subject));
        subject.renew();
      }
    }
  }

  /** What differs when a program is run by processors that have run nothing else, or by ones that have run others before. */
  async differing(
    configuration: string,
    start: Start,
    before: readonly Start[] = [],
  ): Promise<readonly string[]> {
    const one = caseOf(start)!;
    const interpreter = this.#subjects[0]!.fresh();
    const whole = runs(interpreter, one);
    if (configuration === NATIVE) {
      const [expected] = await this.native!.run([one]);
      return againstNative(one, expected!, whole.whole);
    }
    const limit = cut(one, whole.counts[0]);
    const expected = runs(interpreter, one, limit);
    const emulator = this.#subjects.find((subject) => subject.configuration === configuration)!.fresh();
    for (const earlier of before) {
      const other = caseOf(earlier)!;
      runs(emulator, other, cut(other, runs(interpreter, other).counts[0]));
    }
    return compared(emulator, one, limit, expected);
  }

  async #minimise(
    configuration: string,
    start: Start,
    found: readonly string[],
    subject?: Subject,
  ): Promise<Mismatch> {
    const fails = async (candidate: Start): Promise<boolean> =>
      (await this.differing(configuration, candidate)).length > 0;
    if (await fails(start)) {
      const smallest = await shrinkStart(start, fails);
      const differences = await this.differing(configuration, smallest);
      return { configuration, start: smallest, differences, history: 0 };
    }
    const before = subject?.history.slice(0, -1) ?? [];
    for (let length = 1; length < 2 * before.length; length *= 2) {
      const differences = await this.differing(configuration, start, before.slice(-length));
      if (differences.length > 0) {
        return { configuration, start, differences, history: Math.min(length, before.length) };
      }
    }
    return { configuration, start, differences: found, history: undefined };
  }
}

/** After how many instructions a program is stopped besides: any number up to all, the same for the same program. */
function cut({ gpr, rflags, code }: Case, instructions: number): number {
  const mixed = Math.imul(Number(gpr[0]! & 0xffffn) ^ rflags ^ code.length, 0x9e37_79b1) >>> 0;
  return instructions === 0 ? 0 : mixed % instructions;
}

function runs(emulator: Emulator, one: Case, limit = 0): Runs {
  const begun = emulator.instructions;
  const whole = emulator.run(one, LIMIT);
  const between = emulator.instructions;
  const part = emulator.run(one, limit);
  return { whole, part, counts: [between - begun, emulator.instructions - between] };
}

function againstNative(one: Case, native: Result, interpreter: Result): readonly string[] {
  if (native.end === "timeout" || interpreter.end === "timeout") return [];
  const found = differences(one, native, interpreter);
  return faultsComparing(one, interpreter) ? found.filter((line) => !line.startsWith("rflags")) : found;
}

/**
 * Whether a fault ended a repeated CMPS or SCAS. Then the flags are as before it (SDM vol. 2B, "REP"); AMD's processors leave
 * those of the last comparison.
 */
function faultsComparing({ code, offset }: Case, { end, rip }: Result): boolean {
  if (end !== "fault") return false;
  const at = Number(rip - CODE) - offset;
  const [prefix, second, third] = code.subarray(at, at + 3);
  const opcode = second === 0x48 ? third : second;
  return (prefix === 0xf2 || prefix === 0xf3) && [0xa6, 0xa7, 0xae, 0xaf].includes(opcode ?? 0);
}

function compared(emulator: Emulator, one: Case, limit: number, expected: Runs): readonly string[] {
  try {
    const actual = runs(emulator, one, limit);
    return [
      ...same("", expected.whole, actual.whole, expected.counts[0], actual.counts[0]),
      ...same(`after ${limit}: `, expected.part, actual.part, expected.counts[1], actual.counts[1]),
    ];
  } catch (error) {
    return [`exception: ${error instanceof Error ? error.stack : error}`];
  }
}

/** What differs of two results of ours, where nothing may. */
function same(title: string, want: Result, got: Result, wantCount: number, gotCount: number): string[] {
  const found: string[] = [];
  const check = (name: string, one: unknown, other: unknown): void => {
    if (one === other) return;
    const text = (value: unknown): string =>
      typeof value === "bigint" || typeof value === "number" ? value.toString(16) : String(value);
    found.push(`${title}${name}: ${text(one)} in the ${INTERPRETER}, here ${text(other)}`);
  };
  check("end", want.end, got.end);
  check("vector", want.vector, got.vector);
  check("error", want.error, got.error);
  check("cr2", want.cr2, got.cr2);
  check("rip", want.rip, got.rip);
  check("rflags", want.rflags & FLAGS, got.rflags & FLAGS);
  check("instructions", wantCount, gotCount);
  for (let n = 0; n < 16; n++) check(`register ${n}`, want.gpr[n], got.gpr[n]);
  for (const [n, byte] of want.fx.entries()) check(`fx+${n.toString(16)}`, byte, got.fx[n]);
  for (const offset of new Set([...want.memory.keys(), ...got.memory.keys()])) {
    check(`memory+${offset.toString(16)}`, want.memory.get(offset), got.memory.get(offset));
  }
  return found;
}
