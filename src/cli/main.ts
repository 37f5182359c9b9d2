/**
 * The command line: `deno run -A src/cli/main.ts COMMAND …`.
 *
 * @module
 */
import process from "node:process";
import type { Command } from "./command.ts";
import { CommandError, ExitCode, usageError } from "./exit_codes.ts";
import { commandHelp, generalHelp } from "./help.ts";
import { nearest } from "./options.ts";
import { report, writeAll } from "./output.ts";
import { VERSION } from "./version.ts";

/** Whoever reads our output has gone. */
const SIGPIPE = 13;

/** Commands by name, in the order of the help. Each is loaded when it is asked for: half of the start-up is loading. */
const COMMANDS: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ["run", async () => (await import("./run.ts")).run],
  ["boot", async () => (await import("./boot.ts")).boot],
  ["worlds", async () => (await import("./worlds.ts")).worlds],
  ["exec", async () => (await import("./exec.ts")).exec],
  ["disasm", async () => (await import("./disasm.ts")).disasm],
  ["demo", async () => (await import("./demo.ts")).demo],
]);

const allCommands = (): Promise<Command[]> => Promise.all([...COMMANDS.values()].map((load) => load()));

/** Runs a command line. Answers the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  // help COMMAND is COMMAND --help.
  const [name, ...rest] = args[0] === "help" ? [...args.slice(1, 2), "--help"] : args;
  let command: Command | undefined;
  try {
    if (name === "--version") return say(`causeway ${VERSION}\n`);
    if (name === "--help") return say(generalHelp(VERSION, await allCommands()));
    if (name === undefined) {
      report(generalHelp(VERSION, await allCommands()).trimEnd());
      return 2;
    }
    command = await COMMANDS.get(name)?.();
    if (command === undefined) throw unknownCommand(name);
    if (asksForHelp(command, rest)) return say(commandHelp(command));
    return await command.run(rest);
  } catch (error) {
    if ((error as { code?: unknown }).code === "EPIPE") return ExitCode.SIGNAL + SIGPIPE;
    if (!(error instanceof CommandError)) throw error;
    reportError(`causeway${command === undefined ? "" : ` ${command.name}`}: ${error.message}`);
    return error.exitCode;
  }
}

/** The exit code tells as much where stderr cannot be written to. */
function reportError(line: string): void {
  try {
    report(line);
  } catch { /* nobody can be told */ }
}

function say(text: string): number {
  writeAll(1, text);
  return 0;
}

function unknownCommand(name: string): Error {
  const near = nearest(name, [...COMMANDS.keys()]);
  return usageError(
    `there is no command ${name}; ${
      near === undefined ? "causeway --help lists them" : `did you mean ${near}?`
    }`,
  );
}

/** Whether `--help` stands among the options, not among the guest's own arguments. */
function asksForHelp(command: Command, args: readonly string[]): boolean {
  for (let at = 0; at < args.length; at++) {
    const word = args[at]!;
    if (word === "--help") return true;
    if (word === "--") return false;
    if (!word.startsWith("--")) {
      if (command.guestArguments) return false;
      continue;
    }
    const option = command.options[word.slice(2)];
    if (option?.placeholder !== undefined) at++; // its value
  }
  return false;
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)));
