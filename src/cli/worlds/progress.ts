/** Tells on a terminal how far something is that takes its time. */
import { isatty } from "node:tty";
import { writeAll } from "../output.ts";

const STDERR = 2;
/** Milliseconds before anything is shown, and between two updates. */
const PATIENCE = 2000, INTERVAL = 200;
const CLEAR_LINE = "\r\x1b[K";

/** A line on stderr that is written over and over. Where stderr is no terminal, nothing. */
export class Progress {
  readonly #start = performance.now();
  readonly #visible: boolean = isatty(STDERR);
  #last = 0;
  #shown = false;

  /** Shows where things are. */
  show(text: string): void {
    const now = performance.now();
    if (!this.#visible || now - this.#start < PATIENCE || now - this.#last < INTERVAL) return;
    this.#last = now;
    this.#shown = true;
    writeAll(STDERR, `${CLEAR_LINE}${text}`);
  }

  /** Removes the line, so that something else can be printed. */
  clear(): void {
    if (this.#shown) writeAll(STDERR, CLEAR_LINE);
    this.#shown = false;
  }
}
