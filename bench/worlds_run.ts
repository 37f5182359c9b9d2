/**
 * One run of a kernel of bench/worlds, in a process of its own so that runs do not warm each other up:
 * `worlds_run.ts ENGINE KERNEL OPTIONS COMMAND-LINE`, the options of the machine as JSON. Prints a list of `Span`s.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { oneOf, scriptLine } from "../_tools/script.ts";
import { ENGINE_NAMES } from "../src/machine/engines.ts";
import { bootMachine, type MachineOptions } from "../src/machine/machine.ts";

/** The time between `begin NAME` and `end NAME` on a kernel's console. */
export interface Span {
  readonly name: string;
  /** What the kernel says about its result. */
  readonly result: string;
  /** Processor time, where it is known, so that other work of the host does not count. */
  readonly nanoseconds: number;
  /** What the machine did meanwhile; undefined where it is not ours. */
  readonly work?: Work;
}

/** What is not to happen from switch to switch. */
export interface Work {
  readonly instructions: number;
  readonly tlbRefills: number;
  readonly translatedBlocks: number;
  readonly compiledRegions: number;
}

/** Where a kernel of bench/worlds has its image. */
export const worldsImage = (kernel: string): URL => new URL(`worlds/${kernel}.elf`, import.meta.url);

/** Instructions after which a kernel is taken to hang. */
const ENDLESS = 1e11;

/** Nanoseconds of processor time that this process has taken. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

/** Runs a kernel and takes the time of what it announces. */
export function spansOf(options: MachineOptions): Span[] {
  const machine = bootMachine({ vmx: true, ...options });
  const spans: Span[] = [];
  let begun: { readonly at: number; readonly work: Work } | undefined;
  for (;;) {
    const line = machine.waitForText("\n", { instructions: ENDLESS }).trimEnd().split("\n").at(-1)!;
    const now = processorTime();
    const { instructions, tlbRefills, translatedBlocks, compiledRegions } = machine.statistics();
    const work: Work = { instructions, tlbRefills, translatedBlocks, compiledRegions };
    const [what, name, ...result] = line.split(" ");
    if (what === "done") return spans;
    if (what === "begin") begun = { at: processorTime(), work };
    else if (what === "end" && begun !== undefined) {
      const { at, work: before } = begun;
      spans.push({
        name: name!,
        result: result.join(" "),
        nanoseconds: now - at,
        work: {
          instructions: work.instructions - before.instructions,
          tlbRefills: work.tlbRefills - before.tlbRefills,
          translatedBlocks: work.translatedBlocks - before.translatedBlocks,
          compiledRegions: work.compiledRegions - before.compiledRegions,
        },
      });
    } else throw new Error(`The kernel says: ${line}`);
  }
}

if (import.meta.main) {
  const { rest: [name, kernel, options, commandLine] } = scriptLine({
    call: "deno run -A bench/worlds_run.ts",
    description:
      "Runs a kernel of bench/worlds once, and prints what its parts took as JSON. OPTIONS are those of the machine as JSON.",
    operands: ["ENGINE", "KERNEL", "OPTIONS", "COMMAND-LINE"],
  });
  const engine = oneOf(ENGINE_NAMES, name!);
  const more = JSON.parse(options!) as Partial<MachineOptions>;
  const image = readFileSync(worldsImage(kernel!));
  console.log(JSON.stringify(spansOf({ kernel: image, engine, commandLine: commandLine!, ...more })));
}
