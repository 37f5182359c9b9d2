/** `causeway boot`: boots a computer. */
import { closeSync, existsSync } from "node:fs";
import { basename } from "node:path";
import { isatty } from "node:tty";
import { bootMachine, type Machine, type MachineStop } from "../machine/machine.ts";
import {
  DEFAULT_WORLD_CACHES,
  MAX_WORLD_CACHE_ENTRIES,
  MIN_WORLD_CACHE_ENTRIES,
  whyTooLarge,
  type WorldCallOptions,
} from "../machine/world_calls.ts";
import { MachineTarget } from "../machine/debug/machine_target.ts";
import type { TranslationObserver } from "../machine/observer.ts";
import { CPU_MODEL_NAMES, MAX_PROCESSORS, mayHaveVmx } from "../machine/processors.ts";
import { CannotBootError } from "../machine/loaders/boot_error.ts";
import { ElfSymbols } from "../machine/loaders/elf_symbols.ts";
import { kernelFormat } from "../machine/loaders/load.ts";
import type { Command } from "./command.ts";
import { SLOTS } from "../machine/pci_slots.ts";
import { openInput } from "./console_input.ts";
import { connectorOption, NET, NET_NAME, NET_PORT, networkOption } from "./network.ts";
import { openDisks } from "./disks.ts";
import { openDump } from "./dump.ts";
import { GDB, GDB_ARCH, GdbServer } from "./gdb.ts";
import { ExitCode, inputError, usageError } from "./exit_codes.ts";
import { readInput } from "./input.ts";
import { choice, flag, parseCommandLine, value, type Values, values } from "./options.ts";
import { openOutput, print, report, writeAll } from "./output.ts";
import {
  cycleChoice,
  CYCLES,
  defined,
  DUMP,
  DUMP_FILE,
  ENGINE,
  HELP,
  MAX_INSTRUCTIONS,
  memoryOption,
  SEED,
  STATS,
  STATS_AS_JSON,
  WORLD_CALL_CYCLES,
} from "./shared_options.ts";
import { LOAD, loadFile, SAVE, SAVE_AT, SAVE_EXIT, SAVE_WHEN, Saver } from "./snapshots.ts";
import { reportStatistics, statisticsFormat } from "./statistics.ts";
import { parseAddress, parseCount, parsePath } from "./values.ts";

