/** The keyboard of a machine, as its user has it. */
import { type Key, KEYS } from "./devices/scan_codes.ts";
import type { InputSignal } from "./input.ts";

export { type Key, KEYS } from "./devices/scan_codes.ts";

/** Keys of a US keyboard that give a character, each with what they give together with Shift. */
const CHARACTERS: readonly (readonly [Key, string])[] = [
  ..."abcdefghijklmnopqrstuvwxyz".split("").map((letter) =>
    [`Key${letter.toUpperCase()}` as Key, letter + letter.toUpperCase()] as const
  ),
  ...")!@#$%^&*(".split("").map((shifted, digit) => [`Digit${digit}` as Key, `${digit}${shifted}`] as const),
  ["Minus", "-_"],
  ["Equal", "=+"],
  ["BracketLeft", "[{"],
  ["BracketRight", "]}"],
  ["Backslash", "\\|"],
  ["Semicolon", ";:"],
  ["Quote", "'\""],
  ["Backquote", "`~"],
  ["Comma", ",<"],
  ["Period", ".>"],
  ["Slash", "/?"],
  ["Space", " "],
  ["Enter", "\n"],
  ["Tab", "\t"],
  ["Backspace", "\b"],
  ["Escape", "\x1b"],
];

/** What a keyboard's keys are at. */
export interface KeyboardPort {
  /** Whether the guest waits for keys, by interrupts, and there are none left. */
  readonly wantsKeys: boolean;
  /** Bytes that have been typed and that the guest has not read. */
  readonly typed: number;
  /** A key goes down or up: what it sends waits until the guest reads it. */
  move(key: Key, down: boolean): void;
}

/** What is held down while a key is struck. */
export interface Modifiers {
  readonly shift?: boolean;
  readonly control?: boolean;
  readonly alt?: boolean;
}

/** A key to strike. */
export interface Stroke extends Modifiers {
  readonly key: Key;
}

const STROKES: ReadonlyMap<string, Stroke> = new Map(
  CHARACTERS.flatMap(([key, characters]) =>
    [...characters].map((character, n) => [character, { key, shift: n > 0 }] as const)
  ),
);

/** The stroke that gives a character on a US keyboard; undefined: none does. */
export function strokeOf(character: string): Stroke | undefined {
  return STROKES.get(character === "\r" ? "\n" : character);
}

/**
 * A PS/2 keyboard. What is typed waits until the guest reads it, as at the serial port: nothing is lost, and every run in which
 * the same is typed at the same instructions is the same.
 */
export class Keyboard {
  /**
   * Whether somebody is at it, who may type at any time. Then a guest that has halted and waits for keys awaits input, rather
   * than that nothing can wake it. Default: false.
   */
  attended = false;
  readonly #port: KeyboardPort;
  readonly #input: InputSignal;

  /** @param input is told when something is typed */
  constructor(port: KeyboardPort, input: InputSignal) {
    this.#port = port;
    this.#input = input;
  }

  /** Whether the guest waits for keys, by interrupts, there are none left, and somebody may type some. */
  get wantsInput(): boolean {
    return this.attended && this.#port.wantsKeys;
  }

  /** Bytes of scan codes that have been typed and that the guest has not read. */
  get unread(): number {
    return this.#port.typed;
  }

  /**
   * A key goes down. A browser's `KeyboardEvent.code` is its name; a key that is held down sends its code again and again.
   *
   * @throws {RangeError} if there is no such key
   */
  press(key: Key): void {
    this.#move(key, true);
  }

  /** A key goes up. */
  release(key: Key): void {
    this.#move(key, false);
  }

  /** Presses a key and releases it, with others held down. */
  strike(key: Key, { shift = false, control = false, alt = false }: Modifiers = {}): void {
    const held: readonly Key[] = [
      ...control ? ["ControlLeft"] as const : [],
      ...alt ? ["AltLeft"] as const : [],
      ...shift ? ["ShiftLeft"] as const : [],
    ];
    for (const modifier of held) this.press(modifier);
    this.press(key);
    this.release(key);
    for (const modifier of held.toReversed()) this.release(modifier);
  }

  /**
   * Types a text on a US keyboard.
   *
   * @throws {RangeError} if no key gives one of its characters; then nothing is typed
   */
  type(text: string): void {
    const strokes = [...text].map((character) => {
      const stroke = strokeOf(character);
      if (stroke === undefined) {
        throw new RangeError(`Cannot type ${JSON.stringify(character)}: no key of a US keyboard gives it`);
      }
      return stroke;
    });
    for (const { key, ...modifiers } of strokes) this.strike(key, modifiers);
  }

  #move(key: Key, down: boolean): void {
    if (!KEYS.includes(key)) throw new RangeError(`There is no key ${key}: there are ${KEYS.join(", ")}`);
    this.#port.move(key, down);
    this.#input.arrived();
  }
}
