/** How every part of a machine with a state of its own saves and restores it. */
import { isFields, type Shape, StateError, type StateValue } from "./shape.ts";

/** What a part's state looks like. */
export interface StateFormat<T> {
  /** Counts up whenever the shape or the meaning of a field changes. */
  readonly version: number;
  readonly shape: Shape<T>;
}

/**
 * A part of a machine: a chip, a processor, the clock.
 *
 * `saveState` gives everything that decides what the part does next, as a plain value: numbers, bigints, strings, booleans,
 * bytes, lists and fields of such. It changes nothing and shares nothing with the part. `loadState` takes such a value
 * into a part that was made with the same configuration. It sets fields and calls nobody: no line goes up, no output is
 * written, as the parts at the other end restore what they know of it by themselves. It cannot fail: the value fits
 * `stateFormat`, and what the shape cannot say does not matter.
 *
 * What was given when the part was made is configuration, not state. What can be computed from the state of this or another
 * part (caches) is not saved. Times are those of the virtual clock.
 */
export interface Stateful<T extends StateValue> {
  readonly stateFormat: StateFormat<T>;
  saveState(): T;
  loadState(state: T): void;
}

/** A part whose type of state does not matter. */
export interface AnyStateful {
  readonly stateFormat: StateFormat<StateValue>;
  saveState(): StateValue;
  // Methods' parameters are bivariant, so that every Stateful is one of these.
  loadState(state: StateValue): void;
}

/** Whether a part keeps its state while the machine is suspended to RAM, or starts anew. */
export type Suspended = "kept" | "lost";

/** The parts of a machine by name. */
export class StatefulParts {
  readonly #parts = new Map<string, AnyStateful>();
  readonly #lost: AnyStateful[] = [];

  /**
   * Adds a part. Its name is written into snapshots: what the part is, and where, if there are several.
   *
   * @throws {TypeError} if there is one of that name
   */
  add(name: string, part: AnyStateful, suspended: Suspended = "lost"): void {
    if (this.#parts.has(name)) throw new TypeError(`Cannot add ${name} to the machine: there is one already`);
    this.#parts.set(name, part);
    if (suspended === "lost") this.#lost.push(part);
  }

  /** Returns what brings the parts that do not keep their states back to those that they have now. */
  remember(): () => void {
    const states = this.#lost.map((part) => ({ part, state: part.saveState() }));
    return () => states.forEach(({ part, state }) => part.loadState(structuredClone(state)));
  }

  /** States of all parts, each with its version. */
  save(): StateValue {
    return Object.fromEntries(
      [...this.#parts].map(([name, part]) => [
        name,
        { version: part.stateFormat.version, state: part.saveState() },
      ]),
    );
  }

  /**
   * Checks saved states: those of exactly these parts, each of its version and shape. Returns what restores them all,
   * which cannot fail; nothing has been changed before.
   *
   * @throws {StateError} if something does not fit
   */
  check(saved: StateValue): () => void {
    if (!isFields(saved)) throw new StateError("The states are not a set of fields");
    const stray = Object.keys(saved).find((name) => !this.#parts.has(name));
    if (stray !== undefined) {
      throw new StateError(`The state of ${stray} is for a part that this machine lacks`);
    }
    const loads = [...this.#parts].map(([name, part]) => {
      const state = checkPart(name, part, saved[name]);
      return () => part.loadState(state);
    });
    return () => loads.forEach((load) => load());
  }
}

function checkPart(name: string, { stateFormat }: AnyStateful, saved: StateValue): StateValue {
  if (saved === undefined) throw new StateError(`The state of ${name} is missing`);
  if (!isFields(saved)) throw new StateError(`The state of ${name} has no version`);
  const { version, state } = saved;
  if (version !== stateFormat.version) {
    throw new StateError(
      `The state of ${name} has version ${String(version)}, but this machine's has ${stateFormat.version}`,
    );
  }
  return stateFormat.shape.check(state, name);
}
