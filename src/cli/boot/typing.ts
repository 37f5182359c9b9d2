/** Where what comes over stdin is typed: at a console of the machine, or at its keyboard. */
import { emitKeypressEvents } from "node:readline";
import { PassThrough } from "node:stream";
import type { Console } from "../../machine/console.ts";
import { type Key, KEYS, strokeOf } from "../../machine/keyboard.ts";
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
  readonly sequence?: string;
  readonly name?: string;
  readonly ctrl?: boolean;
  readonly meta?: boolean;
  readonly shift?: boolean;
}

/** Types at the keyboard: the keys of a terminal, or the characters of a text. */
export function keyboardTyping({ keyboard }: Machine, isTerminal: boolean): Typing {
  keyboard.attended = true;
  const unknown = new Set<string>();
  /** Types a character, or says once that there is no key for it. */
  const typeCharacter = (character: string): void => {
    const stroke = strokeOf(character);
    if (stroke !== undefined) return keyboard.strike(stroke.key, stroke);
    if (unknown.has(character)) return;
    unknown.add(character);
    report(`causeway: cannot type ${JSON.stringify(character)}: no key of a US keyboard gives it`);
  };
  const flush = (): boolean => false;
  if (isTerminal) {
    const keys = new PassThrough();
    emitKeypressEvents(keys);
    keys.on("keypress", (text: string | undefined, { name = "", ctrl, meta, shift }: Keypress) => {
      const key = NAMED[name] ?? KEYS.find((one) => one.toLowerCase() === name) ??
        (ctrl || meta ? strokeOf(name)?.key : undefined);
      // The key that begins what a terminal sends for others is told as one of these.
      const alt = meta === true && key !== "Escape";
      if (key !== undefined) keyboard.strike(key, { shift: shift === true, control: ctrl === true, alt });
      else if (text !== undefined) typeCharacter(text);
    });
    return {
      type: (data) => void keys.write(data),
      flush,
      get unread() {
        return keyboard.unread;
      },
    };
  }
  const decoder = new TextDecoder();
  return {
    type: (data) => [...decoder.decode(data, { stream: true })].forEach(typeCharacter),
    flush,
    get unread() {
      return keyboard.unread;
    },
  };
}
