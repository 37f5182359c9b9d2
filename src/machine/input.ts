/** What comes from outside while a machine runs or waits: typed on a console, or from the host's network. */

/** What else ends a wait. */
export interface InputLimits {
  readonly signal?: AbortSignal | undefined;
  /** Most time of the host's. */
  readonly milliseconds?: number;
}

/** Tells those who wait that something has come. */
export class InputSignal {
  readonly #waiting = new Set<() => void>();

  /** Something has come. */
  arrived(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Waits until something comes. */
  wait({ signal, milliseconds }: InputLimits = {}): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = milliseconds === undefined ? undefined : setTimeout(done, milliseconds);
      this.#waiting.add(done);
      signal?.addEventListener("abort", done);
    });
  }
}
