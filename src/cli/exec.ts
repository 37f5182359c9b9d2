/** `causeway exec`: runs raw machine code and prints the registers. */
import { type BareStop, createProcessor } from "../machine/api/bare_processor.ts";
import type { BareMode } from "../machine/api/modes.ts";
import type { Command } from "./command.ts";
import { CommandError, ExitCode, inputError } from "./exit_codes.ts";
import { readInput } from "./input.ts";
import { readMachineCode } from "./machine_code.ts";
import { choice, parseCommandLine, value, values } from "./options.ts";
import { print, report } from "./output.ts";
import { applyRegisterFile, registerFile } from "./register_file.ts";
import { openDump } from "./dump.ts";
import { reportStatistics, statisticsFormat } from "./statistics.ts";
import {
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
} from "./shared_options.ts";
import { parseAddress, parsePath, parseRange } from "./values.ts";

const OPTIONS = {
  mode: choice(
    ["64", "32", "16"],
    "64 (default): user code in 64-bit mode. 32: user code with flat 32-bit segments. 16: real mode.",
  ),
  base: value("ADDR", "Where the code lies and starts. Default: 0x10000.", parseAddress),
  regs: value(
    "FILE.json",
    "Registers and memory at the start, in the form that this command prints. What it does not name is 0, apart from " +
      "rflags (0x202), fcw (0x37f) and mxcsr (0x1f80).",
    parsePath,
  ),
  map: values("ADDR:SIZE", "Maps memory, zeros at first; readable, writable, executable.", parseRange),
  "dump-memory": values("ADDR:SIZE", "Prints this memory too, under memory.", parseRange),
  engine: ENGINE,
  "max-instructions": MAX_INSTRUCTIONS,
  memory: memoryOption("16M"),
  seed: SEED,
  dump: DUMP,
  "dump-file": DUMP_FILE,
  stats: STATS,
  json: STATS_AS_JSON,
  help: HELP,
};

/** Signals by vector, as Linux sends them. */
const SIGNALS: Readonly<Record<number, number>> = {
  0: 8,
  1: 5,
  3: 5,
  4: 11,
  5: 11,
  6: 4,
  16: 8,
  17: 7,
  19: 8,
};
const SIGSEGV = 11;

/** `causeway exec`. */
export const exec: Command = {
  name: "exec",
  operands: "FILE",
  summary: "runs raw machine code and prints the registers",
  description:
    "Runs the bytes of FILE until HLT and prints the final registers as JSON. There is no operating system: a fault ends " +
    "the run, stands under fault, and gives exit code 128+N for the signal N that Linux would send; SYSCALL gives 126. " +
    "The code's last page has 64 KB of room after it.",
  options: OPTIONS,
  guestArguments: false,
  examples: [
    "printf '\\x48\\x01\\xd8\\xf4' > add.bin     # ADD RAX, RBX; HLT",
    'echo \'{"rax": 40, "rbx": 2}\' > in.json',
    "causeway exec --regs in.json add.bin",
  ],
  run(args) {
    const { values, rest } = parseCommandLine(OPTIONS, args, false);
    const format = statisticsFormat(values), { file, code } = readMachineCode("exec", rest);
    if (code.length === 0) throw inputError(`${file} is empty`);
    const dump = openDump(values.dump, values["dump-file"]);
    try {
      const cpu = createProcessor(defined({
        mode: Number(values.mode ?? 64) as BareMode,
        engine: values.engine,
        memory: values.memory,
        seed: values.seed,
        observer: dump?.observer,
      }));
      cpu.load(code, values.base);
      for (const { address, size } of values.map) cpu.map(address, size);
      if (values.regs !== undefined) {
        applyRegisterFile(cpu, new TextDecoder().decode(readInput(values.regs)), values.regs);
      }
      const start = performance.now();
      const stop = cpu.run({ instructions: values["max-instructions"] ?? Infinity });
      const seconds = (performance.now() - start) / 1000;
      print(JSON.stringify(registerFile(cpu, stop, values["dump-memory"]), null, 1));
      if (format !== undefined) reportStatistics(cpu.statistics(), seconds, format);
      return exitCode(stop);
    } catch (error) {
      // Refusals of the library: memory that does not fit, addresses that nothing is mapped at.
      if (error instanceof RangeError) throw inputError(error.message);
      throw error;
    } finally {
      dump?.close();
    }
  },
};

function exitCode(stop: BareStop): number {
  switch (stop.kind) {
    case "halt":
      return 0;
    case "budget":
    case "breakpoint": // Nobody has set these two.
    case "watchpoint":
      report("causeway exec: stopped by --max-instructions");
      return ExitCode.BUDGET;
    case "fault":
      return ExitCode.SIGNAL + (SIGNALS[stop.vector] ?? SIGSEGV);
    case "interrupt":
      return ExitCode.SIGNAL + (SIGNALS[stop.vector] ?? SIGSEGV);
    case "syscall":
      throw new CommandError(
        ExitCode.NOT_IMPLEMENTED,
        "the code executed SYSCALL; exec has no operating system: use run",
      );
  }
}
