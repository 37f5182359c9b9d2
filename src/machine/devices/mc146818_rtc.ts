/** The real-time clock: Motorola MC146818, with the battery-backed memory of a PC. It runs on virtual time. */
import { bool, bytes, fields, type Shape, time, u8, whole } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import type { PortDevice } from "../bus.ts";
import type { TimedDevice } from "../schedule.ts";
import { CYCLES_PER_SECOND } from "./oscillator.ts";

/** Registers. */
const SECONDS = 0, SECONDS_ALARM = 1, MINUTES = 2, MINUTES_ALARM = 3, HOURS = 4, HOURS_ALARM = 5, WEEKDAY = 6;
const DAY = 7, MONTH = 8, YEAR = 9, STATUS_A = 10, STATUS_B = 11, STATUS_C = 12, STATUS_D = 13;
/** Where PCs keep the century, and where the FADT says so. */
export const CENTURY = 0x32;
/** Its interrupt line. */
export const RTC_LINE = 8;
/** Status A: the divider chain runs at 32768 Hz, the periodic rate is 1024 Hz. D: the battery is good. */
const A_RESET = 0x26, A_WRITABLE = 0x7f, D_VALID = 0x80;
/**
 * Status A: time and date are being updated, or will be in 244 microseconds; that takes 1984 (data sheet, table 3 and figure
 * 14, for 32768 Hz).
 */
const A_UPDATING = 0x80, UPDATE_CYCLES = (244 + 1984) * (CYCLES_PER_SECOND / 1e6);
/** Status B: 24 hours, binary; interrupts enabled, with the bits that status C has for them; time is being set. */
const B_24_HOURS = 2, B_BINARY = 4, B_SET = 0x80;
const UPDATE = 0x10, ALARM = 0x20, PERIODIC = 0x40, CAUSES = UPDATE | ALARM | PERIODIC, INTERRUPT = 0x80;
/** Alarm registers from here on fit any value. */
const ANY = 0xc0;
/** The registers that are time and date; the day of the week follows from them. */
const TIME_AND_DATE: readonly number[] = [SECONDS, MINUTES, HOURS, DAY, MONTH, YEAR, CENTURY];
const REGISTERS = 128;
const SECONDS_PER_DAY = 86_400;

/** Milliseconds that every date of four digits is less away than. */
const MOST_OFFSET = 1e15;

type State = {
  readonly selected: number;
  readonly memory: Uint8Array;
  readonly flags: number;
  readonly level: boolean;
  readonly told: number;
  readonly offset: number;
};
const STATE: Shape<State> = fields({
  selected: u8,
  memory: bytes(REGISTERS),
  flags: u8,
  level: bool,
  told: time,
  offset: whole(-MOST_OFFSET, MOST_OFFSET),
});

/** What the chip is wired to. */
export interface RtcWires {
  interrupt(level: boolean): void;
  /** The next event may be another one than before. */
  changed(): void;
}

/** The chip. Writes to time and date set it. The registers change all at once, when the update ends. */
export class RtcMC146818 implements PortDevice, TimedDevice, Stateful<State> {
  readonly stateFormat: StateFormat<State> = { version: 2, shape: STATE };
  readonly ports = [0x70, 2] as const;
  readonly #memory = new Uint8Array(REGISTERS);
  #wires: RtcWires = { interrupt: () => {}, changed: () => {} };
  #selected = 0;
  /** Causes, as status C shows them. */
  #flags = 0;
  #level = false;
  /** Until when events have been noted. */
  #told = 0;
  /** What it is ahead of virtual time, in milliseconds, since software has set it. */
  #offset = 0;

  /**
   * @param now virtual time, in cycles
   * @param start the time at cycle 0, in milliseconds since 1970
   * @param setup what the battery-backed memory holds, by register
   */
  constructor(
    readonly now: () => number,
    readonly start: number,
    setup: Readonly<Record<number, number>> = {},
  ) {
    for (const [register, value] of Object.entries(setup)) this.#memory[Number(register)] = value;
    this.#memory[STATUS_A] = A_RESET;
    this.#memory[STATUS_B] = B_24_HOURS;
  }

  /** Connects its interrupt line. */
  connect(wires: RtcWires): void {
    this.#wires = wires;
  }

