/** `--save` and `--load`: snapshots of machines in files. */
import { renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import type { Machine, MachineStop } from "../../machine/machine.ts";
import { loadMachine, type LoadOptions } from "../../machine/snapshot/load.ts";
import { SnapshotError } from "../../snapshot/file.ts";
import { inputError, usageError } from "../exit_codes.ts";
import { readInput } from "../input.ts";
import { type Flag, flag, type Option, value } from "../options.ts";
import { cannotWrite, report } from "../output.ts";
import { parseCount, parsePath } from "../values.ts";

/** What both are about. */
export const SAVE: Option<string> = value(
  "FILE",
  "Writes a snapshot of the machine to FILE when --save-at or --save-when says, and whenever this process gets SIGUSR2. " +
    "Then the machine goes on. FILE is replaced as a whole. Takes about a second for each 80 MB the guest has written to.",
  parsePath,
);

/** Points in a run. */
export const SAVE_AT: Option<number> = value(
  "N",
  "Saves when N guest instructions have been executed since the boot, exactly.",
  parseCount,
);
export const SAVE_WHEN: Option<string> = value(
  "TEXT",
  "Saves when the guest has written TEXT to its console, right behind it.",
  parseText,
);

/** What follows. */
export const SAVE_EXIT: Flag = flag("Ends with exit code 0 when a snapshot has been saved.");

/** The other way. */
export const LOAD: Option<string> = value(
  "FILE",
  "Goes on with the machine that was saved in FILE, exactly as it would have. What the machine is made of is in the " +
    "file, so that only --engine and what is about this process can be given.",
  parsePath,
);

function parseText(text: string): string {
  if (text === "") throw new RangeError("must not be empty");
  return text;
}

/** Makes a machine from a file. */
export async function loadFile(path: string, options: LoadOptions): Promise<Machine> {
  const file = readInput(path);
  try {
    return await loadMachine(file, options);
  } catch (error) {
    if (error instanceof SnapshotError) throw inputError(`cannot load ${path}: ${error.message}`);
    throw error;
  }
}

/** What the options say. */
export interface SaveOptions {
  readonly save?: string | undefined;
  readonly "save-at"?: number | undefined;
  readonly "save-when"?: string | undefined;
  readonly "save-exit": boolean;
}

/** Why no file can be written there, as far as that is known before. What is no file, a device say, is not replaced. */
function whyNotThere(path: string): string | undefined {
  const folder = dirname(path), old = statSync(path, { throwIfNoEntry: false });
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    return `there is no folder ${folder}`;
  }
  if (old === undefined || old.isFile()) return undefined;
  return old.isDirectory() ? "it is a directory" : "it is no file";
}

/** Saves a machine when its time has come. */
export class Saver {
  /** The text that it waits for, until that is there. */
  until: string | undefined;
  readonly #path: string | undefined;
  readonly #ends: boolean;
  #at: number;
  #signalled = false;
  #wake = (): void => {};
  readonly #onSignal = (): void => {
    this.#signalled = true;
    this.#wake();
  };

  constructor({ save, "save-at": at, "save-when": when, "save-exit": ends }: SaveOptions) {
    if (save === undefined && (at !== undefined || when !== undefined || ends)) {
      throw usageError("--save-at, --save-when and --save-exit need --save FILE");
    }
    const problem = save === undefined ? undefined : whyNotThere(save);
    if (problem !== undefined) throw inputError(`cannot write ${save}: ${problem}`);
    this.#path = save;
    this.#at = at ?? Infinity;
    this.until = when;
    this.#ends = ends;
    // Windows has no such signal. SIGUSR1 is taken: runtimes open a debugger at it.
    if (save !== undefined && process.platform !== "win32") process.on("SIGUSR2", this.#onSignal);
  }

  /** Whether signals must be able to arrive. */
  get isOpen(): boolean {
    return this.#path !== undefined;
  }

  /** A wait of the guest, which a signal ends as well: then the answer is true. */
  orSignal(wait: Promise<boolean>): Promise<boolean> {
    return Promise.race([wait, new Promise<boolean>((resolve) => this.#wake = () => resolve(true))]);
  }

  /** How many instructions the machine may execute before it is looked at again. */
  left(machine: Machine): number {
    return machine.instructions < this.#at ? this.#at - machine.instructions : Infinity;
  }

  /** Refuses a point that a loaded machine has passed. */
  check({ instructions }: Machine): void {
    if (this.#at >= instructions) return;
    throw usageError(`--save-at ${this.#at}: the machine has executed ${instructions} instructions already`);
  }

  /**
   * Saves the machine if that is due. Returns whether the command is to end now.
   *
   * @param stop how the run has stopped; undefined: before the first
   */
  async settle(machine: Machine, stop: MachineStop | undefined): Promise<boolean> {
    const reached = machine.instructions >= this.#at, found = stop?.kind === "text";
    if (this.#path === undefined || !(reached || found || this.#signalled)) return false;
    if (reached) this.#at = Infinity;
    if (found) this.until = undefined;
    this.#signalled = false;
    const snapshot = await machine.snapshot(), unfinished = `${this.#path}.unfinished`;
    try {
      writeFileSync(unfinished, snapshot);
      renameSync(unfinished, this.#path);
    } catch (error) {
      rmSync(unfinished, { force: true });
      throw cannotWrite(this.#path, error);
    }
    report(`causeway: saved ${this.#path} at ${machine.instructions} instructions`);
    return this.#ends;
  }

  /** Says what has not come, when the run has ended, and lets signals be what they were. */
  close(): void {
    process.off("SIGUSR2", this.#onSignal);
    if (this.#at !== Infinity) report("causeway: ended before --save-at");
    if (this.until !== undefined) report("causeway: ended before the text of --save-when");
  }
}
