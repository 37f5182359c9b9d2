/** The real-time clock: Motorola MC146818, with the battery-backed memory of a PC. It runs on virtual time. */
import { bytes, fields, type Shape, u8 } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import type { PortDevice } from "../bus.ts";

/** Registers. */
const SECONDS = 0, MINUTES = 2, HOURS = 4, WEEKDAY = 6, DAY = 7, MONTH = 8, YEAR = 9;
const STATUS_A = 10, STATUS_B = 11, STATUS_C = 12, STATUS_D = 13;
/** Where PCs keep the century, and where the FADT says so. */
export const CENTURY = 0x32;
/** Status A: the divider chain runs at 32768 Hz, the periodic rate is 1024 Hz. B: 24 hours, BCD. D: the battery is good. */
const A_RESET = 0x26, B_24_HOURS = 2, B_BINARY = 4, D_VALID = 0x80;
const REGISTERS = 128;
const CYCLES_PER_SECOND = 1e9;

type State = {
  readonly selected: number;
  readonly memory: Uint8Array;
};
const STATE: Shape<State> = fields({ selected: u8, memory: bytes(REGISTERS) });

/**
 * The chip. Time cannot be set: writes to its registers are kept nowhere. It never interrupts: alarm, periodic and update
 * interrupts are enabled in vain.
 */
export class RtcMC146818 implements PortDevice, Stateful<State> {
  readonly stateFormat: StateFormat<State> = { version: 1, shape: STATE };
  readonly ports = [0x70, 2] as const;
  readonly #memory = new Uint8Array(REGISTERS);
  #selected = 0;

  /**
   * @param now virtual time, in cycles
   * @param start the time at cycle 0, in milliseconds since 1970
   */
  constructor(readonly now: () => number, readonly start: number) {
    this.#memory[STATUS_A] = A_RESET;
    this.#memory[STATUS_B] = B_24_HOURS;
  }

  in(offset: number): number {
    return offset === 0 ? 0xff : this.#read(this.#selected);
  }

  out(offset: number, value: number): void {
    // Bit 7 would mask NMI, of which no chip makes any.
    if (offset === 0) this.#selected = value & (REGISTERS - 1);
    else if (this.#selected > STATUS_D || this.#selected === STATUS_B) this.#memory[this.#selected] = value;
    else if (this.#selected === STATUS_A) this.#memory[STATUS_A] = value & 0x7f;
  }

  saveState(): State {
    return { selected: this.#selected, memory: this.#memory.slice() };
  }

  loadState({ selected, memory }: State): void {
    this.#selected = selected & (REGISTERS - 1);
    this.#memory.set(memory.subarray(0, REGISTERS));
  }

  #read(register: number): number {
    const time = new Date(this.start + Math.floor(this.now() / CYCLES_PER_SECOND) * 1000);
    switch (register) {
      case SECONDS:
        return this.#coded(time.getUTCSeconds());
      case MINUTES:
        return this.#coded(time.getUTCMinutes());
      case HOURS:
        return this.#hours(time.getUTCHours());
      case WEEKDAY:
        return this.#coded(time.getUTCDay() + 1);
      case DAY:
        return this.#coded(time.getUTCDate());
      case MONTH:
        return this.#coded(time.getUTCMonth() + 1);
      case YEAR:
        return this.#coded(time.getUTCFullYear() % 100);
      case CENTURY:
        return this.#coded(Math.floor(time.getUTCFullYear() / 100));
      case STATUS_C:
        return 0;
      case STATUS_D:
        return D_VALID;
      default:
        return this.#memory[register]!;
    }
  }

  #hours(hours: number): number {
    if ((this.#memory[STATUS_B]! & B_24_HOURS) !== 0) return this.#coded(hours);
    return this.#coded((hours + 11) % 12 + 1) | (hours >= 12 ? 0x80 : 0);
  }

  #coded(value: number): number {
    return (this.#memory[STATUS_B]! & B_BINARY) !== 0 ? value : Math.floor(value / 10) << 4 | value % 10;
  }
}
