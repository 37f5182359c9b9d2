/**
 * Runs programs of the suite in ring 0 on a bare machine with paging on (bench/bare_metal/main.c): in QEMU's system
 * emulation, and in each engine. Time counts from the program's first instruction to its end.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import process from "node:process";
import type { EngineName } from "../src/machine/engines.ts";
import { digestOf, type EmulatedRun } from "./emulated.ts";
import { type NativeRun, pinned } from "./native.ts";
import { invocationOf, type Program } from "./suite.ts";

/** QEMU's system emulation: Debian package `qemu-system-x86`. */
export const QEMU_SYSTEM = "qemu-system-x86_64";

/** The kernel that the programs run in. */
export const WRAPPER: string = fileURLToPath(new URL("bare_metal/wrapper.elf", import.meta.url));

/** What the wrapper says before the program's output and after it. */
export const BEGIN = "begin\n", END = /end [\da-f]+\n$/;
/** How its last line begins if it could not run the program to its end. */
const FAILED = /^(?:exception|no) .*\n$/m;

/** The unit separator: it stands before each word of the program's command line. */
const SEPARATOR = "\x1f";
/** Without the device that would end it: it waits at the wrapper's last HLT, so that its time can still be read. */
// deno-fmt-ignore
const MACHINE = [
  "-accel", "tcg", "-m", "256", "-display", "none", "-serial", "stdio", "-monitor", "none", "-net", "none",
];

/** What a bare machine is given of a program. */
export interface BareProgram {
  /** Paths: the program, and its input where it reads any. */
  readonly modules: readonly string[];
  readonly commandLine: string;
}

/** Lays out a program for bare machines, its input in a file of the folder. */
export function bareProgram(program: Program, argument: number, folder: string): BareProgram {
  const invocation = invocationOf(program, argument);
  if (invocation === undefined) throw new Error(`${program.name} is not installed`);
  const { image, name, args, stdin } = invocation;
  const modules = [image];
  if (stdin.length > 0) {
    modules.push(join(folder, "input"));
    writeFileSync(modules[1]!, stdin);
  }
  return { modules, commandLine: [name, ...args].map((word) => SEPARATOR + word).join("") };
}

/** What the program printed: all between the wrapper's own lines. Throws where it did not end well. */
export function outputOf(console: string): string {
  const begin = console.indexOf(BEGIN);
  const end = END.exec(console);
  if (begin < 0 || end?.[0] !== "end 0\n") throw new Error(`The wrapper says:\n${console.slice(-500)}`);
  return console.slice(begin + BEGIN.length, end.index);
}

/** Runs a program in QEMU's system emulation. */
export async function runInQemuSystem(program: Program, argument: number): Promise<NativeRun> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-bare-"));
  try {
    const { modules, commandLine } = bareProgram(program, argument, folder);
    const files = ["-kernel", WRAPPER, "-initrd", modules.join(","), "-append", commandLine];
    const [command, ...args] = pinned([QEMU_SYSTEM, ...MACHINE, ...files]);
    const child = spawn(command!, args, { stdio: ["ignore", "pipe", "inherit"] });
    const decoder = new TextDecoder("latin1");
    let text = "", begun: number | undefined, ended = 0;
    child.stdout.on("data", (bytes: Uint8Array) => {
      text += decoder.decode(bytes, { stream: true });
      if (begun === undefined && text.includes(BEGIN)) begun = processorTime(child.pid!);
      if (ended === 0 && (END.test(text) || FAILED.test(text))) {
        ended = processorTime(child.pid!);
        child.kill("SIGKILL");
      }
    });
    await once(child, "close");
    const output = outputOf(text);
    return {
      seconds: (ended - begun!) / 1e9,
      digest: await digestOf(Uint8Array.from(output, (letter) => letter.charCodeAt(0))),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs a program in a machine of ours, in a process of its own. */
export function runInMachine(engine: EngineName, program: Program, argument: number): EmulatedRun {
  const folder = mkdtempSync(join(tmpdir(), "causeway-bare-"));
  try {
    const script = fileURLToPath(new URL("bare_metal_run.ts", import.meta.url));
    const given = JSON.stringify(bareProgram(program, argument, folder));
    const [command, ...args] = pinned([process.execPath, "run", "-A", "--no-check", script, engine, given]);
    const output = execFileSync(command!, args, { stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 20 });
    return JSON.parse(output.toString()) as EmulatedRun;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Nanoseconds of processor time that all threads of a process have taken. */
function processorTime(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks)
    .map((task) => Number(readFileSync(`${tasks}/${task}/schedstat`, "utf8").split(" ")[0]))
    .reduce((sum, time) => sum + time, 0);
}
