/** `causeway demo`: runs the demonstration. */
import { readFileSync } from "node:fs";
import { GUESTS } from "../guests/guests.ts";
import type { Command } from "./command.ts";
import { usageError } from "./exit_codes.ts";
import { parseCommandLine } from "./options.ts";
import { PROGRAM_OPTIONS, runGuest } from "./run.ts";
import { HELP } from "./shared_options.ts";

const OPTIONS = { ...PROGRAM_OPTIONS, help: HELP };

/** `causeway demo`. */
export const demo: Command = {
  name: "demo",
  operands: "",
  summary: "runs a ray tracer that ships with the project",
  description:
    "Runs a ray tracer in C, compiled for x86-64 Linux: animated in 24-bit colour on a terminal, one picture in plain " +
    "characters elsewhere.",
  options: OPTIONS,
  guestArguments: false,
  examples: ["causeway demo --stats", "causeway demo --engine interpreter --stats"],
  async run(args) {
    const { values, rest } = parseCommandLine(OPTIONS, args, false);
    if (rest.length > 0) throw usageError(`demo takes no arguments; got ${rest.join(" ")}`);
    const { image } = GUESTS.find(({ name }) => name === "scene")!;
    const program = image.protocol === "file:"
      ? new Uint8Array(readFileSync(image))
      : new Uint8Array(await (await fetch(image)).arrayBuffer());
    return runGuest({ program }, values);
  },
};
