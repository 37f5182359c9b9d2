/** Runs a program and collects what it prints: the Linux personality in one call. */
import { type EngineName, newProcessor, type ProcessorConfiguration } from "../machine/engines.ts";
import { type CycleChoice, extraCycles } from "../machine/cycle_model.ts";
import type { TranslationObserver } from "../machine/observer.ts";
import { WatchedProcessor, type WorldSwitches } from "../machine/api/watched_processor.ts";
import { readStatistics, type Statistics } from "../machine/api/statistics.ts";
import { LinearMemory } from "../memory/physical.ts";
import { Signal } from "./abi/signals.ts";
import { CollectedIo, type HostIo } from "./files/host_io.ts";
import type { FileSystem } from "./fs/file_system.ts";
import { type InitialFiles, MemoryFileSystem } from "./fs/memory.ts";
import { type ExitStatus, LinuxSystem } from "./system.ts";

/** What to run, and what it finds. */
export interface RunOptions {
  /** The program: the bytes of an ELF file, or its path in the tree of files. */
  readonly program: Uint8Array | string;
  /** Arguments after the program's name. */
  readonly args?: readonly string[];
  /** What the program finds as its own name. Default: its path, or `/program`. */
  readonly name?: string;
  /** Environment. Default: empty. */
  readonly env?: Readonly<Record<string, string>>;
  /** Folder it starts in. Default: `/`. */
  readonly cwd?: string;
  /** Standard input. Default: empty. */
  readonly stdin?: string | Uint8Array;
  /** Files by absolute path, in memory; a path that ends in `/` makes a folder. */
  readonly files?: InitialFiles;
  /** The tree of files, instead of `files`: a `MemoryFileSystem` to look at afterwards, or the host's files. */
  readonly fileSystem?: FileSystem;
  /** Which engine. Default: `auto`. */
  readonly engine?: EngineName;
  /** RAM in bytes, a multiple of 64 KB: the program cannot use more. Default: 256 MB. */
  readonly memory?: number;
  /** Guest instructions after which the run ends. Default: none. */
  readonly maxInstructions?: number;
  /** Chooses the random numbers the program sees. Default: 1. */
  readonly seed?: number;
  /**
   * What system calls (SYSCALL and SYSRET), exceptions and changes of the address space cost in virtual time. Default:
   * `off`, an instruction takes a cycle and nothing else does.
   */
  readonly cycles?: CycleChoice;
  /** `virtual` (default): a nanosecond a cycle, the same in each run. `host`: the host's time. */
  readonly clock?: "virtual" | "host";
  /** Gets what the program prints, as it comes. It is collected too. */
  readonly onStdout?: (bytes: Uint8Array) => void;
  /** Gets what the program prints to standard error, as it comes. It is collected too. */
  readonly onStderr?: (bytes: Uint8Array) => void;
  /** Standard streams of the caller's own, instead of `stdin`, `onStdout`, `onStderr` and what is collected. */
  readonly io?: HostIo;
  /** Gets a line for each system call. */
  readonly strace?: (line: string) => void;
  /** Gets a line for what a user should know: memory has run out, say. */
  readonly warn?: (line: string) => void;
  /** Is shown what is translated and compiled, as `dumpStages` is. */
  readonly observer?: TranslationObserver;
  /** For tests and measurements: thresholds and sizes of the engines. */
  readonly tiers?: NonNullable<ProcessorConfiguration["tiers"]>;
}

/** How a run went. */
export interface RunResult {
  /** As a shell has it: the exit code, 128 + the signal, or 124 where `maxInstructions` ended it. */
  readonly exitCode: number;
  /** How it ended. `deadlock`: every task waited for something that could not happen. */
  readonly reason: ExitStatus["kind"];
  /** The signal that killed it; undefined if none did. */
  readonly signal: number | undefined;
  /** Where and why, if that was the signal of a fault: `at 0x401136: it wrote to 0x0, where nothing is mapped`. */
  readonly fault: string | undefined;
  /** The instruction that it died of since it is not implemented; undefined if it did not. */
  readonly missing: string | undefined;
  /** What it printed, as text; `stdoutBytes` has the bytes. */
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutBytes: Uint8Array;
  readonly stderrBytes: Uint8Array;
  readonly statistics: Statistics & WorldSwitches;
}

