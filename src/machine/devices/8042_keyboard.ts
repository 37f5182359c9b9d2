/** The keyboard controller of a PC, Intel 8042, with a keyboard and no mouse. */
import { bool, bytes, fields, type Shaped, time, u8 } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import type { PortDevice } from "../bus.ts";
import type { KeyboardPort } from "../keyboard.ts";
import type { TimedDevice } from "../schedule.ts";
import { CYCLES_PER_SECOND } from "./oscillator.ts";
import { KEYBOARD_STATE, Ps2Keyboard } from "./ps2_keyboard.ts";
import { type Key, ScanCodeTranslator } from "./scan_codes.ts";

/** Status register: a byte to read; self test passed; the last byte written was a command; keyboard not locked. */
const OUTPUT_FULL = 1, SYSTEM = 4, COMMAND = 8, UNLOCKED = 0x10;
/** Command byte: interrupts of the keyboard; the system flag; keyboard and mouse disabled; scan codes translated. */
const INTERRUPTS = 1, SYSTEM_FLAG = 4, DISABLED = 0x10, MOUSE_DISABLED = 0x20, TRANSLATED = 0x40;
/** Output port: the processor is not held in reset; address line 20 is enabled; a byte from the keyboard waits. */
const NO_RESET = 1, A20 = 2, OUTPUT_PORT_FULL = 0x10;
/** Commands to the controller at port 64H. */
const READ_MEMORY = 0x20, WRITE_MEMORY = 0x60, MEMORY = 32, DISABLE_MOUSE = 0xa7, ENABLE_MOUSE = 0xa8;
const TEST_MOUSE = 0xa9, SELF_TEST = 0xaa, TEST_KEYBOARD = 0xab, DISABLE = 0xad, ENABLE = 0xae;
const READ_INPUT = 0xc0, READ_OUTPUT = 0xd0, WRITE_OUTPUT = 0xd1, ECHO = 0xd2, PULSE = 0xf0;
const SELF_TEST_PASSED = 0x55, LINE_PASSED = 0, NO_MOUSE = 1;
/** How long a byte takes on the keyboard's line, in cycles: 11 bits at 10 kHz. */
const LINE_CYCLES = 11 * CYCLES_PER_SECOND / 10_000;

const STATE = fields({
  memory: bytes(MEMORY),
  waiting: bytes(),
  last: u8,
  status: u8,
  argumentOf: u8,
  outputPort: u8,
  level: bool,
  releasing: bool,
  lineFree: time,
  keyboard: KEYBOARD_STATE,
});
type State = Shaped<typeof STATE>;

/** What the chip is wired to. */
export interface KeyboardControllerWires {
  /** The keyboard's interrupt line goes up or down. */
  interrupt(level: boolean): void;
  reset(): void;
  /** The next event may come earlier than it was said to. */
  changed(): void;
  /** Virtual time. */
  now(): number;
}

/**
 * The controller, at ports 60H and 64H. Address line 20 is enabled whatever its output port says. What it and the keyboard
 * answer is there at once; what is typed comes a byte at a time, each so long behind the last as the line takes.
 */
export class KeyboardController8042 implements Stateful<State>, TimedDevice, KeyboardPort {
  readonly stateFormat: StateFormat<State> = { version: 2, shape: STATE };
  /** One port each. */
  readonly ports: readonly PortDevice[];
  readonly #wires: KeyboardControllerWires;
  /** The controller's memory; its first byte is the command byte. */
  readonly #memory = new Uint8Array(MEMORY);
  readonly #keyboard = new Ps2Keyboard();
  readonly #translator = new ScanCodeTranslator();
  /** Bytes to be read, and the one that was read last. */
  #waiting: number[] = [];
  #last = 0;
  #status = UNLOCKED | SYSTEM;
  /** The command whose argument comes next; 0: none. */
  #argumentOf = 0;
  #outputPort = NO_RESET | A20;
  #level = false;
  /** When the keyboard's line is free for the next byte that was typed. */
  #lineFree = 0;

