/** The texts of `--help`. */
import type { Options } from "./options.ts";

const WIDTH = 96;

/** A command as the help shows it. */
export interface CommandHelp {
  readonly name: string;
  /** What follows the options on the command line. */
  readonly operands: string;
  /** In one line, for the list of commands. */
  readonly summary: string;
  /** In a few sentences. */
  readonly description: string;
  readonly options: Options;
  readonly examples: readonly string[];
}

/** Help on one command. */
export function commandHelp(command: CommandHelp): string {
  return [
    `Usage: causeway ${command.name} [OPTIONS] ${command.operands}`.trimEnd(),
    "",
    ...wrap(command.description, WIDTH),
    "",
    "Options (--name value or --name=value):",
    ...optionLines(command.options),
    "",
    "Examples:",
    ...command.examples.map((example) => `  ${example}`),
    "",
  ].join("\n");
}

/** Help on the whole. */
export function generalHelp(version: string, commands: readonly CommandHelp[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length)) + 4;
  return [
    `causeway ${version}: an x86-64 emulator`,
    "",
    "Usage: causeway COMMAND [OPTIONS] …",
    "",
    "Commands:",
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width - 2)}${summary}`),
    "",
    "causeway COMMAND --help tells more. The exit code is the guest's; besides:",
    "  2    bad usage",
    "  124  --max-instructions is used up",
    "  125  an input that cannot be run, or output that cannot be written",
    "  126  something the guest needs is not implemented",
    "  127  a computer's triple fault",
    "  128+N  the guest died of signal N",
    "",
  ].join("\n");
}

/** Options and what they do, a line or more for each. */
export function optionLines(options: Options): string[] {
  return Object.entries(options).flatMap(([name, { placeholder, many, help }]) =>
    entry(`--${name}${placeholder === undefined ? "" : ` ${placeholder}`}${many ? " …" : ""}`, help)
  );
}

/** A term, and its description indented beneath it. */
function entry(term: string, description: string): string[] {
  return [`  ${term}`, ...wrap(description, WIDTH - 8).map((line) => `        ${line}`)];
}

/** Breaks a text into lines at spaces. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}
