/**
 * Writes what is derived in this folder anew: the disassembly and the `ir` sections of the .txt files, and op_counts.tsv.
 * `deno run -RW tests/filetests/update.ts`. Look at the difference before you commit it.
 */
import { scriptLine } from "../../_tools/script.ts";
import { type FileTest, parseFile } from "./format.ts";
import { opCounts } from "./op_counts.ts";
import { disassembly, irText } from "./translation.ts";

const FOLDER = new URL("./", import.meta.url);
/** Columns of the bytes. */
const BYTES_WIDTH = 30;

/** The file with its derived parts made anew; comments, runs and everything else stay. */
function updated(text: string): string {
  const tests = parseFile(text);
  let current: FileTest | undefined;
  let skipping = false;
  let number = 0;
  const out: string[] = [];
  for (const line of text.split("\n")) {
    if (skipping && line.startsWith("  ")) continue;
    skipping = false;
    out.push(line);
    if (line.startsWith("test ")) current = tests[number++];
    if (current === undefined || (line !== "code" && line !== "ir")) continue;
    skipping = true;
    out.push(...(line === "code" ? codeLines(current) : irText(current.code, current.mode).split("\n"))
      .map((derived) => `  ${derived}`));
  }
  return out.join("\n");
}

function codeLines({ code, mode }: FileTest): string[] {
  return disassembly(code, mode).map(({ bytes, text }) => {
    const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    return `${digits.padEnd(BYTES_WIDTH)}| ${text}`;
  });
}

function write(name: string, before: string, after: string): void {
  if (after === before) return;
  Deno.writeTextFileSync(new URL(name, FOLDER), after);
  console.log(`${name} changed`);
}

scriptLine({
  call: "deno run -RW tests/filetests/update.ts",
  description:
    "Writes what is derived in tests/filetests anew: the disassembly, the IR, the counts of operations.",
});
const names = [...Deno.readDirSync(FOLDER)].map(({ name }) => name);
const files = names.filter((name) => name.endsWith(".txt")).sort().map((name) => {
  const before = Deno.readTextFileSync(new URL(name, FOLDER));
  const after = updated(before);
  write(name, before, after);
  return [name, after] as const;
});
const COUNTS = "op_counts.tsv";
write(COUNTS, names.includes(COUNTS) ? Deno.readTextFileSync(new URL(COUNTS, FOLDER)) : "", opCounts(files));
