/** Runs a machine with our streams as its console, beside a debugger and whoever wants it saved. */
import { closeSync } from "node:fs";
import { setImmediate } from "node:timers";
import { isatty } from "node:tty";
import { MachineTarget } from "../../machine/debug/machine_target.ts";
import type { Machine, MachineStop } from "../../machine/machine.ts";
import { usageError } from "../exit_codes.ts";
import { GdbServer } from "../gdb.ts";
import { openOutput, writeAll } from "../output.ts";
import { openInput } from "./input.ts";
import { type Interrupted, Interruption } from "./interruption.ts";
import { LiveScreen } from "./live_screen.ts";
import type { BootValues } from "./options.ts";
import type { Saver } from "./snapshots.ts";
import { consoleTyping, keyboardTyping, type Typing } from "./typing.ts";

/** Most virtual time, in nanoseconds, that is skipped before we wait as long. */
const IDLE = 10_000_000;
/** Bytes of a console's output that are kept, for snapshots and the text of --save-when: all of it goes to stdout at once. */
const KEPT_OUTPUT = 1 << 20;
/** Instructions between two looks at the keyboard: some tens of milliseconds. */
const SLICE = 2_000_000;

/** Why a run has ended: also because it was to end when the machine is saved, or was broken off. */
export type RunEnd = MachineStop | { readonly kind: "saved" } | Interrupted;

/** That, and how long it took. */
export interface BootRun {
  readonly end: RunEnd;
  readonly seconds: number;
}

/** Runs a machine until it ends, or as long as the options say. */
export async function runMachine(machine: Machine, saver: Saver, values: BootValues): Promise<BootRun> {
  const typing = openTyping(machine, values);
  saver.check(machine);
  for (const console of machine.consoles) console.kept = KEPT_OUTPUT;
  const isLive = values.keyboard && isatty(0) && isatty(1);
  const closeOutput = openStreams(machine, values, isLive), { gdb: port, "gdb-arch": view } = values;
  const gdb = port === undefined ? undefined : await GdbServer.open(port, new MachineTarget(machine), view);
  const interruption = new Interruption();
  const input = openInput(machine, typing, () => interruption.raise("SIGINT", "Ctrl-C")),
    idle = values.realtime || isatty(0) ? IDLE : Infinity;
  const limit = values["max-instructions"] ?? Infinity;
  const screen = isLive ? new LiveScreen(machine, (text) => writeAll(1, text)) : undefined;

  /** Runs it for a slice, as the debugger wants if there is one. */
  const runSlice = async (): Promise<MachineStop> => {
    const left = Math.min(limit - machine.instructions, saver.left(machine), SLICE);
    if (gdb === undefined) return machine.run({ instructions: left, until: saver.until, idle });
    const outcome = await gdb.run(left);
    return outcome.kind === "ran" ? { kind: "budget" } : outcome.end;
  };
  /** Whether it goes on behind a stop: what it waits for is waited for. */
  const goesOn = async (stop: MachineStop): Promise<boolean> => {
    if (stop.kind === "budget" || stop.kind === "text") return machine.instructions < limit;
    if (stop.kind !== "halt") return false;
    const arrival = input.more(stop.awaitsInput && isAwaited(machine, values));
    return await (gdb === undefined ? saver.orSignal(arrival) : gdb.session.idle(arrival));
  };
  const run = async (): Promise<RunEnd> => {
    if (await saver.settle(machine, undefined)) return { kind: "saved" };
    while (!interruption.isOver) {
      const skipped = machine.skippedTime, stop = await runSlice();
      screen?.draw(stop.kind !== "budget");
      if (await saver.settle(machine, stop)) return { kind: "saved" };
      if (!await goesOn(stop)) return stop;
      if (stop.kind !== "budget") continue;
      if (idle < Infinity || machine.waitsForHost) {
        await input.orAfter(Math.min(machine.skippedTime - skipped, IDLE) / 1e6);
      }
      if (!input.isComplete || saver.isOpen) {
        // Lets input arrive: the runtime may look for it when timers are due only.
        input.pull();
        await new Promise((resume) => setTimeout(resume, 0));
      } else {
        // Lets signals arrive, which is quicker.
        await new Promise((resume) => setImmediate(resume));
      }
    }
    return await interruption.happened;
  };
  const start = performance.now();
  try {
    // A debugger may keep it stopped.
    const end = await Promise.race([run(), interruption.happened]);
    return { end, seconds: (performance.now() - start) / 1000 };
  } finally {
    input.close();
    interruption.close();
    screen?.close();
    saver.close();
    closeOutput();
    await gdb?.close();
  }
}

/** Where stdin is typed. Refuses options for which a saved machine has nothing. */
function openTyping(
  machine: Machine,
  { console: name, keyboard, "net-port": ports }: BootValues,
): Typing {
  const console = name === "virtio" ? machine.virtioConsole : machine.console;
  if (console === undefined) {
    throw usageError("--console virtio: the snapshot's machine has no virtio console");
  }
  if (ports.length > 0 && machine.configuration.network === undefined) {
    throw usageError("--net-port: the snapshot's machine has no network");
  }
  return keyboard ? keyboardTyping(machine, isatty(0)) : consoleTyping(machine, console);
}

/** Whether what a guest waits for may come to it: over stdin, or from the host's network. */
function isAwaited(machine: Machine, { keyboard }: BootValues): boolean {
  return machine.waitsForHost ||
    (keyboard ? machine.keyboard.wantsInput : machine.consoles.some(({ wantsInput }) => wantsInput));
}

/**
 * Sends what the machine writes to our streams and files. Returns a function that closes these.
 *
 * @param later our stdout shows something else until then
 */
function openStreams(
  machine: Machine,
  { "debug-port": debug, "second-serial": secondSerial }: BootValues,
  later: boolean,
): () => void {
  const kept: Uint8Array[] = [];
  const print = (bytes: Uint8Array): void => void (later ? kept.push(bytes.slice()) : writeAll(1, bytes));
  machine.on("console", print);
  machine.on("virtioConsole", print);
  if (debug) machine.on("debug", (byte) => writeAll(2, new Uint8Array([byte])));
  const file = secondSerial === undefined ? undefined : openOutput(secondSerial);
  if (file !== undefined) machine.on("secondSerial", (bytes) => writeAll(file, bytes, secondSerial));
  return () => {
    for (const bytes of kept) writeAll(1, bytes);
    if (file !== undefined) closeSync(file);
  };
}
