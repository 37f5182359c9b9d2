/** What a machine waits for while `boot` runs it: our stdin, typed somewhere, and connections of the host's. */
import { fstatSync, readFileSync } from "node:fs";
import process from "node:process";
import { isatty } from "node:tty";
import { inputError } from "../exit_codes.ts";
import { reasonOf } from "../input.ts";
import type { Machine } from "../../machine/machine.ts";
import type { Typing } from "./typing.ts";

const CTRL_C = 3;

/** Bytes of a pipe that the guest may leave unread before no more are taken. */
const MOST_UNREAD = 1 << 20;

/** Where input comes from. */
export interface Input {
  /** Nothing more will come. */
  readonly isComplete: boolean;
  /** Takes more from a pipe that was full, if the guest has read what came. */
  pull(): void;
  /** Waits for input, where the guest does. Answers whether some may have come. */
  more(wanted: boolean): Promise<boolean>;
  /** Waits so many milliseconds, or for input. */
  orAfter(milliseconds: number): Promise<void>;
  close(): void;
}

/** All of a file. */
function readStdin(): Uint8Array {
  try {
    return new Uint8Array(readFileSync(0));
  } catch (error) {
    throw inputError(`cannot read stdin: ${reasonOf(error)}`);
  }
}

/**
 * Has our stdin typed. What is in a file is there from the start, so that such runs are all the same.
 *
 * @param interrupted is told of Ctrl-C on a terminal
 */
export function openInput(machine: Machine, typing: Typing, interrupted: () => void): Input {
  const ended = new AbortController(),
    { signal } = ended,
    { stdin } = process,
    isFile = fstatSync(0).isFile();
  const isTerminal = isatty(0), end = (): void => ended.abort();
  if (isFile) {
    typing.type(readStdin());
    end();
  } else {
    if (isTerminal) stdin.setRawMode(true);
    stdin.on("data", (data: Uint8Array) => {
      if (isTerminal && data.includes(CTRL_C)) {
        end();
        return interrupted();
      }
      typing.type(data);
      if (typing.unread > MOST_UNREAD) stdin.pause();
    });
    stdin.on("end", end);
    stdin.on("error", end);
  }
  return {
    get isComplete() {
      return signal.aborted && !machine.waitsForHost;
    },
    pull() {
      if (!signal.aborted && typing.unread <= MOST_UNREAD && stdin.isPaused()) stdin.resume();
    },
    async more(wanted) {
      if (wanted && typing.flush()) return true;
      this.pull();
      if (!wanted || this.isComplete) return false;
      await machine.input({ signal });
      return true;
    },
    async orAfter(milliseconds) {
      if (milliseconds >= 1) await machine.input({ signal, milliseconds });
    },
    close() {
      if (isTerminal) stdin.setRawMode(false);
      if (!isFile) stdin.pause();
    },
  };
}