const OPTIONS = {
  kernel: value(
    "FILE",
    "The kernel: Linux (bzImage), an image for multiboot 1 or 2, or an ELF file with a PVH entry point.",
    parsePath,
  ),
  "load-address": value(
    "ADDR",
    "The kernel is a flat binary: goes to this address and is entered there, in 32-bit protected mode.",
    parsePhysical,
  ),
  firmware: value(
    "FILE",
    "A BIOS instead of a kernel: SeaBIOS. It finds what to boot by itself.",
    parsePath,
  ),
  "vga-bios": value("FILE", "The display's BIOS, which --firmware runs: SeaVGABIOS.", parsePath),
  "debug-port": flag(
    "Writes what the guest says on the debug port, E9H, and firmware on its own, 402H, to stderr.",
  ),
  screen: flag("Shows the text screen when the machine stops."),
  initrd: values(
    "FILE",
    "A file for the kernel: Linux's initrd, or a module of multiboot or PVH; may be given several times. " +
      "What follows a space belongs to the module's command line, unless a file is called so.",
    parsePath,
  ),
  append: value(
    "STRING",
    "The kernel's command line. Other kernels than Linux find their file's name before it.",
    (line) => line,
  ),
  disk: values(
    "FILE",
    "A disk: a raw image, which the guest reads and writes; may be given several times, up to 8.",
    parsePath,
  ),
  snapshot: flag("Keeps what the guest writes to its disks in memory, and drops it at the end."),
  rng: flag("Gives the machine a virtio source of random numbers; they follow from --seed."),
  "test-device": flag("Gives the machine QEMU's pc-testdev, which kvm-unit-tests use."),
  net: NET,
  "net-port": NET_PORT,
  "net-name": NET_NAME,
  console: choice(
    ["serial", "virtio"],
    "What stdin goes to. serial (default): the first serial port. virtio: a virtio console, which is hvc0 in Linux; what " +
      "is printed there and on the serial port goes to stdout.",
  ),
  "second-serial": value(
    "FILE",
    "Where what the guest writes to its second serial port goes. Without it that is dropped.",
    parsePath,
  ),
  memory: memoryOption("256M"),
  cpus: value("N", "Processors, up to 255. They take turns, so they add no speed.", parseProcessors),
  vmx: flag("Gives the processors VMX."),
  cpu: choice(
    CPU_MODEL_NAMES,
    "Which features CPUID reports and CR4 lets enable. causeway (default): all that are implemented, x86-64-v2 and more; " +
      "x86-64-v2, x86-64: those of these levels, and what operating systems use besides; causeway-la57: all, and " +
      "5-level paging instead of VMX.",
  ),
  crossover: flag("Gives the processors world calls, functions 1 and 2 of VMFUNC; needs --vmx."),
  "wt-entries": value("N", "Entries of the world cache, WID to world. Default: 64.", parseWorlds),
  "iwt-entries": value("N", "Entries of the inverse world cache, context to WID. Default: 64.", parseWorlds),
  engine: ENGINE,
  gdb: GDB,
  "gdb-arch": GDB_ARCH,
  load: LOAD,
  symbols: value(
    "FILE",
    "An ELF file whose symbols name addresses when the machine dies. Default: the kernel.",
    parsePath,
  ),
  save: SAVE,
  "save-at": SAVE_AT,
  "save-when": SAVE_WHEN,
  "save-exit": SAVE_EXIT,
  "max-instructions": MAX_INSTRUCTIONS,
  realtime: flag(
    "Waits, in HLT, as long as the guest does. The default where stdin is a terminal; otherwise time that nobody needs is " +
      "skipped.",
  ),
  seed: SEED,
  cycles: CYCLES,
  "world-call-cycles": WORLD_CALL_CYCLES,
  stats: STATS,
  json: STATS_AS_JSON,
  dump: DUMP,
  "dump-file": DUMP_FILE,
  help: HELP,
};

/** Exit code of a triple fault. */
const TRIPLE_FAULT = 127;
/** Most virtual time, in nanoseconds, that is skipped before we wait as long. */
const IDLE = 10_000_000;
/** Bytes of a console's output that are kept, for snapshots and the text of --save-when: all of it goes to stdout at once. */
const KEPT_OUTPUT = 1 << 20;
/** Instructions between two looks at the keyboard: some tens of milliseconds. */
const SLICE = 2_000_000;

/** `causeway boot`. */
export const boot: Command = {
  name: "boot",
  operands: "",
  summary: "boots a computer with a kernel",
  description:
    "Boots a computer with x86-64 processors, their local APICs, an interrupt controller and a serial port, which is stdin " +
    "and stdout. A write of V to port F4H ends it with exit code (V << 1) | 1, a triple fault with 127 and a register " +
    "dump. Time is virtual, a nanosecond an instruction, and HLT skips what it waits for: every run with the same input " +
    "from a file is the same.",
  options: OPTIONS,
  guestArguments: false,
  examples: [
    "causeway boot --kernel src/guests/echo/echo.elf",
    "causeway boot --kernel src/guests/echo/echo.elf --save echo.snapshot --save-when '> ' --save-exit",
    "causeway boot --load echo.snapshot",
    "causeway boot --kernel kernel.elf --initrd modules.img --append 'console=ttyS0' --memory 512M --stats",
  ],
  run(args) {
    const { values, rest } = parseCommandLine(OPTIONS, args, false);
    if (rest.length > 0) {
      throw usageError(`boot takes no ${rest[0]}; the kernel's arguments go into --append`);
    }
    if (values.gdb === undefined && values["gdb-arch"] !== undefined) {
      throw usageError("--gdb-arch needs --gdb");
    }
    if (values.gdb !== undefined && (values["save-at"] ?? values["save-when"]) !== undefined) {
      throw usageError("--save-at and --save-when do not go with --gdb; SIGUSR2 saves there, too");
    }
    const format = statisticsFormat(values);
    const symbols = values.symbols === undefined ? undefined : readSymbols(values.symbols);
    const dump = openDump(values.dump, values["dump-file"]), saver = new Saver(values);
    const machine = values.load === undefined
      ? bootFromFiles(values, dump?.observer)
      : loadSnapshot(values.load, values, dump?.observer);
    return drive(machine, saver, values).then(({ machine, stop, seconds }) => {
      dump?.close();
      if (values.screen) showScreen(machine);
      if (format !== undefined) reportStatistics(machine.statistics(), seconds, format);
      return stop === "saved" ? 0 : conclude(machine, stop, symbols);
    });
  },
};

