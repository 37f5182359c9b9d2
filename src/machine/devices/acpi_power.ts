/**
 * ACPI's fixed hardware: the PM1 registers, with sleep, power-off and the real-time clock's event; the power-management timer;
 * reset. ACPI 6.4, section 4.8.
 */
import { bool, fields, type Shape, u16 } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import type { AccessSize, PortDevice } from "../bus.ts";

/** Where the registers are: PM1a event block, PM1a control block, timer. */
export const PM1_EVENT_PORT = 0x600, PM1_CONTROL_PORT = 0x604, PM_TIMER_PORT = 0x608;
/** The reset register, and what resets when it is written there. */
export const RESET_PORT = 0x60c, RESET_VALUE = 6;
/** SLP_TYP of the states S3, suspend to RAM, and S5, soft off. */
export const SLEEP_TYPE_RAM = 1, SLEEP_TYPE_OFF = 5;
/** Line of the system control interrupt, SCI. */
export const SCI_LINE = 9;

const PORTS = 0x10;
const STATUS = 0, ENABLE = 2, CONTROL = 4, TIMER = 8, RESET = 0xc;
/** PM1 status: RTC_STS, which PM1 enable has as well; WAK_STS. */
const CLOCK_EVENT = 0x400, WAKE = 0x8000;
/** PM1 control: SCI_EN, and SLP_EN, which starts what SLP_TYP says. */
const SCI_ENABLE = 1, SLEEP_ENABLE = 0x2000, SLEEP_TYPE = 0x1c00, SLEEP_TYPE_SHIFT = 10;
/** The timer counts at 3.579545 MHz, and so does nothing else here; virtual time has a cycle each nanosecond. */
const TIMER_HERTZ = 3_579_545, CYCLES_PER_SECOND = 1e9;
const TIMER_MASK = 0xff_ffff;

type State = {
  readonly status: number;
  readonly enable: number;
  readonly control: number;
  readonly isAsleep: boolean;
};
const STATE: Shape<State> = fields({ status: u16, enable: u16, control: u16, isAsleep: bool });

/** What it is wired to. */
export interface PowerWires {
  /** Virtual time. */
  now(): number;
  /** The machine goes off. */
  powerOff(): void;
  reset(): void;
  /** The machine goes to sleep behind the instruction that it is at. */
  sleep(): void;
  /** The system control interrupt's line goes up or down. */
  interrupt(level: boolean): void;
}

/** The registers. The real-time clock's interrupt is the only event: there are no buttons. */
export class AcpiPower implements PortDevice, Stateful<State> {
  readonly stateFormat: StateFormat<State> = { version: 2, shape: STATE };
  readonly ports = [PM1_EVENT_PORT, PORTS] as const;
  readonly wide = true;
  readonly #wires: PowerWires;
  #status = 0;
  #enable = 0;
  #isAsleep = false;
  /** The interrupt's line is up. */
  #level = false;
  #control = SCI_ENABLE;

  constructor(wires: PowerWires) {
    this.#wires = wires;
  }

  /** Whether the machine is in S3. */
  get isAsleep(): boolean {
    return this.#isAsleep;
  }

  /** Whether the real-time clock's event is let through. */
  get listens(): boolean {
    return (this.#enable & CLOCK_EVENT) !== 0;
  }

  /** Whether an event wakes the machine. */
  get wakes(): boolean {
    return (this.#status & this.#enable & CLOCK_EVENT) !== 0;
  }

  /** The real-time clock asks for its interrupt. */
  clockInterrupt(): void {
    this.#status |= CLOCK_EVENT;
    this.#update();
  }

  /** The machine has woken up; who listens to the interrupt's line has started anew. */
  wake(): void {
    this.#isAsleep = this.#level = false;
    this.#status |= WAKE;
    this.#update();
  }

  in(offset: number, size: AccessSize): number {
    const register = offset & ~3;
    const value = register === STATUS
      ? this.#status | this.#enable << 16
      : register === CONTROL
      ? this.#control
      : register === TIMER
      ? Math.floor(this.#wires.now() * (TIMER_HERTZ / CYCLES_PER_SECOND)) & TIMER_MASK
      : 0;
    const part = value >> (8 * (offset & 3));
    return size === 4 ? part : part & (size === 2 ? 0xffff : 0xff);
  }

  out(offset: number, value: number, size: AccessSize): void {
    if (offset === RESET && (value & 0xff) === RESET_VALUE) return this.#wires.reset();
    if (offset < CONTROL) {
      for (let n = 0; n < size; n++) this.#writeEvents(offset + n, (value >>> (8 * n)) & 0xff);
      return this.#update();
    }
    if (offset !== CONTROL) return;
    this.#control = (value & SLEEP_TYPE) | SCI_ENABLE;
    if ((value & SLEEP_ENABLE) === 0) return;
    const type = (value & SLEEP_TYPE) >> SLEEP_TYPE_SHIFT;
    if (type === SLEEP_TYPE_OFF) this.#wires.powerOff();
    if (type !== SLEEP_TYPE_RAM) return;
    this.#isAsleep = true;
    this.#wires.sleep();
  }

  /** A byte of the status register, where ones clear, or of the enable register. */
  #writeEvents(offset: number, byte: number): void {
    const shift = 8 * (offset & 1), bits = byte << shift;
    if (offset < ENABLE) this.#status &= ~bits;
    else this.#enable = (this.#enable & ~(0xff << shift)) | bits;
  }

  #update(): void {
    if (this.#level === this.wakes) return;
    this.#level = this.wakes;
    this.#wires.interrupt(this.#level);
  }

  saveState(): State {
    return {
      status: this.#status,
      enable: this.#enable,
      control: this.#control,
      isAsleep: this.#isAsleep,
    };
  }

  loadState({ status, enable, control, isAsleep }: State): void {
    this.#status = status;
    this.#isAsleep = isAsleep;
    this.#enable = enable;
    this.#control = control;
    this.#level = this.wakes;
  }
}
