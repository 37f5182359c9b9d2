/** The serial port's chip: National Semiconductor PC16550D, as its data sheet has it, with transmission that takes no time. */
import { bool, bytes, fields, type Shape, u16, u8 } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import type { PortDevice } from "../bus.ts";
import { ByteQueue } from "./byte_queue.ts";

/** Registers, by port offset. */
const DATA = 0, INTERRUPT_ENABLE = 1, IDENTIFICATION_FIFO = 2, LINE_CONTROL = 3, MODEM_CONTROL = 4;
const LINE_STATUS = 5, MODEM_STATUS = 6, SCRATCH = 7;
/** Bits of the interrupt-enable register. */
const ENABLE_RECEIVED = 1, ENABLE_TRANSMITTER = 2;
/** Line control: the divisor latch is at offsets 0 and 1. */
const DIVISOR_LATCH = 0x80;
/** Line status: data ready, transmitter holding register and transmitter empty. */
const DATA_READY = 1, TRANSMITTER_EMPTY = 0x60;
/** Modem control: OUT2 (which lets the interrupt out on a PC, and has no say here: DEVIATIONS.md), loop-back. */
const OUT2 = 8, LOOP = 0x10;
/** Modem status at the end of a plain cable: carrier, data set ready, clear to send. */
const MODEM_READY = 0xb0;
/** Causes, as the identification register shows them. */
const NO_INTERRUPT = 1, TRANSMITTER_READY = 2, RECEIVED = 4, RECEIVED_TIMEOUT = 0xc, FIFOS_ON = 0xc0;
/** Bytes that each receive trigger level takes. */
const TRIGGER_LEVELS = [1, 4, 8, 14] as const;

const STATE: Shape<State> = fields({
  received: bytes(),
  interruptEnable: u8,
  fifoControl: u8,
  lineControl: u8,
  modemControl: u8,
  scratch: u8,
  divisor: u16,
  transmitterReady: bool,
  level: bool,
});
type State = {
  readonly received: Uint8Array;
  readonly interruptEnable: number;
  readonly fifoControl: number;
  readonly lineControl: number;
  readonly modemControl: number;
  readonly scratch: number;
  readonly divisor: number;
  readonly transmitterReady: boolean;
  readonly level: boolean;
};

/** What the chip is wired to. */
export interface UartWires {
  /** A byte has been sent. */
  transmit(byte: number): void;
  /** The interrupt line goes up or down. */
  interrupt(level: boolean): void;
}

/** A serial port. */
export class Uart16550 implements PortDevice, Stateful<State> {
  readonly stateFormat: StateFormat<State> = { version: 1, shape: STATE };
  readonly ports: readonly [number, number];
  readonly #wires: UartWires;
  /**
   * What has arrived and was not read yet. All of it counts as waiting on the cable, where no reset of the FIFO reaches it:
   * input that was there from the start would be lost otherwise when the software sets the chip up.
   */
  readonly #received = new ByteQueue();
  #interruptEnable = 0;
  #fifoControl = 0;
  #lineControl = 3;
  #modemControl = 0;
  #scratch = 0;
  #divisor = 1;
  /** The transmitter has become empty since the identification register told so. */
  #transmitterReady = false;
  #level = false;

  constructor(firstPort: number, wires: UartWires) {
    this.ports = [firstPort, 8];
    this.#wires = wires;
  }