/** The file that a module's command line begins with. */
function fileOf(line: string): string {
  const space = line.indexOf(" ");
  return space <= 0 || existsSync(line) ? line : line.slice(0, space);
}

function parsePhysical(text: string): number {
  const address = Number(parseAddress(text));
  if (address > 0xffff_ffff) throw new RangeError("must be less than 0x100000000");
  return address;
}

/** Options that say what a machine is made of: a snapshot says it, too. */
const MADE_OF = [
  "kernel",
  "firmware",
  "vga-bios",
  "initrd",
  "disk",
  "snapshot",
  "rng",
  "test-device",
  "net",
  "net-name",
  "append",
  "load-address",
  "memory",
  "cpus",
  "cpu",
  "vmx",
  "crossover",
  "wt-entries",
  "iwt-entries",
  "seed",
  "cycles",
  "world-call-cycles",
] as const satisfies readonly (keyof typeof OPTIONS)[];

function loadSnapshot(
  path: string,
  values: Values<typeof OPTIONS>,
  observer: TranslationObserver | undefined,
): Promise<Machine> {
  const given = MADE_OF.find((name) => isGiven(values[name]));
  if (given !== undefined) throw usageError(`--load takes no --${given}: the snapshot tells that`);
  const hostConnector = connectorOption(values, undefined);
  return loadFile(path, defined({ engine: values.engine, observer, hostConnector }));
}

function bootFromFiles(values: Values<typeof OPTIONS>, observer: TranslationObserver | undefined): Machine {
  const { kernel: kernelPath, firmware: firmwarePath } = values, isKernel = kernelPath !== undefined;
  const path = kernelPath ?? firmwarePath;
  if (path === undefined) throw usageError("boot needs --kernel FILE, --firmware FILE or --load FILE");
  if (isKernel && firmwarePath !== undefined) throw usageError("boot takes either --kernel or --firmware");
  refuseStray(values, isKernel ? OF_FIRMWARE : OF_KERNELS, isKernel ? "--firmware" : "--kernel");
  if (values.vmx && values.cpu !== undefined && !mayHaveVmx(values.cpu)) {
    throw usageError(`--vmx does not go with --cpu ${values.cpu}, which has no VMX`);
  }
  const image = readInput(path);
  const modules = values.initrd.map((line) => ({ bytes: readInput(fileOf(line)), commandLine: line }));
  const { append = "" } = values;
  const disks = openDisks(values.disk, values.snapshot), virtioConsole = values.console === "virtio";
  if (disks.length + [values.rng, values.net, virtioConsole].filter(Boolean).length > SLOTS) {
    throw usageError(
      `--disk, --rng, --net and --console virtio can be given ${SLOTS} times at most, together`,
    );
  }
  const { memory, cpus: processors, engine, seed, vmx, cpu, rng, "test-device": testDevice } = values;
  const network = networkOption(values), hostConnector = connectorOption(values, values.net);
  const crossover = worldCalls(values), loadAddress = values["load-address"];
  const cycles = cycleChoice(values.cycles, values["world-call-cycles"]);
  try {
    const commandLine = !isKernel || kernelFormat(image) === "linux"
      ? append
      : `${basename(path)} ${append}`.trimEnd();
    return bootMachine({
      ...(isKernel ? { kernel: image } : { firmware: image, firmwareFiles: firmwareFiles(values) }),
      modules,
      commandLine,
      disks,
      ...defined({
        memory,
        processors,
        engine,
        seed,
        vmx,
        cpu,
        rng,
        testDevice,
        network,
        hostConnector,
        virtioConsole,
        crossover,
        cycles,
        loadAddress,
        observer,
      }),
    });
  } catch (error) {
    if (error instanceof CannotBootError) throw inputError(`cannot boot ${path}: ${error.message}`);
    throw error;
  }
}

