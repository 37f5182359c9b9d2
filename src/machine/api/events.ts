/** Events with types: a map from each event's name to what its listeners get. */

/** Calls the listeners of events named by the keys of `Events`. */
export class EventSource<Events extends { readonly [N in keyof Events]: unknown }> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>();

  /**
   * @param changed is told after listeners have come or gone, so that events nobody hears need not be made
   */
  constructor(readonly changed: () => void = () => {}) {}

  /** Calls `listener` at each event of this name, after those who came before. Returns a function that ends it. */
  on<N extends keyof Events>(name: N, listener: (event: Events[N]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    this.changed();
    return () => {
      listeners.delete(listener);
      this.changed();
    };
  }

  /** Whether anybody listens to events of this name. */
  isHeard(name: keyof Events): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0;
  }

  /** Tells the listeners. */
  emit<N extends keyof Events>(name: N, event: Events[N]): void {
    for (const listener of this.#listeners.get(name) ?? []) (listener as (event: Events[N]) => void)(event);
  }
}
