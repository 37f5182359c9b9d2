/** ACPI's fixed hardware: the PM1 registers, with power-off; the power-management timer; reset. ACPI 6.4, section 4.8. */
import { fields, type Shape, u16 } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import type { AccessSize, PortDevice } from "../bus.ts";

/** Where the registers are: PM1a event block, PM1a control block, timer. */
export const PM1_EVENT_PORT = 0x600, PM1_CONTROL_PORT = 0x604, PM_TIMER_PORT = 0x608;
/** The reset register, and what resets when it is written there. */
export const RESET_PORT = 0x60c, RESET_VALUE = 6;
/** SLP_TYP of the state S5, soft off. */
export const SLEEP_TYPE_OFF = 5;

const PORTS = 0x10;
const STATUS = 0, ENABLE = 2, CONTROL = 4, TIMER = 8, RESET = 0xc;
/** PM1 control: SCI_EN, and SLP_EN, which starts what SLP_TYP says. */
const SCI_ENABLE = 1, SLEEP_ENABLE = 0x2000, SLEEP_TYPE = 0x1c00, SLEEP_TYPE_SHIFT = 10;
/** The timer counts at 3.579545 MHz, and so does nothing else here; virtual time has a cycle each nanosecond. */
const TIMER_HERTZ = 3_579_545, CYCLES_PER_SECOND = 1e9;
const TIMER_MASK = 0xff_ffff;

type State = {
  readonly enable: number;
  readonly control: number;
};
const STATE: Shape<State> = fields({ enable: u16, control: u16 });

/** What it is wired to. */
export interface PowerWires {
  /** Virtual time. */
  now(): number;
  /** The machine goes off. */
  powerOff(): void;
  reset(): void;
}

/** The registers. There are no events, so the status register stays 0: no button, no wake-up. */
export class AcpiPower implements PortDevice, Stateful<State> {
  readonly stateFormat: StateFormat<State> = { version: 1, shape: STATE };
  readonly ports = [PM1_EVENT_PORT, PORTS] as const;
  readonly wide = true;
  readonly #wires: PowerWires;
  #enable = 0;
  #control = SCI_ENABLE;

  constructor(wires: PowerWires) {
    this.#wires = wires;
  }

  in(offset: number, size: AccessSize): number {
    const register = offset & ~3;
    const value = register === STATUS
      ? this.#enable << 16
      : register === CONTROL
      ? this.#control
      : register === TIMER
      ? Math.floor(this.#wires.now() * (TIMER_HERTZ / CYCLES_PER_SECOND)) & TIMER_MASK
      : 0;
    const part = value >> (8 * (offset & 3));
    return size === 4 ? part : part & (size === 2 ? 0xffff : 0xff);
  }

  out(offset: number, value: number): void {
    if (offset === RESET && (value & 0xff) === RESET_VALUE) return this.#wires.reset();
    if (offset === ENABLE) this.#enable = value & 0xffff;
    if (offset !== CONTROL) return;
    this.#control = (value & SLEEP_TYPE) | SCI_ENABLE;
    if ((value & SLEEP_ENABLE) !== 0 && (value & SLEEP_TYPE) >> SLEEP_TYPE_SHIFT === SLEEP_TYPE_OFF) {
      this.#wires.powerOff();
    }
  }

  saveState(): State {
    return { enable: this.#enable, control: this.#control };
  }

  loadState({ enable, control }: State): void {
    this.#enable = enable;
    this.#control = control;
  }
}