/** Options that only kernels have a use for, and those that only firmware has. */
const OF_KERNELS = ["initrd", "append", "load-address"] as const;
const OF_FIRMWARE = ["vga-bios"] as const;

/** Refuses options that would do nothing, and says which option is missing. */
function refuseStray(
  values: Values<typeof OPTIONS>,
  names: readonly (keyof typeof OPTIONS)[],
  missing: string,
): void {
  const given = names.find((name) => isGiven(values[name]));
  if (given !== undefined) throw usageError(`--${given} needs ${missing}`);
}

function isGiven(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
}

/** What the firmware finds in fw_cfg. */
function firmwareFiles({ "vga-bios": vgaBios }: Values<typeof OPTIONS>): Record<string, Uint8Array> {
  return vgaBios === undefined ? {} : { [`vgaroms/${basename(vgaBios)}`]: readInput(vgaBios) };
}

/** Prints the screen to stdout, framed, in lines of its own. */
function showScreen(machine: Machine): void {
  const { text } = machine.console;
  if (text !== "" && !text.endsWith("\n")) print("");
  const { lines } = machine.screen, width = Math.max(...lines.map(({ length }) => length));
  const edge = `+${"-".repeat(width)}+`;
  print([edge, ...lines.map((line) => `|${line.padEnd(width)}|`), edge].join("\n"));
}

function parseProcessors(text: string): number {
  const count = parseCount(text);
  if (count < 1 || count > MAX_PROCESSORS) throw new RangeError(`must be from 1 to ${MAX_PROCESSORS}`);
  return count;
}

function parseWorlds(text: string): number {
  const count = parseCount(text);
  if (count < MIN_WORLD_CACHE_ENTRIES || count > MAX_WORLD_CACHE_ENTRIES) {
    throw new RangeError(`must be from ${MIN_WORLD_CACHE_ENTRIES} to ${MAX_WORLD_CACHE_ENTRIES}`);
  }
  return count;
}

/** What the options say about world calls; undefined: there are none. */
function worldCalls(
  { vmx, cpus, crossover, "wt-entries": worldCacheEntries, "iwt-entries": inverseWorldCacheEntries }: Values<
    typeof OPTIONS
  >,
): WorldCallOptions | undefined {
  const sizes = defined({ worldCacheEntries, inverseWorldCacheEntries });
  if (!crossover) {
    if (Object.keys(sizes).length > 0) throw usageError("--wt-entries and --iwt-entries need --crossover");
    return undefined;
  }
  if (!vmx) throw usageError("--crossover needs --vmx: world calls are functions of VMFUNC");
  const problem = whyTooLarge({ ...DEFAULT_WORLD_CACHES, ...sizes }, cpus ?? 1);
  if (problem !== undefined) throw usageError(problem);
  return sizes;
}

