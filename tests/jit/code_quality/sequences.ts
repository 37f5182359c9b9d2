/** Reads and writes the files of this folder: the guest sequences, and what engines emitted for them. */
import { disassembleAll } from "../../../src/frontend/disassemble.ts";
import type { Counts } from "./counters.ts";

/** Guest code, which runs in a loop. */
export interface Sequence {
  readonly name: string;
  readonly code: Uint8Array;
  /** The lines as they stand in the file: bytes and instruction. */
  readonly lines: readonly string[];
}

const SEQUENCES = new URL("sequences.txt", import.meta.url);
const COUNTS = new URL("counts.tsv", import.meta.url);
const BYTES_WIDTH = 30;
const TITLES = ["sequence", "engine", "operations", "accesses", "calls"] as const;

/** The sequences: a name at the start of a line, then its instructions, indented. */
export function readSequences(): Sequence[] {
  return Deno.readTextFileSync(SEQUENCES).split("\n\n").slice(1).map((part) => {
    const [name, ...lines] = part.trimEnd().split("\n") as [string, ...string[]];
    const bytes = lines.flatMap((line) => line.split("|")[0]!.trim().split(/\s+/));
    return { name, lines, code: Uint8Array.from(bytes, (byte) => parseInt(byte, 16)) };
  });
}

/** The lines that the bytes disassemble to. */
export function disassembledLines({ code }: Sequence): string[] {
  let at = 0;
  return [...disassembleAll(code, { address: 0n, codeSize: 64 })].map(({ length, text }) => {
    const bytes = [...code.subarray(at, at += length)].map((byte) => byte.toString(16).padStart(2, "0")).join(
      " ",
    );
    return `  ${bytes.padEnd(BYTES_WIDTH)}| ${text}`;
  });
}

/** A line of the file of counts. */
export interface Row extends Counts {
  readonly sequence: string;
  readonly engine: string;
}

/** The counts as they are kept. */
export function readCounts(): Row[] {
  return Deno.readTextFileSync(COUNTS).trimEnd().split("\n").slice(1).map((line) => {
    const [sequence, engine, operations, accesses, calls] = line.split("\t") as [
      string,
      string,
      string,
      string,
      string,
    ];
    return {
      sequence,
      engine,
      operations: Number(operations),
      accesses: Number(accesses),
      calls: Number(calls),
    };
  });
}

/** Keeps counts. */
export function writeCounts(rows: readonly Row[]): void {
  const lines = rows.map((row) => TITLES.map((title) => row[title]).join("\t"));
  Deno.writeTextFileSync(COUNTS, [TITLES.join("\t"), ...lines, ""].join("\n"));
}
