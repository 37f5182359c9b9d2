/** How a run of `boot` is broken off: by Ctrl-C on its terminal, or by a signal. */
import process from "node:process";

/** The signals that break it off. */
export type Signal = "SIGINT" | "SIGTERM";

/** The end of a run that was broken off. */
export interface Interrupted {
  readonly kind: "interrupted";
  readonly signal: Signal;
  /** What to call it. */
  readonly by: string;
}

/** Waits for the signals until it is closed. */
export class Interruption {
  /** Resolves when the run is broken off. */
  readonly happened: Promise<Interrupted>;
  #isOver = false;
  readonly #close: () => void;
  #resolve: (end: Interrupted) => void = () => {};

  constructor() {
    this.happened = new Promise((resolve) => this.#resolve = resolve);
    // There is nothing else on Windows.
    const signals: readonly Signal[] = process.platform === "win32" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
    const listeners = signals.map((signal) => [signal, () => this.raise(signal, signal)] as const);
    for (const [signal, listener] of listeners) process.on(signal, listener);
    this.#close = () => {
      for (const [signal, listener] of listeners) process.off(signal, listener);
    };
  }

  /** Whether the run is broken off. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Breaks the run off. */
  raise(signal: Signal, by: string): void {
    this.#isOver = true;
    this.#resolve({ kind: "interrupted", signal, by });
  }

  close(): void {
    this.#close();
  }
}
