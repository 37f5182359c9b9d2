/**
 * The format of the files in this folder: guest code, what it does to registers and memory, and the IR it becomes.
 *
 * ```text
 * # Comments.
 * test ADD sets CF where the sum does not fit
 * mode 64                                        16 and 32 too; 64 without the line
 * code
 *   48 01 c8              | add rax, rcx         bytes and their disassembly, which is checked
 * run rax=0xffffffffffffffff rcx=0x2             what is set before; other registers are 0, RSP is 0x28000
 *   rax=0x1 flags=CF,AF                          what is different after; everything else must be as before
 * ir
 *   %0 = get64 RAX                               the first block after the passes
 * ```
 *
 * `[0x20000]=0011` is memory, byte by byte; 64 KB from there are mapped. `flags` are all status flags and DF that are
 * set, or `none`. `stop=#PF(6)+3`: the code ends in that fault at offset 3, else it runs to its end. `ignore=AF,OF`:
 * flags that the manual leaves undefined there. update.ts writes the disassembly and the `ir` sections anew.
 */

/** One execution: what is set before, and what is different after. */
export interface Run {
  readonly before: ReadonlyMap<string, string>;
  readonly after: ReadonlyMap<string, string>;
}

/** One piece of code. */
export interface FileTest {
  readonly name: string;
  readonly mode: 16 | 32 | 64;
  readonly code: Uint8Array;
  /** Disassembly as the file has it, one line for each line of code. */
  readonly lines: readonly { readonly bytes: Uint8Array; readonly text: string }[];
  readonly runs: readonly Run[];
  /** The `ir` section, or undefined without one. */
  readonly ir: string | undefined;
}

interface Draft {
  name: string;
  mode: 16 | 32 | 64;
  lines: { bytes: Uint8Array; text: string }[];
  runs: { before: Map<string, string>; after: Map<string, string> }[];
  ir: string[] | undefined;
}

/** Reads a file of tests. */
export function parseFile(text: string): FileTest[] {
  const drafts: Draft[] = [];
  let section = "";
  text.split("\n").forEach((line, index) => {
    const refuse = (problem: string): never => {
      throw new SyntaxError(`line ${index + 1}: ${problem}: ${line}`);
    };
    if (line.startsWith("#") || line.trim() === "") return;
    const current = drafts.at(-1);
    if (line.startsWith("  ")) {
      if (current === undefined) return refuse("outside of a test");
      readIndented(current, section, line.trim(), refuse);
      return;
    }
    const [keyword, rest] = splitOnce(line, " ");
    section = keyword;
    if (keyword === "test") drafts.push({ name: rest, mode: 64, lines: [], runs: [], ir: undefined });
    else if (current === undefined) refuse("outside of a test");
    else if (keyword === "mode") current.mode = Number(rest) as 16 | 32 | 64;
    else if (keyword === "run") current.runs.push({ before: assignments(rest), after: new Map() });
    else if (keyword === "ir") current.ir = [];
    else if (keyword !== "code") refuse("unknown keyword");
  });
  return drafts.map(({ name, mode, lines, runs, ir }) => ({
    name,
    mode,
    lines,
    runs,
    code: Uint8Array.from(lines.flatMap(({ bytes }) => [...bytes])),
    ir: ir?.join("\n"),
  }));
}

function readIndented(
  current: Draft,
  section: string,
  line: string,
  refuse: (problem: string) => never,
): void {
  switch (section) {
    case "code": {
      const [bytes, text] = splitOnce(line, "|");
      current.lines.push({ bytes: hexBytes(bytes), text: text.trim() });
      return;
    }
    case "run": {
      const { after } = current.runs.at(-1)!;
      for (const [name, value] of assignments(line)) after.set(name, value);
      return;
    }
    case "ir":
      current.ir!.push(line);
      return;
    default:
      refuse("nothing belongs here");
  }
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}

function assignments(text: string): Map<string, string> {
  const words = text.trim().split(/\s+/).filter((word) => word.includes("="));
  return new Map(words.map((word) => splitOnce(word, "=")));
}

/** Bytes of hexadecimal digits, spaces left out. */
export function hexBytes(text: string): Uint8Array {
  return Uint8Array.from(
    (text.replaceAll(" ", "").match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16)),
  );
}
