/** Runs a target as a debugger wants it: stops, goes on, and tells the debugger why it has stopped. */
import { GdbStub } from "./stub.ts";
import { type Advance, type Debuggee, DebugSignal, type Resumption } from "./target.ts";
import type { DebugViewChoice } from "./registers.ts";
import { linearRip, ripOf } from "./program_counter.ts";

/** What became of a call of `DebugSession.run`. */
export type SessionRun<End> =
  | Extract<Advance<End>, { kind: "ran" | "idle" }>
  | { readonly kind: "end"; readonly end: End }
  /** The debugger has killed it. */
  | { readonly kind: "killed" };

/** What a connection does with what arrives. */
export interface DebugConnection {
  receive(bytes: Uint8Array): void;
  /** It is gone. What is stopped stays so, for the next one. */
  closed(): void;
}

const GO_ON: Resumption = { step: undefined, range: undefined, signal: undefined };
/** Most steps through a range of addresses before somebody else gets a turn. */
const MOST_STEPS = 10_000;

/** A target with a debugger, or with none at the moment. */
export class DebugSession<End> {
  readonly #view: { choice: DebugViewChoice };
  #stub: GdbStub | undefined;
  /** There is no debugger, but the last one has left it stopped; at first it waits for one. */
  #waits = true;
  #killed = false;
  /** A debugger has connected while it ran. */
  #arrived = false;
  /** It has stopped since it last went on. */
  #hasStopped = false;
  /** Linear address of the instruction that it stopped at. */
  #stoppedAt: bigint | undefined;
  #wake: () => void = () => {};

  /**
   * @param view which processor debuggers are shown
   */
  constructor(readonly target: Debuggee<End>, view: DebugViewChoice = "auto") {
    this.#view = { choice: view };
  }

  /** Whether there is a debugger. */
  get isConnected(): boolean {
    return this.#stub !== undefined;
  }

  /** Connects a debugger; undefined: there is one already. */
  connect(send: (bytes: Uint8Array) => void): DebugConnection | undefined {
    if (this.#stub !== undefined) return undefined;
    const stub = this.#stub = new GdbStub(this.target, send, this.#view);
    this.#arrived = !this.#waits;
    this.#waits = false;
    this.#wake();
    return {
      receive: (bytes) => {
        stub.receive(bytes);
        if (stub.state === "killed") this.#killed = true;
        if (stub.state === "detached" && this.#stub === stub) this.#disconnect();
        this.#wake();
      },
      closed: () => {
        if (this.#stub !== stub) return;
        this.#waits = stub.state === "stopped";
        this.#disconnect();
        this.#wake();
      },
    };
  }

  /**
   * Goes on for about so many instructions, or until something must be done. Waits while the debugger has it stopped.
   * Who calls it lets the debugger's bytes arrive between two calls.
   */
  async run(instructions: number): Promise<SessionRun<End>> {
    if (!await this.#goesOn()) return { kind: "killed" };
    const stub = this.#stub, how = stub?.resumption ?? GO_ON;
    const advance = this.#advance(instructions, how);
    const { points } = this.target;
    switch (advance.kind) {
      case "end":
        stub?.ended(advance.packet);
        return { kind: "end", end: advance.end };
      case "stop":
        if (stub === undefined) return { kind: "ran" };
        this.#stop(advance.signal, advance.message);
        return { kind: "ran" };
      case "idle":
        return advance;
      default:
        if (points.hit !== undefined) this.#stop(DebugSignal.TRAP);
        else if (advance.kind === "stepped") this.#stop(DebugSignal.TRAP);
        else if (stub?.interrupted === true) this.#stop(DebugSignal.INT);
        return { kind: "ran" };
    }
  }

  /**
   * Waits for what comes from outside, or for the debugger. Answers whether to go on: always where there is a debugger,
   * which is told if nothing can come.
   *
   * @param arrival answers whether something has come
   */
  async idle(arrival: Promise<boolean>): Promise<boolean> {
    const noticed = new Promise<"debugger">((resolve) => this.#wake = () => resolve("debugger"));
    const outcome = await Promise.race([arrival, noticed]);
    if (outcome === "debugger") {
      if (this.#stub?.interrupted === true) this.#stop(DebugSignal.INT);
      return true;
    }
    if (!outcome && this.#stub !== undefined) {
      this.#stop(DebugSignal.INT, "it waits, and nothing can wake it");
      return true;
    }
    return outcome;
  }

  #advance(instructions: number, how: Resumption): Advance<End> {
    const { target } = this;
    for (let steps = 0;; steps++) {
      const advance = target.advance(instructions, how);
      if (advance.kind !== "stepped" || how.range === undefined || how.step === undefined) return advance;
      if (target.points.hit !== undefined) return advance;
      const state = target.state(how.step), [start, end] = how.range;
      const rip = state === undefined ? end : ripOf(state);
      if (rip < start || rip >= end) return advance;
      if (steps >= MOST_STEPS) return { kind: "ran" };
    }
  }

  /** Waits until it may go on; false: it was killed. */
  async #goesOn(): Promise<boolean> {
    if (this.#arrived) {
      this.#arrived = false;
      this.#note();
    }
    const mustWait = (): boolean => !this.#killed && (this.#waits || this.#stub?.state === "stopped");
    while (mustWait()) await new Promise<void>((resolve) => this.#wake = resolve);
    if (this.#killed) return false;
    if (this.#hasStopped) {
      const { points } = this.target;
      this.#hasStopped = false;
      points.hit = undefined;
      if (this.#stoppedAt !== undefined) points.pass(this.#stoppedAt);
    }
    return true;
  }

  #stop(signal: number, message?: string): void {
    const { target } = this;
    this.#note();
    this.#stub?.stopped({ signal, hit: target.points.hit }, message);
  }

  /** Notes where it has stopped. */
  #note(): void {
    const state = this.target.state(this.target.current);
    this.#hasStopped = true;
    this.#stoppedAt = state === undefined ? undefined : linearRip(state);
  }

  #disconnect(): void {
    this.#stub = undefined;
    this.target.points.clear();
  }
}
