/** Options that several commands have. */
import type { CycleChoice, CycleProfileName } from "../machine/cycle_model.ts";
import { DUMP_STAGES, type DumpStage } from "../machine/api/dump.ts";
import { usageError } from "./exit_codes.ts";
import { choice, choices, type Flag, flag, type Option, value } from "./options.ts";
import { parseCount, parsePath, parseRam, parseSeed } from "./values.ts";
import { ENGINE_NAMES, type EngineName } from "../machine/engines.ts";

/** Which engine runs the guest. */
export const ENGINE: Option<EngineName> = choice(
  ENGINE_NAMES,
  "How the guest is executed. interpreter: an instruction after the other, no start-up cost, some ten times slower. " +
    "js: code becomes JavaScript functions once it has run 2000 times. wasm: all code becomes WebAssembly when it is " +
    "first met, which costs up to a millisecond a block. auto (default): interprets code until it has run 1000 times, " +
    "then translates it to WebAssembly.",
);

/** Limit of the run. */
export const MAX_INSTRUCTIONS: Option<number> = value(
  "N",
  "Stops after N guest instructions, exactly, with exit code 124. Costs nothing.",
  parseCount,
);

/** RAM; `usual` is what there is without the option. */
export function memoryOption(usual: string): Option<number> {
  return value(
    "SIZE",
    "RAM, such as 64M or 1G: the guest cannot use more. The host's memory is only used as the guest touches it. " +
      `Default: ${usual}.`,
    parseRam,
  );
}

/** Random numbers. */
export const SEED: Option<number> = value(
  "N",
  "Chooses the random numbers that the guest sees. A run with the same seed and input is the same run. Default: 1.",
  parseSeed,
);

/** Model of the processor's speed. */
export const CYCLES: Option<"off" | CycleProfileName> = choice(
  ["haswell", "skylake", "off"],
  "Cycle model. haswell, skylake: system calls, interrupts, writes of CR3, VM exits and entries, VMFUNC and world calls " +
    "take as many cycles of virtual time as was published of these processors, other instructions one. off (default): " +
    "every instruction takes one. The time-stamp counter reads it. Costs nothing worth measuring.",
);

/** Cost of world calls in the cycle model. */
export const WORLD_CALL_CYCLES: Option<number> = value(
  "N",
  "Cycles of a world call in the cycle model, 1 to 100000. No processor has them, so nothing is published. Default: what " +
    "VMFUNC and a write of CR3 take together, 310 (haswell) or 320 (skylake); try 100 to 600.",
  parseWorldCallCycles,
);

function parseWorldCallCycles(text: string): number {
  const cycles = parseCount(text);
  if (cycles < 1 || cycles > 100_000) throw new RangeError("must be from 1 to 100000");
  return cycles;
}

/** The cycle model that the two options choose. */
export function cycleChoice(
  profile: "off" | CycleProfileName | undefined,
  worldCall: number | undefined,
): CycleChoice | undefined {
  if (worldCall === undefined) return profile;
  if (profile === undefined || profile === "off") {
    throw usageError("--world-call-cycles needs a cycle model: --cycles haswell or --cycles skylake");
  }
  return { profile, worldCall };
}

/** Stages of translation. */
export const DUMP: Option<readonly DumpStage[]> = choices(
  DUMP_STAGES,
  "Prints stages of everything that is translated, to stderr or --dump-file: asm, the guest's instructions; ir, what " +
    "they mean; js and wasm, the functions compiled from that. Slow: megabytes for an ordinary program.",
);

/** Where they go. */
export const DUMP_FILE: Option<string> = value("FILE", "Where --dump writes.", parsePath);

/** Numbers about the run. */
export const STATS: Flag = flag(
  "At the end prints instructions, blocks, the engines' shares, cache and TLB figures, seconds and MIPS to stderr. " +
    "Costs nothing worth measuring.",
);

/** Machine-readable tables. */
export const JSON_OUTPUT: Flag = flag("Prints tables as JSON.");

/** The same where `--stats` prints the only table. */
export const STATS_AS_JSON: Flag = flag("Prints the numbers of --stats as JSON, in one line.");

/** Help. */
export const HELP: Flag = flag("Prints this.");

/** An object without the entries that are undefined. */
export function defined<T extends Record<string, unknown>>(
  entries: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(entries).filter(([, given]) => given !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