  constructor(wires: KeyboardControllerWires) {
    this.#wires = wires;
    this.#memory[0] = SYSTEM_FLAG | TRANSLATED | MOUSE_DISABLED;
    const port = (at: number, read: () => number, write: (value: number) => void): PortDevice => ({
      ports: [at, 1],
      in: read,
      out: (_offset, value) => write(value),
    });
    this.ports = [
      port(0x60, () => this.#take(), (value) => this.#data(value)),
      port(
        0x64,
        () => this.#status | (this.#waiting.length > 0 ? OUTPUT_FULL : 0),
        (value) => this.#command(value),
      ),
    ];
  }

  /** A key goes down or up. */
  move(key: Key, down: boolean): void {
    this.#keyboard.move(key, down);
    this.#listen();
  }

  /** Bytes that have been typed and not been taken. */
  get typed(): number {
    return this.#keyboard.typed;
  }

  /** Whether the guest waits for keys, by interrupts, and there are none left. */
  get wantsKeys(): boolean {
    return (this.#memory[0]! & (INTERRUPTS | DISABLED)) === INTERRUPTS && this.#keyboard.isScanning &&
      !this.#keyboard.hasTyped && this.#waiting.length === 0;
  }

  nextEvent(): number {
    return this.#mayListen ? this.#lineFree : Infinity;
  }

  advance(now: number): void {
    if (!this.#mayListen || now < this.#lineFree) return;
    this.#answer(...this.#fromKeyboard());
  }

  saveState(): State {
    return {
      memory: this.#memory.slice(),
      waiting: Uint8Array.from(this.#waiting),
      last: this.#last,
      status: this.#status,
      argumentOf: this.#argumentOf,
      outputPort: this.#outputPort,
      level: this.#level,
      releasing: this.#translator.isReleasing,
      lineFree: this.#lineFree,
      keyboard: this.#keyboard.saveState(),
    };
  }

  loadState(state: State): void {
    this.#memory.set(state.memory);
    this.#waiting = [...state.waiting];
    this.#last = state.last;
    this.#status = state.status;
    this.#argumentOf = state.argumentOf;
    this.#outputPort = state.outputPort;
    this.#level = state.level;
    this.#translator.isReleasing = state.releasing;
    this.#lineFree = state.lineFree;
    this.#keyboard.loadState(state.keyboard);
  }

  /** Whether the line is enabled, the last byte has been read, and something has been typed. */
  get #mayListen(): boolean {
    return (this.#memory[0]! & DISABLED) === 0 && this.#waiting.length === 0 && this.#keyboard.hasTyped;
  }

  /** Takes what has been typed, or says when. */
  #listen(): void {
    this.advance(this.#wires.now());
    this.#wires.changed();
  }

  /** The next byte that was typed, as it is read: with the prefix of a released key, if that is not translated. */
  #fromKeyboard(): number[] {
    while (this.#keyboard.hasTyped) {
      const byte = this.#translated(this.#keyboard.take()!);
      if (byte !== undefined) return [byte];
    }
    return [];
  }

  #translated(byte: number): number | undefined {
    return (this.#memory[0]! & TRANSLATED) === 0 ? byte : this.#translator.translate(byte);
  }

  #take(): number {
    const byte = this.#waiting.shift();
    if (byte === undefined) return this.#last;
    this.#last = byte;
    // Each byte that waits has an edge of its own.
    this.#update(false);
    this.#update();
    this.#lineFree = this.#wires.now() + LINE_CYCLES;
    this.#listen();
    return byte;
  }

  #command(command: number): void {
    this.#status |= COMMAND;
    this.#argumentOf = 0;
    if (command >= PULSE) {
      // Lines whose bits are 0 go down for 6 µs; line 0 resets.
      if ((command & NO_RESET) === 0) this.#wires.reset();
      return;
    }
    if (command >= READ_MEMORY && command < READ_MEMORY + MEMORY) {
      return this.#answer(this.#memory[command - READ_MEMORY]!);
    }
    if (
      (command >= WRITE_MEMORY && command < WRITE_MEMORY + MEMORY) || command === WRITE_OUTPUT ||
      command === ECHO
    ) {
      this.#argumentOf = command;
      return;
    }
    switch (command) {
      case SELF_TEST:
        this.#status |= SYSTEM;
        this.#waiting = [];
        this.#translator.isReleasing = false;
        return this.#answer(SELF_TEST_PASSED);
      case TEST_KEYBOARD:
        return this.#answer(LINE_PASSED);
      case TEST_MOUSE:
        return this.#answer(NO_MOUSE);
      case READ_INPUT:
        return this.#answer(0x80);
      case READ_OUTPUT:
        return this.#answer(this.#outputPort | (this.#waiting.length > 0 ? OUTPUT_PORT_FULL : 0));
      case DISABLE:
        return this.#setCommandByte(this.#memory[0]! | DISABLED);
      case ENABLE:
        return this.#setCommandByte(this.#memory[0]! & ~DISABLED);
      case DISABLE_MOUSE:
        return this.#setCommandByte(this.#memory[0]! | MOUSE_DISABLED);
      case ENABLE_MOUSE:
        return this.#setCommandByte(this.#memory[0]! & ~MOUSE_DISABLED);
    }
  }

  #data(value: number): void {
    this.#status &= ~COMMAND;
    const command = this.#argumentOf;
    this.#argumentOf = 0;
    if (command === 0) this.#toKeyboard(value);
    else if (command === ECHO) this.#answer(value);
    else if (command === WRITE_OUTPUT) {
      this.#outputPort = value | NO_RESET;
      if ((value & NO_RESET) === 0) this.#wires.reset();
    } else if (command === WRITE_MEMORY) this.#setCommandByte(value);
    else this.#memory[command - WRITE_MEMORY] = value;
  }

  /** A byte for the keyboard, which enables its line. */
  #toKeyboard(value: number): void {
    this.#memory[0]! &= ~DISABLED;
    const answers = this.#keyboard.write(value).map((byte) => this.#translated(byte));
    this.#answer(...answers.filter((byte) => byte !== undefined));
    this.#listen();
  }

  #setCommandByte(value: number): void {
    this.#memory[0] = value;
    this.#update();
    this.#listen();
  }

  #answer(...bytes: readonly number[]): void {
    this.#waiting.push(...bytes);
    this.#update();
  }

  #update(level = this.#waiting.length > 0 && (this.#memory[0]! & INTERRUPTS) !== 0): void {
    if (level === this.#level) return;
    this.#level = level;
    this.#wires.interrupt(level);
  }
}
