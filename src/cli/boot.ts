/** `causeway boot`: boots a computer. */
import { ElfSymbols } from "../machine/loaders/elf_symbols.ts";
import { conclude, showScreen } from "./boot/ending.ts";
import { makeMachine } from "./boot/make.ts";
import { BOOT_OPTIONS, checkOptions } from "./boot/options.ts";
import { runMachine } from "./boot/run.ts";
import { Saver } from "./boot/snapshots.ts";
import type { Command } from "./command.ts";
import { openDump } from "./dump.ts";
import { inputError, usageError } from "./exit_codes.ts";
import { readInput } from "./input.ts";
import { parseCommandLine } from "./options.ts";
import { reportStatistics, statisticsFormat } from "./statistics.ts";

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
  options: BOOT_OPTIONS,
  guestArguments: false,
  examples: [
    "causeway boot --kernel src/guests/echo/echo.elf",
    "causeway boot --kernel src/guests/echo/echo.elf --save echo.snapshot --save-when '> ' --save-exit",
    "causeway boot --load echo.snapshot",
    "causeway boot --kernel kernel.elf --initrd modules.img --append 'console=ttyS0' --memory 512M --stats",
  ],
  async run(args) {
    const { values, rest } = parseCommandLine(BOOT_OPTIONS, args, false);
    if (rest.length > 0) {
      throw usageError(`boot takes no ${rest[0]}; the kernel's arguments go into --append`);
    }
    checkOptions(values);
    const format = statisticsFormat(values);
    const symbols = values.symbols === undefined ? undefined : readSymbols(values.symbols);
    const dump = openDump(values.dump, values["dump-file"]), saver = new Saver(values);
    const machine = await makeMachine(values, dump?.observer);
    const { end, seconds } = await runMachine(machine, saver, values);
    dump?.close();
    if (values.screen || values.keyboard) showScreen(machine);
    if (format !== undefined) reportStatistics(machine.statistics(), seconds, format);
    return conclude(machine, end, values, symbols);
  },
};

/** Reads a file with symbols. */
function readSymbols(path: string): Uint8Array {
  const file = readInput(path);
  if (new ElfSymbols(file).isEmpty) {
    throw inputError(`${path} has no symbols: it is no ELF file, or stripped`);
  }
  return file;
}
