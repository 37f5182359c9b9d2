/**
 * The command line: `deno run -A src/cli/main.ts COMMAND …`.
 *
 * @module
 */
import process from "node:process";
import type { Command } from "./command.ts";
import { demo } from "./demo.ts";
import { disasm } from "./disasm.ts";
import { exec } from "./exec.ts";
import { CommandError, ExitCode, usageError } from "./exit_codes.ts";
import { commandHelp, generalHelp } from "./help.ts";
import { nearest } from "./options.ts";
import { report, writeAll } from "./output.ts";
import { run } from "./run.ts";
import { VERSION } from "./version.ts";

/** Whoever reads our output has gone. */
const SIGPIPE = 13;

const COMMANDS: readonly Command[] = [run, exec, disasm, demo];

/** Runs a command line. Answers the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  let command: Command | undefined;
  try {
    if (name === "--version") return say(`causeway ${VERSION}\n`);
    if (name === "--help") return say(generalHelp(VERSION, COMMANDS));
    if (name === undefined) {
      report(generalHelp(VERSION, COMMANDS).trimEnd());
      return 2;
    }
    command = COMMANDS.find((candidate) => candidate.name === name);
    if (command === undefined) throw unknownCommand(name);
    if (asksForHelp(command, rest)) return say(commandHelp(command));
    return await command.run(rest);
  } catch (error) {
    if ((error as { code?: unknown }).code === "EPIPE") return ExitCode.SIGNAL + SIGPIPE;
    if (!(error instanceof CommandError)) throw error;
    report(`causeway${command === undefined ? "" : ` ${command.name}`}: ${error.message}`);
    return error.exitCode;
  }
}

function say(text: string): number {
  writeAll(1, text);
  return 0;
}

function unknownCommand(name: string): Error {
  const near = nearest(name, COMMANDS.map((command) => command.name));
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
