/**
 * How many IR operations each instruction of the files here becomes: op_counts.tsv, so that code quality cannot slip
 * unseen. Constants are not counted, since engines write them in place.
 */
import { formatInstruction } from "../../src/frontend/disassemble.ts";
import { decode } from "../../src/frontend/decode.ts";
import type { Block } from "../../src/ir/types.ts";
import { type FileTest, parseFile } from "./format.ts";
import { disassembly, firstBlock } from "./translation.ts";

const HEADER = "# IR operations after the passes, without constants; made by tests/filetests/update.ts.\n" +
  "# Each instruction alone in its block, then the first blocks of the files.\n";

const isConstant = (op: string): boolean => op === "const32" || op === "const64" || op === "vconst";

const count = (block: Block): number => block.insts.filter(({ op }) => !isConstant(op)).length;

/** Text of an instruction that does not depend on where it stands. */
function textOf(bytes: Uint8Array, mode: 16 | 32 | 64): string | undefined {
  const instruction = decode(bytes, 0, bytes.length, mode);
  return "failure" in instruction ? undefined : formatInstruction(instruction, 0n, mode);
}

/** The text that op_counts.tsv must have. */
export function opCounts(files: readonly (readonly [name: string, text: string])[]): string {
  const instructions = new Map<string, number>();
  const blocks: string[] = [];
  for (const [name, text] of files) {
    for (const test of parseFile(text)) {
      for (const { bytes } of disassembly(test.code, test.mode)) addInstruction(instructions, bytes, test);
      const block = firstBlock(test.code, test.mode);
      blocks.push(`${count(block)}\t${block.offsets.length - 1}\t${name}: ${test.name}`);
    }
  }
  const lines = [...instructions].sort(([x], [y]) => x < y ? -1 : 1).map(([text, ops]) =>
    `${ops}\t1\t${text}`
  );
  return HEADER + [...lines, ...blocks].join("\n") + "\n";
}

function addInstruction(counts: Map<string, number>, bytes: Uint8Array, { mode }: FileTest): void {
  const text = textOf(bytes, mode);
  if (text === undefined) return;
  const key = mode === 64 ? text : `${text} (${mode}-bit code)`;
  if (!counts.has(key)) counts.set(key, count(firstBlock(bytes, mode)));
}
