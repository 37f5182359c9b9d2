/** The keyboard controller of a PC, Intel 8042, with a keyboard on which nobody types, and no mouse. */
import { bool, bytes, fields, type Shape, u8 } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import type { PortDevice } from "../bus.ts";

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
/** Commands to the keyboard at port 60H, and its answers. */
const LIGHTS = 0xed,
  KEY_ECHO = 0xee,
  SCAN_CODES = 0xf0,
  IDENTIFY = 0xf2,
  TYPEMATIC = 0xf3,
  ENABLE_SCANNING = 0xf4;
const DISABLE_SCANNING = 0xf5, DEFAULTS = 0xf6, RESET = 0xff;
const ACKNOWLEDGE = 0xfa,
  RESEND = 0xfe,
  TEST_PASSED = 0xaa,
  IDENTITY = [0xab, 0x83] as const,
  SCAN_CODE_SET = 2;

/** What the keyboard answers to commands that take no argument. */
const ANSWERS: ReadonlyMap<number, readonly number[]> = new Map<number, readonly number[]>([
  [KEY_ECHO, [KEY_ECHO]],
  [IDENTIFY, [ACKNOWLEDGE, ...IDENTITY]],
  [ENABLE_SCANNING, [ACKNOWLEDGE]],
  [DISABLE_SCANNING, [ACKNOWLEDGE]],
  [DEFAULTS, [ACKNOWLEDGE]],
  [RESET, [ACKNOWLEDGE, TEST_PASSED]],
]);
const TAKES_ARGUMENT: readonly number[] = [LIGHTS, SCAN_CODES, TYPEMATIC];

type State = {
  readonly memory: Uint8Array;
  readonly waiting: Uint8Array;
  readonly status: number;
  readonly argumentOf: number;
  readonly keyArgumentOf: number;
  readonly outputPort: number;
  readonly level: boolean;
};
const STATE: Shape<State> = fields({
  memory: bytes(MEMORY),
  waiting: bytes(),
  status: u8,
  argumentOf: u8,
  keyArgumentOf: u8,
  outputPort: u8,
  level: bool,
});

/** What the chip is wired to. */
export interface KeyboardControllerWires {
  /** The keyboard's interrupt line goes up or down. */
  interrupt(level: boolean): void;
  reset(): void;
}

/** The controller, at ports 60H and 64H. Address line 20 is enabled whatever its output port says. */
export class KeyboardController8042 implements Stateful<State> {
  readonly stateFormat: StateFormat<State> = { version: 1, shape: STATE };
  /** One port each. */
  readonly ports: readonly PortDevice[];
  readonly #wires: KeyboardControllerWires;
  /** The controller's memory; its first byte is the command byte. */
  readonly #memory = new Uint8Array(MEMORY);
  /** Bytes to be read. */
  #waiting: number[] = [];
  #status = UNLOCKED | SYSTEM;
  /** The commands whose argument comes next, to the controller and to the keyboard; 0: none. */
  #argumentOf = 0;
  #keyArgumentOf = 0;
  #outputPort = NO_RESET | A20;
  #level = false;

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

  saveState(): State {
    return {
      memory: this.#memory.slice(),
      waiting: Uint8Array.from(this.#waiting),
      status: this.#status,
      argumentOf: this.#argumentOf,
      keyArgumentOf: this.#keyArgumentOf,
      outputPort: this.#outputPort,
      level: this.#level,
    };
  }

  loadState(state: State): void {
    this.#memory.set(state.memory);
    this.#waiting = [...state.waiting];
    this.#status = state.status;
    this.#argumentOf = state.argumentOf;
    this.#keyArgumentOf = state.keyArgumentOf;
    this.#outputPort = state.outputPort;
    this.#level = state.level;
  }

  #take(): number {
    const byte = this.#waiting.shift() ?? 0;
    // Each byte that waits has an edge of its own.
    this.#update(false);
    this.#update();
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
    const command = this.#keyArgumentOf;
    this.#keyArgumentOf = 0;
    if (command !== 0) {
      // Scan-code set 0 asks which one is used.
      return this.#answer(ACKNOWLEDGE, ...(command === SCAN_CODES && value === 0 ? [SCAN_CODE_SET] : []));
    }
    if (TAKES_ARGUMENT.includes(value)) this.#keyArgumentOf = value;
    this.#answer(...(ANSWERS.get(value) ?? [TAKES_ARGUMENT.includes(value) ? ACKNOWLEDGE : RESEND]));
  }

  #setCommandByte(value: number): void {
    this.#memory[0] = value;
    this.#update();
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
