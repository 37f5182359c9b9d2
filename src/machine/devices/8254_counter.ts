/** One counter of the Intel 8254, computed from the tick at which it was loaded when somebody looks. */
import { bool, fields, maybe, type Shape, type Shaped, whole } from "../../snapshot/shape.ts";

/** Modes, as the data sheet numbers them. */
export const CounterMode = {
  TERMINAL_COUNT: 0,
  ONE_SHOT: 1,
  RATE: 2,
  SQUARE_WAVE: 3,
  SOFTWARE_STROBE: 4,
  HARDWARE_STROBE: 5,
} as const;
const { TERMINAL_COUNT, ONE_SHOT, RATE, SQUARE_WAVE, HARDWARE_STROBE } = CounterMode;

/** Which bytes of the count are read and written; bits 5:4 of the control word. */
const LOW_ONLY = 1, HIGH_ONLY = 2, LOW_THEN_HIGH = 3;
/** Status byte: output, null count. */
const STATUS_OUTPUT = 0x80, STATUS_NULL = 0x40;
const BINARY_MODULUS = 0x1_0000, DECIMAL_MODULUS = 10_000;

/** A count that is being counted down, or will be. */
const TICK = whole(0, Number.MAX_SAFE_INTEGER);
const LOAD = fields({ count: whole(1, BINARY_MODULUS), tick: TICK });
type Load = Shaped<typeof LOAD>;

const STATE = fields({
  mode: whole(0, 5),
  decimal: bool,
  access: whole(LOW_ONLY, LOW_THEN_HIGH),
  gate: bool,
  register: whole(1, BINARY_MODULUS),
  load: maybe(LOAD),
  following: maybe(LOAD),
  stoppedAt: maybe(TICK),
  firstByte: maybe(whole(0, 0xff)),
  readsHigh: bool,
  latchedCount: maybe(whole(0, 0xffff)),
  latchedStatus: maybe(whole(0, 0xff)),
  isWritten: bool,
});
/** A counter's saved state. */
export type CounterState = Shaped<typeof STATE>;
export const COUNTER_STATE: Shape<CounterState> = STATE;

/** The value that BCD digits stand for, and back. */
const fromDigits = (digits: number): number =>
  [12, 8, 4, 0].reduce((value, shift) => 10 * value + ((digits >> shift) & 0xf), 0);
const toDigits = (value: number): number =>
  [1000, 100, 10, 1].reduce((digits, unit) => (digits << 4) | (Math.floor(value / unit) % 10), 0);

/** A counter. Times are ticks of its clock. What was never programmed counts nothing and has its output high. */
export class Counter8254 {
  #mode: number = SQUARE_WAVE;
  #decimal = false;
  #access = LOW_THEN_HIGH;
  #gate: boolean;
  /** The count register. */
  #register = BINARY_MODULUS;
  /** A count has been written since the mode was. */
  #isWritten = false;
  /** What the counting element has been loaded with, and when that was or will be. */
  #load: Load | undefined;
  /** What it is loaded with next, where one count follows another by itself. */
  #following: Load | undefined;
  /** The tick at which the gate has stopped it. */
  #stoppedAt: number | undefined;
  /** The first of two bytes of a count, when it has been written. */
  #firstByte: number | undefined;
  #readsHigh = false;
  #latchedCount: number | undefined;
  #latchedStatus: number | undefined;

  /** @param gate the level of its gate input */
  constructor(gate: boolean) {
    this.#gate = gate;
  }

  get gate(): boolean {
    return this.#gate;
  }

  /** The control word for this counter, but for the commands to latch. */
  program(access: number, mode: number, decimal: boolean): void {
    this.#access = access;
    // Modes 2 and 3 leave bit 2 open.
    this.#mode = mode > HARDWARE_STROBE ? mode & 3 : mode;
    this.#decimal = decimal;
    this.#isWritten = this.#readsHigh = false;
    this.#load =
      this.#following =
      this.#stoppedAt =
      this.#firstByte =
        undefined;
    this.#latchedCount = this.#latchedStatus = undefined;
  }

