/** Options that several commands have. */
import { DUMP_STAGES, type DumpStage } from "../machine/api/dump.ts";
import { choice, choices, type Flag, flag, type Option, value } from "./options.ts";
import { parseCount, parseRam, parseSeed } from "./values.ts";
import { ENGINE_NAMES, type EngineName } from "../machine/engines.ts";

/** Which engine runs the guest. */
export const ENGINE: Option<EngineName> = choice(
  ENGINE_NAMES,
  "How the guest is executed. interpreter: an instruction after the other, no start-up cost, some ten times slower. " +
    "js: every block becomes a JavaScript function when it is first met, which costs some 50 microseconds a block. " +
    "auto (default): interprets code until it has run a few times, then translates it.",
);

/** Limit of the run. */
export const MAX_INSTRUCTIONS: Option<number> = value(
  "N",
  "Stops after N guest instructions, exactly, with exit code 124. Costs nothing.",
  parseCount,
);

/** RAM. */
export const MEMORY: Option<number> = value(
  "SIZE",
  "RAM, such as 64M or 1G: the guest cannot use more. The host's memory is only used as the guest touches it.",
  parseRam,
);

/** Random numbers. */
export const SEED: Option<number> = value(
  "N",
  "Chooses the random numbers that the guest sees. A run with the same seed and input is the same run. Default: 1.",
  parseSeed,
);

/** Model of the processor's speed. */
export const CYCLES: Option<"off"> = choice(
  ["off"],
  "Cycle model. So far there is only off: the time-stamp counter counts instructions.",
);

/** Stages of translation. */
export const DUMP: Option<readonly DumpStage[]> = choices(
  DUMP_STAGES,
  "Prints stages of everything that is translated, to stderr or --dump-file: asm, the guest's instructions; ir, what " +
    "they mean; js, the functions compiled from that. Slow: megabytes for an ordinary program.",
);

/** Where they go. */
export const DUMP_FILE: Option<string> = value("FILE", "Where --dump writes.", (path) => path);

/** Numbers about the run. */
export const STATS: Flag = flag(
  "At the end prints instructions, blocks, the engines' shares, cache and TLB figures, seconds and MIPS to stderr. " +
    "Costs nothing worth measuring.",
);

/** Machine-readable tables. */
export const JSON_OUTPUT: Flag = flag("Prints tables as JSON.");

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
