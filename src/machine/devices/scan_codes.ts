/**
 * The keys of a PC's keyboard and what they send. IBM Personal System/2 Hardware Interface Technical Reference, "Keyboards
 * (101- and 102-Key)": scan code sets 1 and 2, and the 8042's translation of set 2 into set 1. Keys have the names of
 * `KeyboardEvent.code` in browsers (W3C UI Events KeyboardEvent code Values): those of the places on a US keyboard.
 */

/** Keys by their code in set 1, from 1 on; where there is none, "". */
const PLAIN = [
  ...["Escape", "Digit1", "Digit2", "Digit3", "Digit4", "Digit5", "Digit6", "Digit7", "Digit8", "Digit9"],
  ...["Digit0", "Minus", "Equal", "Backspace", "Tab", "KeyQ", "KeyW", "KeyE", "KeyR", "KeyT", "KeyY"],
  ...["KeyU", "KeyI", "KeyO", "KeyP", "BracketLeft", "BracketRight", "Enter", "ControlLeft", "KeyA"],
  ...["KeyS", "KeyD", "KeyF", "KeyG", "KeyH", "KeyJ", "KeyK", "KeyL", "Semicolon", "Quote", "Backquote"],
  ...["ShiftLeft", "Backslash", "KeyZ", "KeyX", "KeyC", "KeyV", "KeyB", "KeyN", "KeyM", "Comma", "Period"],
  ...["Slash", "ShiftRight", "NumpadMultiply", "AltLeft", "Space", "CapsLock", "F1", "F2", "F3", "F4"],
  ...["F5", "F6", "F7", "F8", "F9", "F10", "NumLock", "ScrollLock", "Numpad7", "Numpad8", "Numpad9"],
  ...["NumpadSubtract", "Numpad4", "Numpad5", "Numpad6", "NumpadAdd", "Numpad1", "Numpad2", "Numpad3"],
  ...["Numpad0", "NumpadDecimal", "", "", "IntlBackslash", "F11", "F12"],
] as const;

/** Keys that send E0H before their code in set 1. */
const EXTENDED = {
  NumpadEnter: 0x1c,
  ControlRight: 0x1d,
  NumpadDivide: 0x35,
  AltRight: 0x38,
  Home: 0x47,
  ArrowUp: 0x48,
  PageUp: 0x49,
  ArrowLeft: 0x4b,
  ArrowRight: 0x4d,
  End: 0x4f,
  ArrowDown: 0x50,
  PageDown: 0x51,
  Insert: 0x52,
  Delete: 0x53,
  MetaLeft: 0x5b,
  MetaRight: 0x5c,
  ContextMenu: 0x5d,
} as const;

/** Keys that send more codes, in set 1. Pause sends nothing when it is released. */
const LONG = {
  PrintScreen: { down: [0xe0, 0x2a, 0xe0, 0x37], up: [0xe0, 0xb7, 0xe0, 0xaa] },
  Pause: { down: [0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5], up: [] },
} as const;

/** A key. */
export type Key = Exclude<(typeof PLAIN)[number], ""> | keyof typeof EXTENDED | keyof typeof LONG;

/** A set of scan codes that the keyboard can be set to. */
export type ScanCodeSet = 1 | 2;

/** What comes before a code; set 1: what a released key's code has; set 2: what comes before it. */
const E0 = 0xe0, E1 = 0xe1, RELEASED = 0x80, RELEASED_PREFIX = 0xf0;

/** What the 8042 makes of codes of set 2, by their value. */
// deno-fmt-ignore
const TRANSLATION = Uint8Array.of(
  0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
  0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
  0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
  0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
  0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
  0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
  0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
  0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
);
/** F7 in set 2, the one key whose code there is above 7FH, and what the 8042 makes of it. */
const F7 = 0x83, F7_TRANSLATED = 0x41;

/** All keys. */
export const KEYS: readonly Key[] = [
  ...PLAIN.filter((key) => key !== ""),
  ...Object.keys(EXTENDED) as (keyof typeof EXTENDED)[],
  ...Object.keys(LONG) as (keyof typeof LONG)[],
];

/** What a key sends when it is pressed, or released. */
export function scanCodes(key: Key, down: boolean, set: ScanCodeSet): readonly number[] {
  const codes = inSet1(key, down);
  return set === 1 ? codes : codes.flatMap(toSet2);
}

function inSet1(key: Key, down: boolean): readonly number[] {
  if (Object.hasOwn(LONG, key)) return LONG[key as keyof typeof LONG][down ? "down" : "up"];
  const released = down ? 0 : RELEASED;
  return Object.hasOwn(EXTENDED, key)
    ? [E0, EXTENDED[key as keyof typeof EXTENDED] | released]
    : [(PLAIN as readonly string[]).indexOf(key) + 1 | released];
}

function toSet2(code: number): readonly number[] {
  if (code === E0 || code === E1) return [code];
  const pressed = code & ~RELEASED;
  const own = pressed === F7_TRANSLATED ? F7 : TRANSLATION.indexOf(pressed);
  return code === pressed ? [own] : [RELEASED_PREFIX, own];
}

/** The 8042's translation of what comes from the keyboard. */
export class ScanCodeTranslator {
  /** The released key's prefix has come: it becomes a bit of the next code. */
  isReleasing = false;

  /** Translates a byte; undefined: it is a part of the next one. */
  translate(byte: number): number | undefined {
    if (byte === RELEASED_PREFIX) {
      this.isReleasing = true;
      return undefined;
    }
    const released = this.isReleasing ? RELEASED : 0;
    this.isReleasing = false;
    if (byte === F7) return F7_TRANSLATED | released;
    return byte < TRANSLATION.length ? TRANSLATION[byte]! | released : byte;
  }
}
