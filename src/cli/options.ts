/** Options: their kinds, their values, and parsing a command line by them. */
import { parseArgs } from "node:util";
import { usageError } from "./exit_codes.ts";

/** An option. `T` is what its value becomes. */
export interface Option<T> {
  /** What stands for the value in the help; undefined for a flag, which takes none. */
  readonly placeholder: string | undefined;
  /** What it does and what it costs; lines are wrapped by the help. */
  readonly help: string;
  /** Whether it may be given more than once. */
  readonly many: boolean;
  /** Turns the value's text into the value; throws a message that says what would be right. */
  readonly parse: (text: string) => T;
}

/** Options by name, without the dashes. */
export type Options = Readonly<Record<string, Option<unknown>>>;

/** The values given: for each option its value, an array where it may be repeated, undefined where it was not given. */
export type Values<O extends Options> = {
  readonly [N in keyof O]: O[N] extends Flag ? boolean
    : O[N] extends Many<infer T> ? readonly T[]
    : O[N] extends Option<infer T> ? T | undefined
    : never;
};

/** An option without a value. */
export interface Flag extends Option<true> {
  readonly placeholder: undefined;
  readonly many: false;
}
/** An option that may be repeated. */
export interface Many<T> extends Option<T> {
  readonly many: true;
}

/** An option without a value: given or not. */
export function flag(help: string): Flag {
  return { placeholder: undefined, help, many: false, parse: () => true };
}

/** An option with a value. */
export function value<T>(placeholder: string, help: string, parse: (text: string) => T): Option<T> {
  return { placeholder, help, many: false, parse };
}

/** An option with a value that may be given more than once. */
export function values<T>(placeholder: string, help: string, parse: (text: string) => T): Many<T> {
  return { placeholder, help, many: true, parse };
}

/** An option whose value is one of a few words. */
export function choice<const T extends string>(words: readonly T[], help: string): Option<T> {
  return value(words.join("|"), help, (text) => {
    const found = words.find((word) => word === text);
    if (found === undefined) throw new RangeError(`must be ${listOf(words)}`);
    return found;
  });
}

/** An option whose value is some of a few words, separated by commas. */
export function choices<const T extends string>(words: readonly T[], help: string): Option<readonly T[]> {
  return value(words.join(","), help, (text) =>
    text.split(",").map((part) => {
      const found = words.find((word) => word === part);
      if (found === undefined) {
        throw new RangeError(`must be a list, separated by commas, of ${listOf(words)}`);
      }
      return found;
    }));
}

/** What a command line says. */
export interface Parsed<O extends Options> {
  readonly values: Values<O>;
  /** What is no option: the files, or the program and its arguments. */
  readonly rest: readonly string[];
}

/**
 * Parses the arguments of a command.
 *
 * @param stopsAtFirst everything from the first argument that is no option belongs to the guest
 */
export function parseCommandLine<O extends Options>(
  options: O,
  args: readonly string[],
  stopsAtFirst: boolean,
): Parsed<O> {
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      Object.entries(options).map(([name, { placeholder }]) => [
        name,
        { type: placeholder === undefined ? "boolean" : "string" },
      ]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const given = new Map<string, unknown[]>();
  const rest: string[] = [];
  for (const token of tokens) {
    if (token.kind === "option-terminator") {
      rest.push(...args.slice(token.index + 1));
      break;
    }
    if (token.kind === "positional") {
      if (stopsAtFirst) {
        rest.push(...args.slice(token.index));
        break;
      }
      rest.push(token.value);
      continue;
    }
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (option === undefined) throw unknownOption(token.rawName, Object.keys(options));
    if (option.placeholder !== undefined && token.inlineValue === false && isOption(token.value, options)) {
      throw usageError(
        `--${token.name} needs a value before ${token.value}; if that is its value: --${token.name}=${token.value}`,
      );
    }
    const earlier = given.get(token.name) ?? [];
    if (earlier.length > 0 && !option.many) throw usageError(`--${token.name} is given twice; give it once`);
    given.set(token.name, [...earlier, parseValue(token.name, option, token.value)]);
  }
  const entries = Object.entries(options).map(([name, option]) => {
    const all = given.get(name) ?? [];
    return [name, option.many ? all : option.placeholder === undefined ? all.length > 0 : all[0]];
  });
  return { values: Object.fromEntries(entries) as Values<O>, rest };
}

/** Whether a word is one of the options: then it is hardly the value of the one before. */
function isOption(word: string, options: Options): boolean {
  return word.startsWith("--") && Object.hasOwn(options, word.slice(2).split("=")[0]!);
}

function parseValue(name: string, option: Option<unknown>, text: string | undefined): unknown {
  if (option.placeholder === undefined) {
    if (text !== undefined) throw usageError(`--${name}=${text}: --${name} takes no value`);
    return true;
  }
  if (text === undefined) throw usageError(`--${name} needs a value: --${name} ${option.placeholder}`);
  try {
    return option.parse(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw usageError(`--${name} ${text}: ${error.message}`);
  }
}

function unknownOption(name: string, known: readonly string[]): Error {
  const near = nearest(name.replace(/^-+/, ""), known);
  return usageError(
    `there is no option ${name}; ${near === undefined ? "--help lists them" : `did you mean --${near}?`}`,
  );
}

/** The word of `words` that differs from `word` in the fewest letters, at most three and not all. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  const ranked = words.map((candidate) => ({ candidate, distance: editDistance(word, candidate) }));
  ranked.sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.min(3, word.length - 1) ? best.candidate : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** `a, b or c`. */
export function listOf(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
