/**
 * The command lines of our own scripts: they read options as `causeway` does, answer `--help` with their usage, and refuse
 * what is wrong with one line on stderr and exit code 2.
 */
import process from "node:process";
import { CommandError, ExitCode, usageError } from "../src/cli/exit_codes.ts";
import { optionLines, wrap } from "../src/cli/help.ts";
import { flag, type Options, parseCommandLine, type Parsed } from "../src/cli/options.ts";
import { parseCount } from "../src/cli/values.ts";

const WIDTH = 96;

/** A script, as its help shows it. */
export interface Script<O extends Options> {
  /** How it is called: `deno task fuzz`. */
  readonly call: string;
  /** In a few sentences. */
  readonly description: string;
  readonly options?: O;
  /** What stands for its operands: in brackets those that may be left out, with `…` behind what may come often. */
  readonly operands?: readonly string[];
  /** Whether what follows the first operand belongs to another program. */
  readonly stopsAtFirst?: boolean;
}

/** What a script was given, or the help that it was asked for. */
export type ScriptLine<O extends Options> = Parsed<O> | { readonly help: string };

/** The usage of a script. */
export function scriptHelp({ call, description, options = {}, operands = [] }: Script<Options>): string {
  const listed = optionLines(options);
  return [
    ["Usage:", call, ...(listed.length === 0 ? [] : ["[OPTIONS]"]), ...operands].join(" "),
    "",
    ...wrap(description, WIDTH),
    "",
    ...(listed.length === 0 ? [] : ["Options (--name value or --name=value):", ...listed, ""]),
  ].join("\n");
}

/**
 * Reads what a script was given.
 *
 * @throws {CommandError} that says what is wrong, and where the help is
 */
export function readScriptLine<O extends Options>(script: Script<O>, args: readonly string[]): ScriptLine<O> {
  const { options = {} as O, operands = [], stopsAtFirst = false } = script;
  const parsed = parseCommandLine({ ...options, help: flag("") }, args, stopsAtFirst);
  if (parsed.values.help) return { help: scriptHelp(script) };
  const least = operands.filter((name) => !name.startsWith("[")).length;
  const most = operands.some((name) => name.includes("…")) ? Infinity : operands.length;
  const { length } = parsed.rest;
  if (length < least) throw usageError(`${operands[length]} is missing`);
  if (length > most) throw usageError(`there is one operand too many: ${parsed.rest[most]}`);
  return { values: parsed.values as Parsed<O>["values"], rest: parsed.rest };
}

/** What the script was given. Ends the process where it was asked for its help, or where something is wrong. */
export function scriptLine<O extends Options>(script: Script<O>): Parsed<O> {
  try {
    const line = readScriptLine(script, process.argv.slice(2));
    if (!("help" in line)) return line;
    console.log(line.help);
    process.exit(0);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    refuse(`${script.call}: ${error.message}`);
  }
}

/** Ends the process: bad usage. */
export function refuse(message: string): never {
  console.error(message);
  process.exit(ExitCode.USAGE);
}

/** One of a few words. */
export function oneOf<const T extends string>(known: readonly T[], text: string): T {
  const found = known.find((word) => word === text);
  return found ?? refuse(`${text} is none of ${known.join(", ")}`);
}

/** A count from 1 on. */
export function parsePositive(text: string): number {
  const count = parseCount(text);
  if (count === 0) throw new RangeError("must be 1 or more");
  return count;
}

/** A number of minutes, perhaps with a fraction. */
export function parseMinutes(text: string): number {
  const minutes = Number(text);
  if (text === "" || !Number.isFinite(minutes) || minutes < 0) {
    throw new RangeError("must be a number of minutes such as 5 or 0.5");
  }
  return minutes;
}
