/** Options that several commands have. */
import { choice, type Flag, flag, type Option, value } from "./options.ts";
import { parseCount, parseRam } from "./values.ts";
import { type EngineName, ENGINES } from "../machine/engines.ts";

/** Which engine runs the guest. */
export const ENGINE: Option<EngineName> = choice(
  ENGINES,
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

/** Numbers about the run. */
export const STATS: Flag = flag(
  "At the end prints instructions, blocks, the engines' shares, cache and TLB figures, seconds and MIPS to stderr. " +
    "Costs nothing worth measuring.",
);

/** Machine-readable tables. */
export const JSON_OUTPUT: Flag = flag("Prints tables as JSON.");

/** Help. */
export const HELP: Flag = flag("Prints this.");
