/** The interval timer of a PC: Intel 8254, as its data sheet has it. Counter 0 makes interrupts, counter 2 the tone. */
import { bool, fields, list, type Shape, whole } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import type { PortDevice } from "../bus.ts";
import type { TimedDevice } from "../schedule.ts";
import { Counter8254, COUNTER_STATE, type CounterState } from "./8254_counter.ts";
import { Oscillator } from "./oscillator.ts";

/** Frequency of the counters' clock. */
export const PIT_HERTZ = 1_193_182;

const CONTROL = 3;
/** Bits 7:6 of the control word: 3 is the read-back command. Bits 5:4: 0 latches the count. */
const READ_BACK = 3, LATCH = 0;
/** Read-back: what is not latched. */
const NO_COUNT = 0x20, NO_STATUS = 0x10;

/** Edges that a machine which looks late still sees one by one. */
const MOST_EDGES = 4;

type State = {
  readonly counters: readonly CounterState[];
  readonly level: boolean;
  readonly told: number;
};
const STATE: Shape<State> = fields({
  counters: list(COUNTER_STATE, 3),
  level: bool,
  told: whole(0, Number.MAX_SAFE_INTEGER),
});

/** What the chip is wired to. */
export interface PitWires {
  /** Virtual time. */
  now(): number;
  /** The output of counter 0 goes up or down. */
  interrupt(level: boolean): void;
  /** The next event may be another one than before. */
  changed(): void;
}

/** The chip. The gates of counters 0 and 1 are always up. */
export class Pit8254 implements PortDevice, TimedDevice, Stateful<State> {
  readonly stateFormat: StateFormat<State> = { version: 1, shape: STATE };
  readonly ports = [0x40, 4] as const;
  readonly #wires: PitWires;
  readonly #clock = new Oscillator(PIT_HERTZ);
  readonly #counters = [new Counter8254(true), new Counter8254(true), new Counter8254(false)] as const;
  /** Nothing is programmed: the outputs are up. */
  #level = true;
  /** The tick up to which the interrupt line has followed the output. */
  #told = 0;

  constructor(wires: PitWires) {
    this.#wires = wires;
  }

  /** The gate of counter 2. */
  get gate(): boolean {
    return this.#counters[2].gate;
  }
  set gate(level: boolean) {
    this.#counters[2].setGate(level, this.#tick);
  }

  /** The output of counter 2. */
  get tone(): boolean {
    return this.#counters[2].output(this.#tick);
  }

  in(offset: number): number {
    // The control word cannot be read.
    return this.#counters[offset]?.read(this.#tick) ?? 0xff;
  }

  out(offset: number, value: number): void {
    this.advance();
    if (offset === CONTROL) this.#control(value);
    else this.#counters[offset]!.write(value, this.#tick);
    this.#tell(this.#tick);
    this.#wires.changed();
  }

  nextEvent(): number {
    const edge = this.#counters[0].nextEdge(this.#told);
    return edge === Infinity ? Infinity : this.#clock.timeOf(edge);
  }

  advance(): void {
    const now = this.#tick;
    for (let n = 0; n < MOST_EDGES; n++) {
      const edge = this.#counters[0].nextEdge(this.#told);
      if (edge > now) break;
      this.#tell(edge);
    }
    this.#tell(now);
  }

  saveState(): State {
    return {
      counters: this.#counters.map((counter) => counter.saveState()),
      level: this.#level,
      told: this.#told,
    };
  }

  loadState({ counters, level, told }: State): void {
    for (const [n, state] of counters.entries()) this.#counters[n]!.loadState(state);
    this.#level = level;
    this.#told = told;
  }

  get #tick(): number {
    return this.#clock.ticks(this.#wires.now());
  }

  #control(value: number): void {
    const selected = value >> 6, tick = this.#tick;
    if (selected === READ_BACK) {
      for (const [n, counter] of this.#counters.entries()) {
        if ((value & (2 << n)) === 0) continue;
        if ((value & NO_COUNT) === 0) counter.latchCount(tick);
        if ((value & NO_STATUS) === 0) counter.latchStatus(tick);
      }
      return;
    }
    const counter = this.#counters[selected]!, access = (value >> 4) & 3;
    if (access === LATCH) counter.latchCount(tick);
    else counter.program(access, (value >> 1) & 7, (value & 1) !== 0);
  }

  #tell(tick: number): void {
    this.#told = tick;
    const level = this.#counters[0].output(tick);
    if (level === this.#level) return;
    this.#level = level;
    this.#wires.interrupt(level);
  }
}
