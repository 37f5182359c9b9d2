/** Commands for the stub itself: what users type behind `monitor`. */
import { hexOfBytes } from "./packets.ts";
import { DEBUG_VIEWS, type DebugViewChoice } from "./registers.ts";
import { dumpRegisters } from "../api/system_registers.ts";
import type { DebugTarget } from "./target.ts";

/** What commands work on. */
export interface Monitored {
  readonly target: DebugTarget;
  readonly thread: number;
  readonly view: { choice: DebugViewChoice };
  isPhysical: boolean;
}

interface MonitorCommand {
  readonly usage: string;
  readonly help: string;
  run(on: Monitored, words: readonly string[]): string | undefined;
}

const MOST_BYTES = 0x1000;
const ROW = 16;

const COMMANDS: Readonly<Record<string, MonitorCommand>> = {
  help: {
    usage: "help",
    help: "prints this",
    run: () => helpText(),
  },
  registers: {
    usage: "registers",
    help: "prints all registers, the hidden parts of segments and the tables too",
    run: ({ target, thread }) => {
      const state = target.state(thread);
      return state === undefined ? undefined : `${dumpRegisters(state)}\n`;
    },
  },
  translate: {
    usage: "translate ADDRESS",
    help: "prints the physical address of a linear one",
    run: ({ target, thread }, [text]) => {
      const address = addressOf(text);
      if (address === undefined) return undefined;
      const physical = target.physical(thread, address);
      return physical === undefined ? "not mapped\n" : `0x${physical.toString(16)}\n`;
    },
  },
  xp: {
    usage: "xp ADDRESS [BYTES]",
    help: "prints memory at a physical address",
    run: ({ target }, [text, count = "64"]) => {
      const address = addressOf(text), length = Number(count);
      if (address === undefined || !(length > 0 && length <= MOST_BYTES)) return undefined;
      const bytes = target.readPhysical(address, length);
      return bytes.length === 0 ? "no RAM there\n" : rowsOf(address, bytes);
    },
  },
  maps: {
    usage: "maps",
    help: "prints what a program has mapped where, as /proc/self/maps does",
    run: ({ target }) => {
      const text = target.files?.read("/proc/self/maps");
      return text === undefined ? "there is no program\n" : new TextDecoder().decode(text);
    },
  },
  physical: {
    usage: "physical on|off",
    help: "takes the addresses of memory commands as physical ones, or as linear ones again",
    run: (on, [mode]) => {
      if (mode !== "on" && mode !== "off") return undefined;
      on.isPhysical = mode === "on";
      return `addresses are ${on.isPhysical ? "physical" : "linear"} now\n`;
    },
  },
  arch: {
    usage: `arch ${DEBUG_VIEWS.join("|")}`,
    help: "shows GDB such a processor from the next connection on",
    run: ({ view }, [name]) => {
      const chosen = DEBUG_VIEWS.find((one) => one === name);
      if (chosen === undefined) return undefined;
      view.choice = chosen;
      return `${chosen} from the next connection on: disconnect and connect again\n`;
    },
  },
};

/** Runs a command. Returns what to print. */
export function runMonitorCommand(on: Monitored, line: string): string {
  const [name = "", ...words] = line.trim().split(/\s+/);
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) return `There is no command ${JSON.stringify(name)}.\n${helpText()}`;
  return command.run(on, words) ?? `Usage: monitor ${command.usage}\n`;
}

function helpText(): string {
  const width = Math.max(...Object.values(COMMANDS).map(({ usage }) => usage.length)) + 2;
  return Object.values(COMMANDS).map(({ usage, help }) => `${usage.padEnd(width)}${help}\n`).join("");
}

/** A number as C writes it. */
function addressOf(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^(0x[0-9a-f]{1,16}|[0-9]{1,20})$/i.test(text)) return undefined;
  return BigInt.asUintN(64, BigInt(text));
}

function rowsOf(address: bigint, bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += ROW) {
    const row = hexOfBytes(bytes.subarray(at, at + ROW)).replace(/(..)(?=.)/g, "$1 ");
    text += `${(address + BigInt(at)).toString(16).padStart(16, "0")}  ${row}\n`;
  }
  return text;
}
