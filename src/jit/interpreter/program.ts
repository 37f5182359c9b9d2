/** A block as the interpreter executes it: numbers in one array, a tenth of the size of the IR they are made from. */
import { OPCODE_NAMES, type OpcodeInfo, opcodeNumber, OPCODES } from "../../ir/opcodes.ts";
import { FLOAT_OPCODES } from "../../ir/float_opcodes.ts";
import type { Block, Inst, Type } from "../../ir/types.ts";
import { VECTOR_OPCODES } from "../../ir/vector_opcodes.ts";
import { halves } from "../address.ts";
import type { Constants } from "./constants.ts";
import type { ProgramStore } from "./program_store.ts";
import { join } from "./joined_operations.ts";
import { hasRow, OPERATIONS } from "./operations.ts";
import { writeEnd } from "./program_end.ts";
import { END_WORDS, EXITS, Field, GUEST_SHIFT, OPERATION_WORDS, VALUE_WORDS } from "./words.ts";

/** What a called function yields. */
const RESULT_KINDS = { void: 0, i8: 1, i16: 1, i32: 1, i64: 2, v128: 3 } as const satisfies Record<
  Type,
  number
>;

/** Opcodes whose meaning is a function in the calling convention of helpers, or that yield a v128 as those do. */
const FUNCTION_OPCODES: ReadonlySet<string> = new Set([
  ...["call", "callpure", "loadv"],
  ...Object.keys(VECTOR_OPCODES),
  ...Object.keys(FLOAT_OPCODES),
]);
/** The same by opcode number, and what EXITS is for each. */
const CALLS_FUNCTION = Uint8Array.from(OPCODE_NAMES, (op) => FUNCTION_OPCODES.has(op) ? 1 : 0);
const EXIT_BITS = Int32Array.from(
  OPCODE_NAMES,
  (op) => (OPCODES[op] as OpcodeInfo).exits === true ? EXITS : 0,
);
/** Opcodes that are no operations here. */
const CONST32 = opcodeNumber("const32"), CONST64 = opcodeNumber("const64");
const LO_HALF = opcodeNumber("lo"), HI_HALF = opcodeNumber("hi");
/** Where the operations of a block are put together. */
const BUFFER = new Int32Array(0x1000);
/** Where the values of a block lie, by id. */
const PLACES = new Int32Array(0x400);

/** An assembled block. */
export interface Program {
  /** Operations, the end, lists of operands, then the offset of each guest instruction from the block's start. */
  readonly words: Int32Array;
  /** Where the operations start; where they end, and the end starts (`EndField`); and where the offsets start. */
  readonly first: number;
  readonly end: number;
  readonly offsets: number;
  /** Halves of the linear address of its start. */
  readonly lo: number;
  readonly hi: number;
  /** Guest instructions. */
  readonly count: number;
}

/** V8 knows the values of a module's own constants, and reads imported ones, and what objects have, each time. */
const { HEAD, TO, A, B, C, IMM, IMM2, ARGS } = Field,
  WORDS = OPERATION_WORDS,
  VALUE = VALUE_WORDS,
  GUEST = GUEST_SHIFT;

/** Assembles a block. */
export function assemble(block: Block, constants: Constants, store: ProgramStore): Program {
  const { insts, offsets, terminal } = block;
  const lists: number[] = [];
  const room = insts.length * WORDS;
  const operations = room <= BUFFER.length ? BUFFER : new Int32Array(room);
  const places = insts.length <= PLACES.length ? PLACES : new Int32Array(insts.length);
  let end = 0;
  for (const inst of insts) {
    const { args, code, guest } = inst;
    const known = placeWithout(inst, places, constants);
    places[inst.id] = known < 0 ? inst.id * VALUE : known;
    if (known >= 0) continue;
    const isCall = CALLS_FUNCTION[code] === 1;
    operations[end + HEAD] = OPERATIONS[code]! | EXIT_BITS[code]! | (guest << GUEST);
    operations[end + TO] = places[inst.id]!;
    operations[end + A] = args.length > 0 ? places[args[0]!.id]! : 0;
    operations[end + B] = args.length > 1 ? places[args[1]!.id]! : 0;
    operations[end + C] = args.length > 2 ? places[args[2]!.id]! : 0;
    operations[end + IMM] = inst.imm;
    operations[end + IMM2] = isCall ? RESULT_KINDS[inst.type] : inst.imm2;
    operations[end + ARGS] = isCall ? lists.length : 0;
    if (isCall) list(inst, places, lists);
    end = join(operations, end);
  }
  const first = store.take(end + END_WORDS + lists.length + offsets.length), { words } = store;
  const behind = first + end, listed = behind + END_WORDS, last = listed + lists.length;
  for (let n = 0; n < end; n++) words[first + n] = operations[n]!;
  writeEnd(terminal, (value) => places[value.id]!, words, behind);
  for (let n = 0; n < lists.length; n++) words[listed + n] = lists[n]!;
  for (let n = 0; n < offsets.length; n++) words[last + n] = offsets[n]!;
  if (lists.length > 0) {
    // The lists are behind the end, wherever that has come to be.
    for (let at = first; at < behind; at += WORDS) {
      if (hasRow(words[at + HEAD]!)) words[at + ARGS]! += listed;
    }
  }
  const { lo, hi } = halves(block.pc);
  return { words, first, end: behind, offsets: last, lo, hi, count: offsets.length - 1 };
}

/** Word index of a value that needs no operation, or -1: constants, and the halves of a value where that lies. */
function placeWithout({ code, args, imm, imm2 }: Inst, places: Int32Array, constants: Constants): number {
  switch (code) {
    case CONST32:
      return constants.place(imm, imm >> 31);
    case CONST64:
      return constants.place(imm, imm2);
    case LO_HALF:
      return places[args[0]!.id]!;
    case HI_HALF:
      return places[args[0]!.id]! + 1;
    default:
      return -1;
  }
}

/** Lists the operand words of an operation that calls a function, their number first. */
function list({ args }: Inst, places: Int32Array, lists: number[]): void {
  const at = lists.push(0);
  for (const value of args) {
    const words = value.type === "v128" ? 4 : value.type === "i64" ? 2 : 1;
    for (let word = 0; word < words; word++) lists.push(places[value.id]! + word);
  }
  lists[at - 1] = lists.length - at;
}