const DEFAULT_MEMORY = 1 << 28;
const PROGRAM_PATH = "/program";

/**
 * Runs a program until it ends. Throws `CannotRunError` if it is none that can be run.
 *
 * @example Run a program with a file that only exists in memory
 * ```ts
 * import assert from "node:assert";
 * import { readFileSync } from "node:fs";
 * import { runProgram } from "@causeway/x86";
 *
 * const { stdout, exitCode } = runProgram({
 *   program: "/bin/hello",
 *   args: ["Ada", "Grace"],
 *   files: { "/bin/hello": readFileSync("src/guests/hello/hello.elf") },
 * });
 * assert(stdout === "Hello, Ada!\nHello, Grace!\n");
 * assert(exitCode === 2);
 * ```
 */
export function runProgram(options: RunOptions): RunResult {
  const prepared = prepareProgram(options);
  return prepared.resultOf(prepared.system.run());
}

/** A program that has been loaded and has executed nothing yet. */
export interface PreparedProgram {
  readonly system: LinuxSystem;
  /** How the run went, once the system has said how it ended. */
  resultOf(status: ExitStatus): RunResult;
}

/** Loads a program, for those who run it themselves. Throws `CannotRunError` if it is none that can be run. */
export function prepareProgram(options: RunOptions): PreparedProgram {
  const { program, files = {}, fileSystem, args = [], env = {}, memory = DEFAULT_MEMORY } = options;
  if (fileSystem !== undefined && typeof program !== "string") {
    throw new TypeError("Cannot run bytes with a fileSystem: put them there and give their path as program");
  }
  const path = typeof program === "string" ? program : PROGRAM_PATH;
  const tree = fileSystem ??
    new MemoryFileSystem(typeof program === "string" ? files : { ...files, [PROGRAM_PATH]: program });
  const stdout = new Collector(options.onStdout), stderr = new Collector(options.onStderr);
  const processor = newProcessor(
    new LinearMemory(memory),
    pick(options, ["engine", "seed", "observer", "tiers"]),
  );
  processor.dispatcher.switches.setCosts(extraCycles(options.cycles ?? "off"));
  const watched = new WatchedProcessor(processor);
  const system = new LinuxSystem(watched, {
    ...pick(options, ["cwd", "strace", "warn", "seed", "maxInstructions", "clock"]),
    fileSystem: tree,
    io: options.io ??
      new CollectedIo(options.stdin, (bytes) => stdout.add(bytes), (bytes) => stderr.add(bytes)),
  });
  system.spawn(path, [options.name ?? path, ...args], env);
  const resultOf = (status: ExitStatus): RunResult => ({
    exitCode: exitCodeOf(status),
    reason: status.kind,
    signal: status.kind === "signaled" ? status.signal : undefined,
    fault: status.kind === "signaled" ? status.fault : undefined,
    missing: status.kind === "signaled" && status.signal === Signal.ILL ? watched.missing : undefined,
    get stdout() {
      return stdout.text();
    },
    get stderr() {
      return stderr.text();
    },
    get stdoutBytes() {
      return stdout.bytes();
    },
    get stderrBytes() {
      return stderr.bytes();
    },
    statistics: { ...readStatistics(processor), ...watched.switches },
  });
  return { system, resultOf };
}

/** The exit code as a shell has it. */
function exitCodeOf(status: ExitStatus): number {
  switch (status.kind) {
    case "exited":
      return status.code;
    case "signaled":
      return 128 + status.signal;
    case "limit":
      return 124;
    case "deadlock":
      return 125;
  }
}

/** The entries of these names that are there. */
function pick<T extends object, N extends keyof T>(from: T, names: readonly N[]): Pick<T, N> {
  return Object.fromEntries(
    names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]]),
  ) as Pick<T, N>;
}

/** Bytes in the order in which they come. */
class Collector {
  #bytes = new Uint8Array(256);
  #size = 0;

  constructor(readonly forward: ((bytes: Uint8Array) => void) | undefined) {}

  add(bytes: Uint8Array): void {
    if (this.#size + bytes.length > this.#bytes.length) {
      const grown = new Uint8Array(2 * (this.#size + bytes.length));
      grown.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, this.#size);
    this.#size += bytes.length;
    this.forward?.(bytes.slice());
  }

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#size);
  }

  text(): string {
    return new TextDecoder().decode(this.bytes());
  }
}