  in(offset: number): number {
    if (offset === 0) return 0xff;
    this.advance();
    const value = this.#read(this.#selected);
    if (this.#selected === STATUS_C) {
      this.#flags = 0;
      this.#update();
    }
    return value;
  }

  out(offset: number, value: number): void {
    // Bit 7 would mask NMI, of which no chip makes any.
    if (offset === 0) {
      this.#selected = value & (REGISTERS - 1);
      return;
    }
    this.advance();
    this.#write(this.#selected, value);
    this.#update();
    this.#wires.changed();
  }

  nextEvent(): number {
    const enabled = this.#memory[STATUS_B]! & CAUSES & ~this.#flags;
    const next = (cause: number, at: () => number): number => (enabled & cause) !== 0 ? at() : Infinity;
    return Math.min(
      next(PERIODIC, () => this.#nextPeriod()),
      next(UPDATE, () => this.#nextSecond()),
      next(ALARM, () => this.#nextAlarm()),
    );
  }

  advance(): void {
    const now = this.now();
    if (now <= this.#told) return;
    if (this.#nextPeriod() <= now) this.#flags |= PERIODIC;
    if (this.#nextSecond() <= now) {
      this.#flags |= UPDATE;
      if (this.#nextAlarm() <= now) this.#flags |= ALARM;
    }
    this.#told = now;
    this.#update();
  }

  saveState(): State {
    return {
      selected: this.#selected,
      memory: this.#memory.slice(),
      flags: this.#flags,
      level: this.#level,
      told: this.#told,
      offset: this.#offset,
    };
  }

  loadState({ selected, memory, flags, level, told, offset }: State): void {
    this.#selected = selected & (REGISTERS - 1);
    this.#memory.set(memory.subarray(0, REGISTERS));
    this.#flags = flags & CAUSES;
    this.#level = level;
    this.#told = told;
    this.#offset = offset;
  }

  get #isStopped(): boolean {
    return (this.#memory[STATUS_B]! & B_SET) !== 0;
  }

  /** When the divider chain gives the next periodic pulse. Data sheet, table 5: rates with a 32768 Hz time base. */
  #nextPeriod(): number {
    const rate = this.#memory[STATUS_A]! & 0xf;
    if (rate === 0) return Infinity;
    const period = CYCLES_PER_SECOND / (32_768 >> ((rate <= 2 ? rate + 7 : rate) - 1));
    return Math.ceil((Math.floor(this.#told / period) + 1) * period);
  }

  /** When the seconds change. */
  #nextSecond(): number {
    if (this.#isStopped) return Infinity;
    return (Math.floor(this.#told / CYCLES_PER_SECOND) + 1) * CYCLES_PER_SECOND;
  }

  /** Whether software that begins to read time and date now might see them change. */
  #isUpdating(): boolean {
    return !this.#isStopped && this.now() % CYCLES_PER_SECOND >= CYCLES_PER_SECOND - UPDATE_CYCLES;
  }

  /** When time of day next fits the alarm registers. */
  #nextAlarm(): number {
    if (this.#isStopped) return Infinity;
    const fits = [HOURS_ALARM, MINUTES_ALARM, SECONDS_ALARM].map((register) => this.#memory[register]!);
    if (fits.some((value, n) => value < ANY && this.#decoded(value, n === 0) >= [24, 60, 60][n]!)) {
      return Infinity;
    }
    const wanted = fits.map((value, n) => value >= ANY ? undefined : this.#decoded(value, n === 0));
    const second = this.#nextSecond(), first = this.#date(second);
    const from = first.getUTCHours() * 3600 + first.getUTCMinutes() * 60 + first.getUTCSeconds();
    for (let after = 0; after < SECONDS_PER_DAY;) {
      const at = (from + after) % SECONDS_PER_DAY;
      const [h, m, s] = [Math.floor(at / 3600), Math.floor(at / 60) % 60, at % 60];
      // Hours and minutes that do not fit are passed at once.
      if (wanted[0] !== undefined && h !== wanted[0]) after += 3600 - at % 3600;
      else if (wanted[1] !== undefined && m !== wanted[1]) after += 60 - s;
      else if (wanted[2] !== undefined && s !== wanted[2]) after++;
      else return second + after * CYCLES_PER_SECOND;
    }
    return Infinity;
  }

  /** What the clock shows at a virtual time. */
  #date(now: number): Date {
    return new Date(this.start + this.#offset + Math.floor(now / CYCLES_PER_SECOND) * 1000);
  }

  #read(register: number): number {
    switch (register) {
      case STATUS_A:
        return this.#memory[STATUS_A]! | (this.#isUpdating() ? A_UPDATING : 0);
      case STATUS_C:
        return this.#flags | (this.#level ? INTERRUPT : 0);
      case STATUS_D:
        return D_VALID;
      case WEEKDAY:
        return this.#coded(this.#date(this.now()).getUTCDay() + 1);
      default:
        return this.#isStopped || !TIME_AND_DATE.includes(register)
          ? this.#memory[register]!
          : this.#timeOrDate(register);
    }
  }

  /** One of `TIME_AND_DATE` as the clock shows it. */
  #timeOrDate(register: number): number {
    const date = this.#date(this.now());
    switch (register) {
      case SECONDS:
        return this.#coded(date.getUTCSeconds());
      case MINUTES:
        return this.#coded(date.getUTCMinutes());
      case HOURS:
        return this.#hours(date.getUTCHours());
      case DAY:
        return this.#coded(date.getUTCDate());
      case MONTH:
        return this.#coded(date.getUTCMonth() + 1);
      case YEAR:
        return this.#coded(date.getUTCFullYear() % 100);
      default:
        return this.#coded(Math.floor(date.getUTCFullYear() / 100));
    }
  }

  #write(register: number, value: number): void {
    if (register === STATUS_A) this.#memory[STATUS_A] = value & A_WRITABLE;
    else if (register === STATUS_B) this.#control(value);
    else if (register === STATUS_C || register === STATUS_D) return;
    else if (this.#isStopped || !TIME_AND_DATE.includes(register)) this.#memory[register] = value;
    else {
      this.#freeze();
      this.#memory[register] = value;
      this.#thaw();
    }
  }

  /** Status B. While its bit SET is up, time and date are set in the memory, and nothing is updated. */
  #control(value: number): void {
    const wasStopped = this.#isStopped, stops = (value & B_SET) !== 0;
    if (stops && !wasStopped) this.#freeze();
    this.#memory[STATUS_B] = stops ? value & ~UPDATE : value;
    if (wasStopped && !stops) this.#thaw();
  }

  /** Puts what the clock shows into the memory. */
  #freeze(): void {
    for (const register of TIME_AND_DATE) this.#memory[register] = this.#read(register);
  }

  /** Sets the clock to what is in the memory; of what does not exist, like February 30, the date is that many days later. */
  #thaw(): void {
    const [second, minute, hour, day, month, year, century] = TIME_AND_DATE.map((register) =>
      this.#decoded(this.#memory[register]!, register === HOURS)
    ) as [number, number, number, number, number, number, number];
    const set = Date.UTC(100 * century + year, month - 1, day, hour, minute, second);
    this.#offset = set - this.start - Math.floor(this.now() / CYCLES_PER_SECOND) * 1000;
  }

  #update(): void {
    const level = (this.#flags & this.#memory[STATUS_B]! & CAUSES) !== 0;
    if (level === this.#level) return;
    this.#level = level;
    this.#wires.interrupt(level);
    this.#wires.changed();
  }

  #hours(hours: number): number {
    if ((this.#memory[STATUS_B]! & B_24_HOURS) !== 0) return this.#coded(hours);
    return this.#coded((hours + 11) % 12 + 1) | (hours >= 12 ? 0x80 : 0);
  }

  #coded(value: number): number {
    return (this.#memory[STATUS_B]! & B_BINARY) !== 0 ? value : Math.floor(value / 10) << 4 | value % 10;
  }

  /** The number that a register's value stands for. */
  #decoded(raw: number, isHour: boolean): number {
    const twelve = isHour && (this.#memory[STATUS_B]! & B_24_HOURS) === 0;
    const digits = twelve ? raw & 0x7f : raw;
    const value = (this.#memory[STATUS_B]! & B_BINARY) !== 0 ? digits : 10 * (digits >> 4) + (digits & 0xf);
    return twelve ? value % 12 + ((raw & 0x80) !== 0 ? 12 : 0) : value;
  }
}
