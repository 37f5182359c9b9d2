/** What a PC has between its chips: port B (61H) with the speaker, port A (92H), and the reset control at CF9H. */
import { fields, type Shape, u8 } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import type { PortDevice } from "../bus.ts";
import type { Pit8254 } from "./8254_pit.ts";
import { Oscillator } from "./oscillator.ts";

/** Port B: gate of counter 2, speaker; what can be written; toggles with each refresh of memory; output of counter 2. */
const GATE = 1, PORT_B_WRITABLE = 0xf, REFRESH = 0x10, TONE = 0x20;
/** Memory is refreshed every 15.6 µs. */
const REFRESH_HERTZ = 64_102;
/** Port A: fast reset, address line 20 enabled. */
const FAST_RESET = 1, A20 = 2;
/** Reset control: a full reset starts when RST_CPU goes up. */
const RST_CPU = 4, RESET_CONTROL_WRITABLE = 0xe;

type State = { readonly portB: number; readonly portA: number; readonly resetControl: number };
const STATE: Shape<State> = fields({ portB: u8, portA: u8, resetControl: u8 });

/** What the ports are wired to. */
export interface SystemControlWires {
  /** Virtual time. */
  now(): number;
  readonly pit: Pit8254;
  reset(): void;
}

/** The ports. Address line 20 is always enabled: software that disables it reads that it did, and addresses do not wrap. */
export class SystemControl implements Stateful<State> {
  readonly stateFormat: StateFormat<State> = { version: 1, shape: STATE };
  /** One port each. */
  readonly ports: readonly PortDevice[];
  readonly #wires: SystemControlWires;
  readonly #refresh = new Oscillator(REFRESH_HERTZ);
  #portB = 0;
  #portA = A20;
  #resetControl = 0;

  constructor(wires: SystemControlWires) {
    this.#wires = wires;
    const port = (at: number, read: () => number, write: (value: number) => void): PortDevice => ({
      ports: [at, 1],
      in: read,
      out: (_offset, value) => write(value),
    });
    this.ports = [
      port(0x61, () => this.#readPortB(), (value) => this.#writePortB(value)),
      port(0x92, () => this.#portA, (value) => this.#writePortA(value)),
      port(0xcf9, () => this.#resetControl, (value) => this.#writeResetControl(value)),
    ];
  }

  saveState(): State {
    return { portB: this.#portB, portA: this.#portA, resetControl: this.#resetControl };
  }

  loadState({ portB, portA, resetControl }: State): void {
    this.#portB = portB & PORT_B_WRITABLE;
    this.#portA = portA;
    this.#resetControl = resetControl & RESET_CONTROL_WRITABLE;
  }

  #readPortB(): number {
    const refresh = (this.#refresh.ticks(this.#wires.now()) & 1) !== 0;
    return this.#portB | (refresh ? REFRESH : 0) | (this.#wires.pit.tone ? TONE : 0);
  }

  #writePortB(value: number): void {
    this.#portB = value & PORT_B_WRITABLE;
    this.#wires.pit.gate = (value & GATE) !== 0;
  }

  #writePortA(value: number): void {
    const rises = (value & ~this.#portA & FAST_RESET) !== 0;
    this.#portA = value;
    if (rises) this.#wires.reset();
  }

  #writeResetControl(value: number): void {
    const rises = (value & ~this.#resetControl & RST_CPU) !== 0;
    this.#resetControl = value & RESET_CONTROL_WRITABLE;
    if (rises) this.#wires.reset();
  }
}