  /** Whether software waits for data by interrupts. */
  get wantsInput(): boolean {
    return (this.#interruptEnable & ENABLE_RECEIVED) !== 0 && this.#received.length === 0;
  }

  /** Bytes that have arrived and were not read yet. */
  get unread(): number {
    return this.#received.length;
  }

  /** Bytes arrive. */
  receive(bytes: Iterable<number>): void {
    this.#received.push(bytes instanceof Uint8Array ? bytes : Uint8Array.from(bytes));
    this.#update();
  }

  in(offset: number): number {
    const divisor = (this.#lineControl & DIVISOR_LATCH) !== 0;
    switch (offset) {
      case DATA:
        if (divisor) return this.#divisor & 0xff;
        return this.#take();
      case INTERRUPT_ENABLE:
        return divisor ? this.#divisor >> 8 : this.#interruptEnable;
      case IDENTIFICATION_FIFO:
        return this.#identify();
      case LINE_CONTROL:
        return this.#lineControl;
      case MODEM_CONTROL:
        return this.#modemControl;
      case LINE_STATUS:
        return TRANSMITTER_EMPTY | (this.#received.length > 0 ? DATA_READY : 0);
      case MODEM_STATUS:
        return (this.#modemControl & LOOP) !== 0 ? this.#loopedModem() : MODEM_READY;
      default:
        return this.#scratch;
    }
  }

  out(offset: number, value: number): void {
    const divisor = (this.#lineControl & DIVISOR_LATCH) !== 0;
    switch (offset) {
      case DATA:
        if (divisor) this.#divisor = (this.#divisor & 0xff00) | value;
        else this.#send(value);
        break;
      case INTERRUPT_ENABLE:
        if (divisor) this.#divisor = (this.#divisor & 0xff) | (value << 8);
        else this.#enable(value & 0xf);
        break;
      case IDENTIFICATION_FIFO:
        this.#fifoControl = value;
        break;
      case LINE_CONTROL:
        this.#lineControl = value;
        break;
      case MODEM_CONTROL:
        this.#modemControl = value & 0x1f;
        break;
      case SCRATCH:
        this.#scratch = value;
        break;
    }
    this.#update();
  }

  saveState(): State {
    return {
      received: this.#received.slice(),
      interruptEnable: this.#interruptEnable,
      fifoControl: this.#fifoControl,
      lineControl: this.#lineControl,
      modemControl: this.#modemControl,
      scratch: this.#scratch,
      divisor: this.#divisor,
      transmitterReady: this.#transmitterReady,
      level: this.#level,
    };
  }

  loadState(state: State): void {
    this.#received.clear();
    this.#received.push(state.received);
    this.#interruptEnable = state.interruptEnable;
    this.#fifoControl = state.fifoControl;
    this.#lineControl = state.lineControl;
    this.#modemControl = state.modemControl;
    this.#scratch = state.scratch;
    this.#divisor = state.divisor;
    this.#transmitterReady = state.transmitterReady;
    this.#level = state.level;
  }

  #take(): number {
    const byte = this.#received.shift() ?? 0;
    this.#update();
    return byte;
  }

  #send(byte: number): void {
    if ((this.#modemControl & LOOP) !== 0) this.#received.push(Uint8Array.of(byte));
    else this.#wires.transmit(byte);
    this.#transmitterReady = true;
  }

  #enable(bits: number): void {
    // Enabling the transmitter's interrupt while it is empty raises it.
    if ((bits & ~this.#interruptEnable & ENABLE_TRANSMITTER) !== 0) this.#transmitterReady = true;
    this.#interruptEnable = bits;
  }

  /** Reading the register takes a transmitter interrupt back. */
  #identify(): number {
    const cause = this.#cause();
    if (cause === TRANSMITTER_READY) {
      this.#transmitterReady = false;
      this.#update();
    }
    return cause | ((this.#fifoControl & 1) !== 0 ? FIFOS_ON : 0);
  }

  #cause(): number {
    const enabled = this.#interruptEnable, waiting = this.#received.length;
    if ((enabled & ENABLE_RECEIVED) !== 0 && waiting > 0) {
      const fifo = (this.#fifoControl & 1) !== 0;
      return fifo && waiting < TRIGGER_LEVELS[this.#fifoControl >> 6]! ? RECEIVED_TIMEOUT : RECEIVED;
    }
    if ((enabled & ENABLE_TRANSMITTER) !== 0 && this.#transmitterReady) return TRANSMITTER_READY;
    return NO_INTERRUPT;
  }

  /** In loop-back the modem's inputs are the outputs: CTS = RTS, DSR = DTR, RI = OUT1, DCD = OUT2. */
  #loopedModem(): number {
    const out = this.#modemControl;
    return ((out & 2) << 3) | ((out & 1) << 5) | ((out & 4) << 4) | ((out & OUT2) << 4);
  }

  #update(): void {
    const level = this.#cause() !== NO_INTERRUPT && (this.#modemControl & LOOP) === 0;
    if (level === this.#level) return;
    this.#level = level;
    this.#wires.interrupt(level);
  }
}
