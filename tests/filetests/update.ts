/**
 * Writes the disassembly and the `ir` sections of the files in this folder anew: `deno run -RW tests/filetests/update.ts`.
 * Look at the difference before you commit it.
 */
import { type FileTest, parseFile } from "./format.ts";
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

for (const { name } of Deno.readDirSync(FOLDER)) {
  if (!name.endsWith(".txt")) continue;
  const path = new URL(name, FOLDER);
  const before = Deno.readTextFileSync(path);
  const after = updated(before);
  if (after === before) continue;
  Deno.writeTextFileSync(path, after);
  console.log(`${name} changed`);
}
