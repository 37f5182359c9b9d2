/** A keyboard of the PS/2. IBM Personal System/2 Hardware Interface Technical Reference, "Keyboards (101- and 102-Key)". */
import { bool, bytes, fields, type Shaped, u8 } from "../../snapshot/shape.ts";
import { ByteQueue } from "./byte_queue.ts";
import { type Key, scanCodes, type ScanCodeSet } from "./scan_codes.ts";

/** Commands, and answers. */
const LIGHTS = 0xed,
  ECHO = 0xee,
  SCAN_CODES = 0xf0,
  IDENTIFY = 0xf2,
  TYPEMATIC = 0xf3,
  ENABLE_SCANNING = 0xf4;
const DISABLE_SCANNING = 0xf5, DEFAULTS = 0xf6, RESET = 0xff;
const ACKNOWLEDGE = 0xfa, RESEND = 0xfe, TEST_PASSED = 0xaa;
const IDENTITY = [0xab, 0x83] as const;
const TAKES_ARGUMENT: readonly number[] = [LIGHTS, SCAN_CODES, TYPEMATIC];

/** The keyboard's state. */
export const KEYBOARD_STATE = fields({ typed: bytes(), isScanning: bool, set: u8, argumentOf: u8 });
export type KeyboardState = Shaped<typeof KEYBOARD_STATE>;

/**
 * The keyboard. What is typed waits until the controller takes it, however much it is, also while the keyboard does not scan;
 * its lights and the rate at which keys repeat do nothing: the host repeats keys.
 */
export class Ps2Keyboard {
  readonly #typed = new ByteQueue();
  #isScanning = true;
  #set: ScanCodeSet = 2;
  /** The command whose argument comes next; 0: none. */
  #argumentOf = 0;

  /** A key goes down or up. */
  move(key: Key, down: boolean): void {
    this.#typed.push(Uint8Array.from(scanCodes(key, down, this.#set)));
  }

  /** Whether it looks for keys. */
  get isScanning(): boolean {
    return this.#isScanning;
  }

  /** Bytes that have been typed and not been taken. */
  get typed(): number {
    return this.#typed.length;
  }

  /** Whether there is something for `take`. */
  get hasTyped(): boolean {
    return this.#isScanning && this.#typed.length > 0;
  }

  /** The next byte of what has been typed. */
  take(): number | undefined {
    return this.#typed.shift();
  }

  /** Takes a byte from the controller, and answers. */
  write(value: number): readonly number[] {
    const command = this.#argumentOf;
    this.#argumentOf = 0;
    if (command === SCAN_CODES) return this.#chooseSet(value);
    if (command !== 0) return [ACKNOWLEDGE];
    if (TAKES_ARGUMENT.includes(value)) {
      this.#argumentOf = value;
      return [ACKNOWLEDGE];
    }
    switch (value) {
      case ECHO:
        return [ECHO];
      case IDENTIFY:
        return [ACKNOWLEDGE, ...IDENTITY];
      case ENABLE_SCANNING:
        this.#isScanning = true;
        return [ACKNOWLEDGE];
      case DISABLE_SCANNING:
        this.#isScanning = false;
        return [ACKNOWLEDGE];
      case DEFAULTS:
        this.#set = 2;
        return [ACKNOWLEDGE];
      case RESET:
        this.#set = 2;
        this.#isScanning = true;
        return [ACKNOWLEDGE, TEST_PASSED];
    }
    return [RESEND];
  }

  /** Set 0 asks which one is used. There is no set 3. */
  #chooseSet(set: number): readonly number[] {
    if (set === 0) return [ACKNOWLEDGE, this.#set];
    if (set !== 1 && set !== 2) return [RESEND];
    this.#set = set;
    return [ACKNOWLEDGE];
  }

  saveState(): KeyboardState {
    return {
      typed: this.#typed.slice(),
      isScanning: this.#isScanning,
      set: this.#set,
      argumentOf: this.#argumentOf,
    };
  }

  loadState({ typed, isScanning, set, argumentOf }: KeyboardState): void {
    this.#typed.clear();
    this.#typed.push(typed);
    this.#isScanning = isScanning;
    this.#set = set === 1 ? 1 : 2;
    this.#argumentOf = argumentOf;
  }
}
