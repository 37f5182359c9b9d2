import { assertEquals, assertThrows } from "@std/assert";
import { CommandError } from "../../src/cli/exit_codes.ts";
import { choice, choices, flag, nearest, parseCommandLine, value, values } from "../../src/cli/options.ts";
import { parseCount } from "../../src/cli/values.ts";

const OPTIONS = {
  engine: choice(["interpreter", "js", "auto"], ""),
  dump: choices(["asm", "ir", "js"], ""),
  "max-instructions": value("N", "", parseCount),
  env: values("K=V", "", (text) => text),
  stats: flag(""),
};

const parse = (...args: string[]) => parseCommandLine(OPTIONS, args, true);

Deno.test("parseCommandLine() reads --name value, --name=value, repeated options and flags", () => {
  const { values, rest } = parse(
    "--engine",
    "js",
    "--max-instructions=1_000",
    "--env",
    "A=1",
    "--env=B=2",
    "--stats",
  );
  assertEquals(values, {
    engine: "js",
    dump: undefined,
    "max-instructions": 1000,
    env: ["A=1", "B=2"],
    stats: true,
  });
  assertEquals(rest, []);
});

Deno.test("parseCommandLine() leaves all behind the first operand to the guest", () => {
  const { values, rest } = parse("--stats", "prog", "--engine", "nonsense", "--", "--x");
  assertEquals(values.engine, undefined);
  assertEquals(rest, ["prog", "--engine", "nonsense", "--", "--x"]);
});

Deno.test("parseCommandLine() takes what looks like an option for a value behind = only", () => {
  assertEquals(parse("--env=--stats").values.env, ["--stats"]);
  assertEquals(parse("--env", "--other").values.env, ["--other"]);
});

Deno.test("parseCommandLine() ends options at --", () => {
  assertEquals(parse("--stats", "--", "--prog", "a").rest, ["--prog", "a"]);
});

Deno.test("parseCommandLine() takes options behind operands where the command has no guest arguments", () => {
  const { values, rest } = parseCommandLine(OPTIONS, ["file", "--stats", "--env", "-x"], false);
  assertEquals([values.stats, values.env, rest], [true, ["-x"], ["file"]]);
});

for (
  const [args, message] of [
    [["--engin", "js"], "there is no option --engin; did you mean --engine?"],
    [["--frobnicate"], "there is no option --frobnicate; --help lists them"],
    [["-s"], "there is no option -s; --help lists them"],
    [["--constructor"], "there is no option --constructor; --help lists them"],
    [["--engine", "wasm"], "--engine wasm: must be interpreter, js or auto"],
    [["--engine"], "--engine needs a value: --engine interpreter|js|auto"],
    [["--dump", "asm,elf"], "--dump asm,elf: must be a list, separated by commas, of asm, ir or js"],
    [
      ["--engine", "--stats"],
      "--engine needs a value before --stats; if that is its value: --engine=--stats",
    ],
    [
      ["--env", "--max-instructions=5"],
      "--env needs a value before --max-instructions=5; if that is its value: --env=--max-instructions=5",
    ],
    [["--stats=yes"], "--stats=yes: --stats takes no value"],
    [["--stats", "--stats"], "--stats is given twice; give it once"],
    [
      ["--max-instructions", "many"],
      "--max-instructions many: must be a whole number such as 4096 or 0x1000",
    ],
  ] as const
) {
  Deno.test(`parseCommandLine() refuses ${args.join(" ")} in one clear line`, () => {
    const error = assertThrows(() => parse(...args), CommandError);
    assertEquals([error.message, error.exitCode], [message, 2]);
  });
}

Deno.test("nearest() finds a word with a slip of the finger, and none for other words", () => {
  assertEquals(nearest("exce", ["run", "exec"]), "exec");
  assertEquals(nearest("boot", ["run", "exec"]), undefined);
  assertEquals(nearest("x", ["run", "exec"]), undefined);
});