/** Runs the machine with our streams as its console. */
async function drive(
  making: Machine | Promise<Machine>,
  saver: Saver,
  {
    gdb: port,
    "gdb-arch": view,
    "max-instructions": limit = Infinity,
    realtime,
    "debug-port": debug,
    "second-serial": secondSerial,
    "net-port": ports,
    console: name,
  }: Values<typeof OPTIONS>,
): Promise<{ machine: Machine; stop: MachineStop | "saved"; seconds: number }> {
  const machine = await making;
  const console = name === "virtio" ? machine.virtioConsole : machine.console;
  if (console === undefined) {
    throw usageError("--console virtio: the snapshot's machine has no virtio console");
  }
  if (ports.length > 0 && machine.configuration.network === undefined) {
    throw usageError("--net-port: the snapshot's machine has no network");
  }
  saver.check(machine);
  for (const console of machine.consoles) console.kept = KEPT_OUTPUT;
  machine.on("console", (bytes) => writeAll(1, bytes));
  machine.on("virtioConsole", (bytes) => writeAll(1, bytes));
  const closeSecond = secondSerial === undefined ? () => {} : copySecondSerial(machine, secondSerial);
  if (debug) machine.on("debug", (byte) => writeAll(2, new Uint8Array([byte])));
  const gdb = port === undefined ? undefined : await GdbServer.open(port, new MachineTarget(machine), view);
  const input = openInput(machine, console), idle = realtime || isatty(0) ? IDLE : Infinity;
  const start = performance.now();
  const ended = (stop: MachineStop | "saved") => ({
    machine,
    stop,
    seconds: (performance.now() - start) / 1000,
  });
  try {
    if (await saver.settle(machine, undefined)) return ended("saved");
    for (;;) {
      const left = Math.min(limit - machine.instructions, saver.left(machine));
      const skipped = machine.skippedTime;
      const stop = await runFor(
        machine,
        { instructions: Math.min(left, SLICE), until: saver.until, idle },
        gdb,
      );
      if (await saver.settle(machine, stop)) return ended("saved");
      const goesOn = stop.kind === "budget" || stop.kind === "text"
        ? machine.instructions < limit
        : stop.kind === "halt" && await (gdb === undefined
          ? saver.orSignal(input.more(stop.awaitsInput))
          : gdb.session.idle(input.more(stop.awaitsInput)));
      if (!goesOn) return ended(stop);
      if ((idle < Infinity || machine.waitsForHost) && stop.kind === "budget") {
        await input.orAfter(Math.min(machine.skippedTime - skipped, IDLE) / 1e6);
      }
      // Lets input arrive, and signals.
      if (stop.kind === "budget" && (!input.isComplete || saver.isOpen)) {
        input.pull();
        await new Promise((resume) => setTimeout(resume, 0));
      }
    }
  } finally {
    input.close();
    saver.close();
    closeSecond();
    await gdb?.close();
  }
}

/** Writes what comes from the second serial port into a file. Returns a function that closes it. */
function copySecondSerial(machine: Machine, path: string): () => void {
  const fd = openOutput(path);
  machine.on("secondSerial", (bytes) => writeAll(fd, bytes, path));
  return () => closeSync(fd);
}

/** Runs the machine for a while, as the debugger wants if there is one. */
async function runFor(
  machine: Machine,
  limits: { readonly instructions: number; readonly until: string | undefined; readonly idle: number },
  gdb: GdbServer<MachineStop> | undefined,
): Promise<MachineStop> {
  if (gdb === undefined) return machine.run(limits);
  const outcome = await gdb.run(limits.instructions);
  return outcome.kind === "ran" ? { kind: "budget" } : outcome.end;
}

/** Reads a file with symbols. */
function readSymbols(path: string): Uint8Array {
  const file = readInput(path);
  if (new ElfSymbols(file).isEmpty) {
    throw inputError(`${path} has no symbols: it is no ELF file, or stripped`);
  }
  return file;
}

function conclude(machine: Machine, stop: MachineStop, symbols: Uint8Array | undefined): number {
  switch (stop.kind) {
    case "exit":
      return stop.code;
    case "power off":
      return 0;
    case "reset":
      report("causeway: the guest has reset the machine");
      return 0;
    case "budget":
    case "text":
    case "breakpoint": // Only debuggers set these two, and hear of them.
    case "watchpoint":
      report("causeway: stopped by --max-instructions");
      return ExitCode.BUDGET;
    case "triple fault":
      report(`causeway: triple fault\n${machine.postMortem(symbols)}`);
      return TRIPLE_FAULT;
    case "halt":
      report("causeway: stopped: the processor halted, and nothing can wake it");
      // A kernel that has panicked halts with interrupts off.
      if (!machine.processors.all.some(({ acceptsInterrupts }) => acceptsInterrupts)) {
        report(machine.postMortem(symbols));
      }
      return ExitCode.BAD_INPUT;
  }
}
