/** Where what comes over stdin is typed: at a console of the machine, or at its keyboard. */
import { emitKeypressEvents } from "node:readline";
import { PassThrough } from "node:stream";
import type { Console } from "../../machine/console.ts";
import { type Key, type Keyboard, KEYS, strokeOf } from "../../machine/keyboard.ts";
import type { Machine } from "../../machine/machine.ts";
import { report } from "../output.ts";

/** What stdin is typed at. */
export interface Typing {
  type(data: Uint8Array): void;
  /** Types what was kept because nobody was there. Answers whether anything was. */
  flush(): boolean;
  /** Bytes that the guest has not read. */
  readonly unread: number;
}

/**
 * Types at a console. What is typed on a virtio console before somebody is there drivers drop: it is kept until the guest has
 * printed, or waits.
 */
export function consoleTyping(machine: Machine, console: Console): Typing {
  let kept: Uint8Array[] | undefined = console === machine.virtioConsole && console.text === ""
    ? []
    : undefined;
  const flush = (): boolean => {
    const early = kept ?? [];
    kept = undefined;
    for (const data of early) console.write(data);
    return early.length > 0;
  };
  if (kept !== undefined) machine.on("virtioConsole", flush);
  return {
    type: (data) => void (kept === undefined ? console.write(data) : kept.push(data)),
    flush,
    get unread() {
      return console.unread + (kept ?? []).reduce((sum, { length }) => sum + length, 0);
    },
  };
}

/** Keys by the names that `node:readline` gives them, where these are not those of their characters. */
const NAMED: Readonly<Record<string, Key>> = {
  up: "ArrowUp",
  down: "ArrowDown",
  left: "ArrowLeft",
  right: "ArrowRight",
  home: "Home",
  end: "End",
  pageup: "PageUp",
  pagedown: "PageDown",
  insert: "Insert",
  delete: "Delete",
  backspace: "Backspace",
  escape: "Escape",
  tab: "Tab",
};

/** A key as `node:readline` tells it. */
interface Keypress {
  readonly name?: string;
  readonly ctrl?: boolean;
  readonly meta?: boolean;
  readonly shift?: boolean;
}

/** Types at the keyboard: the keys of a terminal, or the characters of a text. */
export function keyboardTyping({ keyboard }: Machine, isTerminal: boolean): Typing {
  keyboard.attended = true;
  return {
    type: isTerminal ? terminalKeys(keyboard) : textKeys(keyboard),
    flush: () => false,
    get unread() {
      return keyboard.unread;
    },
  };
}

/** Strikes the keys that a terminal tells of. */
function terminalKeys(keyboard: Keyboard): (data: Uint8Array) => void {
  const keys = new PassThrough(), typeCharacter = characterKeys(keyboard);
  emitKeypressEvents(keys);
  keys.on("keypress", (text: string | undefined, { name = "", ctrl, meta, shift }: Keypress) => {
    const key = NAMED[name] ?? KEYS.find((one) => one.toLowerCase() === name) ??
      (ctrl || meta ? strokeOf(name)?.key : undefined);
    // The key that begins what a terminal sends for others is told as one of these.
    const alt = meta === true && key !== "Escape";
    if (key !== undefined) keyboard.strike(key, { shift: shift === true, control: ctrl === true, alt });
    else if (text !== undefined) typeCharacter(text);
  });
  return (data) => void keys.write(data);
}

/** Types the characters of a text. */
function textKeys(keyboard: Keyboard): (data: Uint8Array) => void {
  const decoder = new TextDecoder(), typeCharacter = characterKeys(keyboard);
  return (data) => [...decoder.decode(data, { stream: true })].forEach(typeCharacter);
}

/** Types a character, or says once that there is no key for it. */
function characterKeys(keyboard: Keyboard): (character: string) => void {
  const unknown = new Set<string>();
  return (character) => {
    const stroke = strokeOf(character);
    if (stroke !== undefined) return keyboard.strike(stroke.key, stroke);
    if (unknown.has(character)) return;
    unknown.add(character);
    report(`causeway: cannot type ${JSON.stringify(character)}: no key of a US keyboard gives it`);
  };
}
