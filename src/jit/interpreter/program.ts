/** A block as the interpreter executes it: numbers in one array, a tenth of the size of the IR they are made from. */
import { OPCODE_NAMES, type OpcodeInfo, OPCODES } from "../../ir/opcodes.ts";
import type { Terminal } from "../../ir/terminal.ts";
import { FLOAT_OPCODES } from "../../ir/float_opcodes.ts";
import type { Block, Inst, Type } from "../../ir/types.ts";
import { VECTOR_OPCODES } from "../../ir/vector_opcodes.ts";
import type { Constants } from "./constants.ts";
import type { ProgramStore } from "./program_store.ts";
import { joinSets, OPERATIONS } from "./operations.ts";
import { EXITS, Field, GUEST_SHIFT, OPERATION_WORDS, VALUE_WORDS } from "./words.ts";

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
/** Where the operations of a block are put together. */
const BUFFER = new Int32Array(0x1000);
/** Where the values of a block lie, by id. */
const PLACES = new Int32Array(0x400);

/** An address in halves. */
export interface Address {
  readonly lo: number;
  readonly hi: number;
}

/** Kinds of ends. */
export const EndKind = { JUMP: 0, BRANCH: 1, INDIRECT: 2, REDISPATCH: 3, VMFUNC: 4, EVENT: 5 } as const;

/** How a program ends: the block's terminal in numbers. All have all fields, so that all are read by the same code. */
export interface End {
  readonly kind: (typeof EndKind)[keyof typeof EndKind];
  /** Word index of the condition or of the target in the value file. */
  readonly value: number;
  /** Where it goes on: of a branch, where the condition is 0; and where it is not. */
  readonly lo: number;
  readonly hi: number;
  readonly takenLo: number;
  readonly takenHi: number;
  /** Of events; `undo`: instructions that have not been executed. */
  readonly event: number;
  readonly vector: number;
  readonly error: number;
  readonly undo: number;
}

/** An assembled block. */
export interface Program {
  /** Operations, then lists of operands, then the offset of each guest instruction from the block's start. */
  readonly words: Int32Array;
  /** Where the operations start and end, and where the offsets start. */
  readonly first: number;
  readonly end: number;
  readonly offsets: number;
  readonly start: Address;
  /** Guest instructions. */
  readonly count: number;
  readonly terminal: End;
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
    const listed = CALLS_FUNCTION[code] === 1;
    operations[end + HEAD] = OPERATIONS[code]! | EXIT_BITS[code]! | (guest << GUEST);
    operations[end + TO] = places[inst.id]!;
    operations[end + A] = args.length > 0 ? places[args[0]!.id]! : 0;
    operations[end + B] = args.length > 1 ? places[args[1]!.id]! : 0;
    operations[end + C] = args.length > 2 ? places[args[2]!.id]! : 0;
    operations[end + IMM] = inst.imm;
    operations[end + IMM2] = listed ? RESULT_KINDS[inst.type] : inst.imm2;
    operations[end + ARGS] = listed ? lists.length : 0;
    if (listed) list(inst, places, lists);
    if (!joinSets(operations, end)) end += WORDS;
  }
  const first = store.take(end + lists.length + offsets.length), { words } = store;
  const behind = first + end, last = behind + lists.length;
  for (let n = 0; n < end; n++) words[first + n] = operations[n]!;
  for (let n = 0; n < lists.length; n++) words[behind + n] = lists[n]!;
  for (let n = 0; n < offsets.length; n++) words[last + n] = offsets[n]!;
  if (lists.length > 0) {
    // The lists are behind the operations, as many as there have come to be.
    for (let at = first + ARGS; at < behind; at += WORDS) words[at]! += behind;
  }
  return {
    words,
    first,
    end: behind,
    offsets: last,
    start: halves(block.pc),
    count: offsets.length - 1,
    terminal: endOf(terminal, places),
  };
}

/** Word index of a value that needs no operation, or -1: constants, and the halves of a value where that lies. */
function placeWithout({ op, args, imm, imm2 }: Inst, places: Int32Array, constants: Constants): number {
  switch (op) {
    case "const32":
      return constants.place(imm, imm >> 31);
    case "const64":
      return constants.place(imm, imm2);
    case "lo":
      return places[args[0]!.id]!;
    case "hi":
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

/** Halves of an address. */
export function halves(address: bigint): Address {
  return { lo: Number(BigInt.asIntN(32, address)), hi: Number(BigInt.asIntN(32, address >> 32n)) };
}

function endOf(terminal: Terminal, places: Int32Array): End {
  switch (terminal.kind) {
    case "jump":
      return end(EndKind.JUMP, 0, halves(terminal.target));
    case "branch":
      return end(
        EndKind.BRANCH,
        places[terminal.condition.id]!,
        halves(terminal.next),
        halves(terminal.taken),
      );
    case "indirect":
      return end(EndKind.INDIRECT, places[terminal.target.id]!);
    case "redispatch":
      return end(EndKind.REDISPATCH, places[terminal.target.id]!);
    case "vmfunc":
      return end(EndKind.VMFUNC, 0, halves(terminal.next));
    case "event":
      return end(EndKind.EVENT, 0, halves(terminal.rip), NOWHERE, terminal);
  }
}

const NOWHERE: Address = { lo: 0, hi: 0 };
const NO_EVENT = { event: 0, vector: 0, error: 0, retired: true };

function end(
  kind: End["kind"],
  value: number,
  { lo, hi }: Address = NOWHERE,
  taken: Address = NOWHERE,
  { event, vector, error, retired }: typeof NO_EVENT = NO_EVENT,
): End {
  const undo = retired ? 0 : 1;
  return { kind, value, lo, hi, takenLo: taken.lo, takenHi: taken.hi, event, vector, error, undo };
}