  /** A byte of a new count. */
  write(byte: number, tick: number): void {
    if (this.#access === LOW_THEN_HIGH && this.#firstByte === undefined) {
      this.#firstByte = byte;
      // The first byte stops the counting in mode 0, and takes the output down.
      if (this.#mode === TERMINAL_COUNT) this.#load = this.#stoppedAt = undefined;
      return;
    }
    const raw = this.#access === LOW_ONLY ? byte : (byte << 8) | (this.#firstByte ?? 0);
    this.#firstByte = undefined;
    const modulus = this.#modulus;
    this.#register = (this.#decimal ? fromDigits(raw) % DECIMAL_MODULUS : raw) || modulus;
    this.#written(tick);
  }

  /** The gate input goes up or down. */
  setGate(gate: boolean, tick: number): void {
    if (gate === this.#gate) return;
    this.#settle(tick);
    this.#gate = gate;
    if (gate) this.#rise(tick);
    else if (this.#mode !== ONE_SHOT && this.#mode !== HARDWARE_STROBE) this.#stoppedAt = tick;
  }

  /** Level of the output. */
  output(tick: number): boolean {
    this.#settle(tick);
    if (this.#load === undefined) return this.#mode !== TERMINAL_COUNT;
    const { count } = this.#load, elapsed = this.#elapsed(tick);
    switch (this.#mode) {
      case TERMINAL_COUNT:
        return elapsed >= count;
      case ONE_SHOT:
        return elapsed < 0 || elapsed >= count;
      case RATE:
        return !this.#gate || elapsed < 0 || elapsed % count !== count - 1;
      case SQUARE_WAVE:
        return !this.#gate || elapsed < 0 || elapsed % count < Math.ceil(count / 2);
      default:
        return elapsed !== count;
    }
  }

  /** The first tick after this one at which the output may change; Infinity: it stays. */
  nextEdge(tick: number): number {
    this.#settle(tick);
    if (this.#load === undefined || this.#stoppedAt !== undefined) return Infinity;
    const { count, tick: start } = this.#load, elapsed = tick - start;
    if (elapsed < 0) return start;
    const { places, isPeriodic } = this.#edges(count);
    const period = isPeriodic ? elapsed - elapsed % count : 0;
    const next = [...places, ...(isPeriodic ? places.map((place) => place + count) : [])]
      .map((place) => start + period + place).find((place) => place > tick) ?? Infinity;
    return Math.min(next, this.#following?.tick ?? Infinity);
  }

  /** Latches the count, unless one is latched that was not read yet. */
  latchCount(tick: number): void {
    this.#latchedCount ??= this.#count(tick);
  }

  latchStatus(tick: number): void {
    this.#latchedStatus ??= (this.output(tick) ? STATUS_OUTPUT : 0) |
      (this.#isNull(tick) ? STATUS_NULL : 0) | (this.#access << 4) | (this.#mode << 1) |
      Number(this.#decimal);
  }

  /** A latched status, else the next byte of the latched or current count. */
  read(tick: number): number {
    const status = this.#latchedStatus;
    if (status !== undefined) {
      this.#latchedStatus = undefined;
      return status;
    }
    const value = this.#latchedCount ?? this.#count(tick);
    const high = this.#access === HIGH_ONLY || (this.#access === LOW_THEN_HIGH && this.#readsHigh);
    if (this.#access === LOW_THEN_HIGH) this.#readsHigh = !high;
    if (this.#access !== LOW_THEN_HIGH || high) this.#latchedCount = undefined;
    return high ? value >> 8 : value & 0xff;
  }

  saveState(): CounterState {
    return {
      mode: this.#mode,
      decimal: this.#decimal,
      access: this.#access,
      gate: this.#gate,
      register: this.#register,
      load: this.#load,
      following: this.#following,
      stoppedAt: this.#stoppedAt,
      firstByte: this.#firstByte,
      readsHigh: this.#readsHigh,
      latchedCount: this.#latchedCount,
      latchedStatus: this.#latchedStatus,
      isWritten: this.#isWritten,
    };
  }

  loadState(state: CounterState): void {
    this.#mode = state.mode;
    this.#decimal = state.decimal;
    this.#access = state.access;
    this.#gate = state.gate;
    this.#register = state.register;
    this.#load = state.load;
    this.#following = state.following;
    this.#stoppedAt = state.stoppedAt;
    this.#firstByte = state.firstByte;
    this.#readsHigh = state.readsHigh;
    this.#latchedCount = state.latchedCount;
    this.#latchedStatus = state.latchedStatus;
    this.#isWritten = state.isWritten;
  }

  get #modulus(): number {
    return this.#decimal ? DECIMAL_MODULUS : BINARY_MODULUS;
  }
  get #isPeriodic(): boolean {
    return this.#mode === RATE || this.#mode === SQUARE_WAVE;
  }

  /** A count is complete in the register: when it gets into the counting element depends on the mode. */
  #written(tick: number): void {
    this.#settle(tick);
    this.#isWritten = true;
    const load: Load = { count: this.#register, tick: tick + 1 };
    if (this.#mode === ONE_SHOT || this.#mode === HARDWARE_STROBE) return;
    if (
      this.#isPeriodic && this.#load !== undefined && this.#stoppedAt === undefined && tick >= this.#load.tick
    ) {
      const { count, tick: start } = this.#load;
      this.#following = { count: load.count, tick: tick + count - (tick - start) % count };
      return;
    }
    this.#load = load;
    this.#stoppedAt = this.#gate ? undefined : load.tick;
  }

  /** The gate rises: a trigger in modes 1, 2, 3 and 5; in the others the counting goes on. */
  #rise(tick: number): void {
    const stopped = this.#stoppedAt;
    this.#stoppedAt = undefined;
    if (this.#mode === TERMINAL_COUNT || this.#mode === CounterMode.SOFTWARE_STROBE) {
      if (this.#load === undefined || stopped === undefined) return;
      this.#load = { count: this.#load.count, tick: this.#load.tick + Math.max(0, tick - stopped) };
    } else if (this.#isWritten) {
      this.#load = { count: this.#register, tick: tick + 1 };
      this.#following = undefined;
    }
  }

  /** Takes the count that follows once its time has come. */
  #settle(tick: number): void {
    if (this.#following === undefined || this.#stoppedAt !== undefined || tick < this.#following.tick) return;
    this.#load = this.#following;
    this.#following = undefined;
  }

  /** Ticks since the counting element was loaded; negative: it will be. */
  #elapsed(tick: number): number {
    return Math.min(tick, this.#stoppedAt ?? Infinity) - this.#load!.tick;
  }

  /** Ticks after the load at which the output changes. */
  #edges(count: number): { readonly places: readonly number[]; readonly isPeriodic: boolean } {
    switch (this.#mode) {
      case TERMINAL_COUNT:
      case ONE_SHOT:
        return { places: [count], isPeriodic: false };
      case RATE:
        return { places: count === 1 ? [] : [count - 1, count], isPeriodic: true };
      case SQUARE_WAVE:
        return { places: count === 1 ? [] : [Math.ceil(count / 2), count], isPeriodic: true };
      default:
        return { places: [count, count + 1], isPeriodic: false };
    }
  }

  /** Whether what was written is not in the counting element yet. */
  #isNull(tick: number): boolean {
    this.#settle(tick);
    return this.#following !== undefined || this.#load === undefined || tick < this.#load.tick;
  }

  /** What the counting element shows. */
  #count(tick: number): number {
    this.#settle(tick);
    const value = this.#value(tick) % this.#modulus;
    return this.#decimal ? toDigits(value) : value;
  }

  #value(tick: number): number {
    if (this.#load === undefined) return this.#register;
    const { count } = this.#load, elapsed = Math.max(0, this.#elapsed(tick)), modulus = this.#modulus;
    if (this.#mode === RATE) return count - elapsed % count;
    if (this.#mode !== SQUARE_WAVE) return ((count - elapsed) % modulus + modulus) % modulus;
    // It goes down by two, from an even number, once in each half.
    const half = Math.ceil(count / 2), phase = elapsed % count;
    return count - count % 2 - 2 * (phase < half ? phase : phase - half);
  }
}
