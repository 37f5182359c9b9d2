/** One fuzzing session: the native processor, Causeway in some configurations, and what to do about a mismatch. */
import { baseImage, type Case, type Result } from "./case.ts";
import { differences } from "./compare.ts";
import { type ConfigurationName, Emulator } from "./emulator.ts";
import { isIncomparable } from "./incomparable.ts";
import { CODE_OFFSET } from "./layout.ts";
import { NativeRunner } from "./native.ts";
import { Random } from "./random.ts";
import { shrink } from "./shrink.ts";
import { dataImage } from "./state.ts";

/** A case that differs, made small. */
export interface Mismatch {
  readonly configuration: ConfigurationName;
  readonly one: Case;
  readonly differences: readonly string[];
  /** A processor that has run nothing before does not show it. */
  readonly needsHistory: boolean;
}

/**
 * Instructions that a case may take where the processor ended it in time. In its time the processor does more: such
 * loops are counted, not compared.
 */
const PATIENCE = 20_000_000;
/** The difference of a case that took longer. */
const TOO_LONG = "too long";

/** Begins the difference of a case in which Causeway itself failed. */
const EXCEPTION = "exception:";

/** Compares cases on the processor and in Causeway. */
export class Session {
  /** Cases that were not compared because they take too many instructions. */
  tooLong = 0;
  readonly #emulators: Emulator[];
  /** Instructions executed by processors that are no longer used. */
  #replaced = 0;

  private constructor(
    readonly native: NativeRunner,
    readonly image: Uint8Array<ArrayBuffer>,
    names: readonly ConfigurationName[],
  ) {
    this.#emulators = names.map((name) => new Emulator(name, image));
  }

  /** Starts one; `seed` determines the contents of the data pages. */
  static async start(seed: number, names: readonly ConfigurationName[]): Promise<Session> {
    const image = baseImage(dataImage(new Random(seed), CODE_OFFSET));
    return new Session(await NativeRunner.start(image), image, names);
  }

  /** Guest instructions executed by all configurations. */
  get instructions(): number {
    return this.#emulators.reduce((sum, { instructions }) => sum + instructions, this.#replaced);
  }

  /** After an exception of the host nothing can be expected of a processor. */
  #replace(which: number): void {
    const { name, instructions } = this.#emulators[which]!;
    this.#replaced += instructions;
    this.#emulators[which] = new Emulator(name, this.image);
  }

  /** Runs the cases; hands each that differs to `found`, and each result of the processor to `seen`. */
  async compare(
    cases: readonly Case[],
    found: (mismatch: Mismatch) => void,
    seen?: (one: Case, result: Result) => void,
  ): Promise<void> {
    const expected = await this.native.run(cases);
    for (const [n, one] of cases.entries()) seen?.(one, expected[n]!);
    for (const [which, { name }] of this.#emulators.entries()) {
      for (const [n, one] of cases.entries()) {
        const emulator = this.#emulators[which]!;
        const differing = compared(emulator, one, expected[n]!);
        if (differing[0]?.startsWith(EXCEPTION)) this.#replace(which);
        if (differing[0] === TOO_LONG) this.tooLong++;
        if (differing.length === 0 || differing[0] === TOO_LONG || this.#isIncomparable(one)) continue;
        found(await this.#minimise(name, one, differing));
      }
    }
  }

  /** Ends the native processor. */
  async stop(): Promise<void> {
    await this.native.stop();
  }

  #isIncomparable(one: Case): boolean {
    try {
      return isIncomparable(new Emulator("interpreter", this.image), one);
    } catch {
      return false;
    }
  }

  async #minimise(
    configuration: ConfigurationName,
    one: Case,
    differing: readonly string[],
  ): Promise<Mismatch> {
    const onFresh = async (candidate: Case): Promise<readonly string[]> => {
      const [expected] = await this.native.run([candidate]);
      return compared(new Emulator(configuration, this.image), candidate, expected!);
    };
    const onFreshFails = async (candidate: Case): Promise<boolean> => {
      const [first] = await onFresh(candidate);
      return first !== undefined && first !== TOO_LONG;
    };
    const differs = async (candidate: Case): Promise<boolean> =>
      await onFreshFails(candidate) && !this.#isIncomparable(candidate);
    if (!(await differs(one))) return { configuration, one, differences: differing, needsHistory: true };
    const smallest = await shrink(one, differs);
    return { configuration, one: smallest, differences: await onFresh(smallest), needsHistory: false };
  }
}

/** What differs between the processor's result and Causeway's. */
function compared(emulator: Emulator, one: Case, expected: Result): readonly string[] {
  try {
    let actual = emulator.run(one);
    if (actual.end === "timeout" && expected.end !== "timeout") {
      actual = emulator.run(one, PATIENCE);
      if (actual.end === "timeout") return [TOO_LONG];
    }
    return differences(one, expected, actual);
  } catch (error) {
    return [`${EXCEPTION} ${error instanceof Error ? error.stack : error}`];
  }
}
