/** Runs multiboot kernels on Bochs (Debian package `bochs`), without a BIOS, and reads their serial console. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isInstalled } from "../../bench/native.ts";
import type { BootModule } from "../../src/machine/loaders/boot_request.ts";
import { bochsRom } from "./bochs_rom.ts";

/** What to run. */
export interface BochsRun {
  readonly kernel: Uint8Array;
  readonly modules?: readonly BootModule[];
  readonly commandLine?: string;
  /** RAM in bytes. Default: 256 MB, as Causeway has it. */
  readonly memory?: number;
  /** Milliseconds of the host after which it is given up. */
  readonly timeout?: number;
  /** Is given the kernel's output as it comes, and nanoseconds of processor time that Bochs has taken so far. */
  readonly onOutput?: (bytes: Uint8Array, time: number) => void;
}

/** How it went. */
export interface BochsResult {
  /** What the kernel wrote to the first serial port. */
  readonly text: string;
  /** `halt`: HLT with interrupts disabled. `shutdown`: triple fault. `off`: it wrote "Shutdown" to port 8900H. */
  readonly end: "halt" | "shutdown" | "off" | "timeout" | "failed";
  /** Bochs' own messages, to see why it failed. */
  readonly log: string;
}

/** Name of the program; Debian's package is called the same. */
export const BOCHS = "bochs";
/** Whether it is installed. */
export const HAS_BOCHS: boolean = isInstalled(BOCHS, "--help");
/** What a test's name says where it is not. */
export const BOCHS_MISSING = HAS_BOCHS ? "" : ` [needs ${BOCHS}]`;

/** The model whose VMX has most of what Causeway's has: EPT, VPID, unrestricted guests, VMFUNC, virtual-interrupt delivery. */
const MODEL = "corei7_skylake_x";
/** Debian builds Bochs with its debugger, which wants to be told to continue; what follows comes after an interruption. */
const DEBUGGER = "c\nq\n";
/** What Bochs says. A guest's HLT that exits to its hypervisor counts, too; so silence must follow. */
const HALTED = "HLT instruction with IF=0", SHUT_DOWN = "exception with no resolution", OFF = "Shutdown port";
const SILENCE = 250, TIMEOUT = 60_000;

/**
 * Nothing calls it, but Bochs wants one: the signature of an option ROM, its size in units of 512 bytes, RETF; then what makes
 * the sum of all bytes 0.
 */
const VGA_ROM = new Uint8Array(512);
VGA_ROM.set([0x55, 0xaa, 1, 0xcb]);
VGA_ROM[VGA_ROM.length - 1] = -VGA_ROM.reduce((sum, byte) => sum + byte, 0);

// deno-fmt-ignore
const configuration = (rom: string, vgaRom: string, port: number, megabytes: number): string => `
display_library: rfb, options="timeout=0"
romimage: file=${rom}, address=0xfff80000
vgaromimage: file=${vgaRom}
megs: ${megabytes}
cpu: model=${MODEL}, ips=1000000, reset_on_triple_fault=0
clock: sync=none, time0=0
com1: enabled=1, mode=socket-client, dev=127.0.0.1:${port}
plugin_ctrl: speaker=0
log: /dev/stdout
panic: action=fatal
error: action=ignore
info: action=report
debug: action=ignore
`;

/** Nanoseconds of processor time of a process's first thread: Linux tells; elsewhere the time of day has to do. */
function processorTime(pid: number | undefined): number {
  const path = `/proc/${pid}/schedstat`;
  return existsSync(path) ? Number(readFileSync(path, "utf8").split(" ")[0]) : performance.now() * 1e6;
}

/** Runs a kernel until it halts with interrupts disabled or shuts down. */
export async function runOnBochs(run: BochsRun): Promise<BochsResult> {
  const { kernel, modules = [], commandLine = "", memory = 1 << 28, timeout = TIMEOUT } = run;
  const folder = mkdtempSync(join(tmpdir(), "causeway-bochs-"));
  const decoder = new TextDecoder("latin1");
  let text = "", log = "", end: BochsResult["end"] | undefined;
  let silence: ReturnType<typeof setTimeout> | undefined;
  const server = createServer((socket) =>
    socket.on("data", (bytes) => {
      text += decoder.decode(bytes, { stream: true });
      run.onOutput?.(bytes, processorTime(child?.pid));
      if (silence !== undefined) awaitSilence();
    })
  );
  const awaitSilence = (): void => {
    clearTimeout(silence);
    silence = setTimeout(() => {
      end ??= "halt";
      child?.kill("SIGINT");
    }, SILENCE);
  };
  let child: ChildProcess | undefined;
  try {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const file = (name: string): string => join(folder, name), { port } = server.address() as AddressInfo;
    const rom = file("rom"), vgaRom = file("vgarom"), settings = file("bochsrc"), commands = file("commands");
    writeFileSync(rom, bochsRom({ kernel, modules, commandLine }, memory));
    writeFileSync(vgaRom, VGA_ROM);
    writeFileSync(settings, configuration(rom, vgaRom, port, memory / 2 ** 20));
    writeFileSync(commands, DEBUGGER);
    child = spawn(BOCHS, ["-q", "-f", settings, "-rc", commands], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const timer = setTimeout(() => {
      end ??= "timeout";
      child?.kill("SIGKILL");
    }, timeout);
    child.stdout!.on("data", (bytes) => {
      const seen = log.length;
      log += String(bytes);
      const recent = log.slice(Math.max(0, seen - 100));
      if (recent.includes(SHUT_DOWN)) end ??= "shutdown";
      if (recent.includes(OFF)) end ??= "off";
      if (recent.includes(HALTED)) awaitSilence();
    });
    await once(child, "close");
    clearTimeout(timer);
    clearTimeout(silence);
    return { text, end: end ?? "failed", log };
  } finally {
    server.close();
    rmSync(folder, { recursive: true });
  }
}
