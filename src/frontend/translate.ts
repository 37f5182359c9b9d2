/** Translates guest bytes into an IR block: decode, then one semantics function an instruction. */
import { IrBuilder } from "../ir/builder.ts";
import type { Block } from "../ir/types.ts";
import { Event, Vector } from "../cpu/fault.ts";
import { Mode } from "../cpu/mode.ts";
import { Segment } from "../cpu/state.ts";
import { decode } from "./decode.ts";
import { stoppedAtEntry } from "./entry_checks.ts";
import { checkFetch } from "./segment_checks.ts";
import type { CodeSize, DecodeFailure, Instruction } from "./instruction.ts";
import { type Mnemonic, MNEMONICS } from "./opcodes/mnemonics.ts";
import { SEMANTICS } from "./semantics/mod.ts";
import { Translator } from "./translator.ts";

const CODE_SIZES: readonly CodeSize[] = [16, 32, 64];

/** Bytes of the longest instruction. */
const MAX_INSTRUCTION_BYTES = 15;

/** Most guest instructions in a block. */
export const MAX_BLOCK_INSTRUCTIONS = 64;

/**
 * Translates from `pc` until an instruction ends the block, `limit` instructions are done, or the bytes end.
 *
 * @param bytes code from `pc` on: to the end of its page, or further
 * @param pageBytes how many of them lie in the first page; only the first instruction may reach beyond
 * @returns the block, or "truncated" if the first instruction needs more bytes than are there
 */
export function translate(
  bytes: Uint8Array,
  pageBytes: number,
  pc: bigint,
  mode: number,
  limit: number = MAX_BLOCK_INSTRUCTIONS,
): Block | "truncated" {
  const codeSize = CODE_SIZES[mode & Mode.CODE_SIZE]!;
  const ir = new IrBuilder((mode & Mode.ALIGN) !== 0);
  const t = new Translator(ir, mode, pc);
  const offsets = [0];
  let offset = 0;
  while (t.terminal === undefined) {
    ir.guest = offsets.length - 1;
    t.offset = t.nextOffset = offset;
    if (ir.guest === limit || (offset >= pageBytes && offset > 0)) {
      t.jump(t.pc);
      break;
    }
    const decoded = decode(bytes, offset, bytes.length - offset, codeSize);
    if ("failure" in decoded) {
      if (decoded.failure === "truncated") {
        if (offset === 0) return "truncated";
        t.jump(t.pc);
        break;
      }
      // The exception is raised where the block reaches it; before that, what precedes it runs.
      if (!checkFetch(t, offset + 1)) raiseFailure(t, decoded);
      // It depends on all bytes that an instruction can have: a store to one of them must be seen.
      offset += Math.min(MAX_INSTRUCTION_BYTES, bytes.length - offset);
    } else {
      if (offset > 0 && offset + decoded.length > pageBytes) {
        t.jump(t.pc);
        break;
      }
      const alone = isAlone(decoded);
      if (alone && offset > 0) {
        t.jump(t.pc);
        break;
      }
      offset += decoded.length;
      t.nextOffset = offset;
      translateInstruction(t, decoded);
      if (alone && t.terminal === undefined) t.jump(t.next);
    }
    offsets.push(offset);
  }
  return ir.finish(pc, mode, offsets, t.terminal!);
}

/** What reads the time, or may, through a port or a model-specific register; or asks what came just before: STI, PAUSE, VMLAUNCH. */
const READS_TIME: ReadonlySet<Mnemonic> = new Set([
  "RDTSC",
  "RDTSCP",
  "RDMSR",
  "WRMSR",
  "IN",
  "OUT",
  "INS",
  "OUTS",
  "PAUSE",
  "STI",
  "VMLAUNCH",
  "VMRESUME",
]);

/** By `Traits.number`. */
const SEMANTICS_BY_NUMBER = MNEMONICS.map((mnemonic) => SEMANTICS[mnemonic]);
const READS_TIME_BY_NUMBER = MNEMONICS.map((mnemonic) => READS_TIME.has(mnemonic));

/**
 * Whether an instruction is a block of its own: a repeated string instruction branches to itself, and what reads the
 * time wants the count of instructions exact, which it is at the start of a block.
 */
function isAlone({ rep, mnemonic, operands, traits }: Instruction): boolean {
  const first = operands[0];
  const loadsStack = first?.kind === "segment" && first.reg === Segment.SS &&
    (mnemonic === "MOV" || mnemonic === "POP");
  return rep !== 0 || loadsStack || READS_TIME_BY_NUMBER[traits.number]!;
}

function translateInstruction(t: Translator, instruction: Instruction): void {
  t.instruction = instruction;
  const semantics = SEMANTICS_BY_NUMBER[instruction.traits.number];
  if (checkFetch(t, t.nextOffset) || stoppedAtEntry(t)) return;
  if (semantics === undefined) t.fault(Vector.UD);
  else semantics(t, ...instruction.operands);
}

function raiseFailure(t: Translator, { failure }: DecodeFailure): void {
  const vector = failure === "GP" ? Vector.GP : Vector.UD;
  t.end({
    kind: "event",
    event: Event.FAULT,
    vector,
    error: vector === Vector.GP ? 0 : -1,
    rip: t.pc,
    retired: false,
  });
}
