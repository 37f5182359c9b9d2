/** What `causeway boot` says when the machine has stopped. */
import type { Machine, MachineStop } from "../../machine/machine.ts";
import { ExitCode } from "../exit_codes.ts";
import { print, report } from "../output.ts";

/** Exit code of a triple fault. */
const TRIPLE_FAULT = 127;

/**
 * Says why the machine has stopped. Answers the exit code.
 *
 * @param symbols an ELF file whose symbols name addresses
 */
export function conclude(machine: Machine, stop: MachineStop, symbols: Uint8Array | undefined): number {
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

/** Prints the screen to stdout, framed, in lines of its own. */
export function showScreen(machine: Machine): void {
  const { text } = machine.console;
  if (text !== "" && !text.endsWith("\n")) print("");
  const { lines } = machine.screen, width = Math.max(...lines.map(({ length }) => length));
  const edge = `+${"-".repeat(width)}+`;
  print([edge, ...lines.map((line) => `|${line.padEnd(width)}|`), edge].join("\n"));
}
