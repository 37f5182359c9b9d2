/** How long the thread that runs guest code could have run and had no core, as others did. */
import { existsSync, openSync, readSync } from "node:fs";

/**
 * Linux: nanoseconds on a core, nanoseconds that it waited for one, turns. V8's threads and other processes had the core
 * meanwhile; what the thread waits for by itself, such as V8's helpers in a garbage collection, is not among it.
 */
const STATISTICS = "/proc/thread-self/schedstat";

/** A clock of that, in milliseconds; undefined where the host does not tell. To be asked in the thread that made it. */
export function coreWaitClock(): (() => number) | undefined {
  if (!existsSync(STATISTICS)) return undefined;
  const file = openSync(STATISTICS, "r"), text = new Uint8Array(128), decoder = new TextDecoder();
  return () => {
    const length = readSync(file, text, 0, text.length, 0);
    return Number(decoder.decode(text.subarray(0, length)).split(" ")[1]) / 1e6;
  };
}

/** A wait for the compiler, in milliseconds. */
export interface Wait {
  readonly milliseconds: number;
  /** How much of it there was no core for the thread; undefined where the host does not tell. */
  readonly withoutCore?: number;
}

/** Takes down the waits for the compiler: an observer of a run. */
export class WaitRecorder {
  readonly waits: Wait[] = [];
  readonly #clock = coreWaitClock();
  #before = 0;

  compilationBegins(): void {
    if (this.#clock !== undefined) this.#before = this.#clock();
  }

  compilationTook(milliseconds: number): void {
    this.waits.push(
      this.#clock === undefined
        ? { milliseconds }
        : { milliseconds, withoutCore: this.#clock() - this.#before },
    );
  }

  /** The longest first. */
  get longest(): Wait[] {
    return this.waits.toSorted((a, b) => b.milliseconds - a.milliseconds);
  }
}
