/** What `causeway boot` says when the machine has stopped. */
import { constants } from "node:os";
import type { Machine } from "../../machine/machine.ts";
import { ExitCode } from "../exit_codes.ts";
import { print, report } from "../output.ts";
import type { BootValues } from "./options.ts";
import type { RunEnd } from "./run.ts";

/** Exit code of a triple fault. */
const TRIPLE_FAULT = 127;

/**
 * Says why the run has ended. Answers the exit code.
 *
 * @param symbols an ELF file whose symbols name addresses
 */
export function conclude(
  machine: Machine,
  end: RunEnd,
  values: BootValues,
  symbols: Uint8Array | undefined,
): number {
  switch (end.kind) {
    case "exit":
      return end.code;
    case "power off":
    case "saved":
      return 0;
    case "reset":
      report("causeway: the guest has reset the machine");
      return 0;
    case "budget":
    case "text":
    case "breakpoint": // Only debuggers set these two, and hear of them.
    case "watchpoint":
      reportStop(machine, "stopped by --max-instructions", values, symbols);
      return ExitCode.BUDGET;
    case "interrupted":
      reportStop(machine, `stopped by ${end.by} at ${machine.instructions} instructions`, values, symbols);
      return ExitCode.SIGNAL + constants.signals[end.signal];
    case "triple fault":
      report(`causeway: triple fault\n${machine.postMortem(symbols)}`);
      return TRIPLE_FAULT;
    case "halt":
      if (end.awaitsInput) report("causeway: stopped: the guest waits for input, and stdin has ended");
      else reportStop(machine, "stopped: the processor halted, and nothing can wake it", values, symbols);
      // A kernel that has panicked halts with interrupts off.
      if (!machine.processors.all.some(({ acceptsInterrupts }) => acceptsInterrupts)) {
        report(machine.postMortem(symbols));
      }
      return ExitCode.BAD_INPUT;
  }
}

/** Says where a guest was that has not ended by itself, and where to look if it has said nothing. */
function reportStop(
  machine: Machine,
  how: string,
  { screen }: BootValues,
  symbols: Uint8Array | undefined,
): void {
  report(`causeway: ${how}\n${machine.whereabouts(symbols)}`);
  if (machine.consoles.some(({ text }) => text !== "")) return;
  if (!screen && !isBlank(machine)) {
    report("causeway: the guest has written to its display only: --screen shows it");
  } else if (!machine.configuration.commandLine.includes("console=")) {
    report("causeway: the guest has printed nothing; Linux does with --append console=ttyS0");
  }
}

const isBlank = ({ screen: { lines } }: Machine): boolean => lines.every((line) => line.trim() === "");

/** Prints the screen to stdout, framed, in lines of its own. */
export function showScreen(machine: Machine): void {
  const { text } = machine.console;
  if (text !== "" && !text.endsWith("\n")) print("");
  const { lines } = machine.screen, width = Math.max(...lines.map(({ length }) => length));
  const edge = `+${"-".repeat(width)}+`;
  print([edge, ...lines.map((line) => `|${line.padEnd(width)}|`), edge].join("\n"));
}
