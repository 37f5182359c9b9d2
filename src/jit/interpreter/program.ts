/** A block as the interpreter executes it: numbers in one array, a tenth of the size of the IR they are made from. */
import { OPCODE_NAMES, type OpcodeInfo, OPCODES } from "../../ir/opcodes.ts";
import type { Terminal } from "../../ir/terminal.ts";
import { FLOAT_OPCODES } from "../../ir/float_opcodes.ts";
import type { Block, Inst, Type, Value } from "../../ir/types.ts";
import { VECTOR_OPCODES } from "../../ir/vector_opcodes.ts";

/** Words a value takes in the value file: enough for a v128. */
export const VALUE_WORDS = 4;

/** Words of an operation. */
export const OPERATION_WORDS = 8;
/** Fields of an operation, as offsets from its first word. Operands and results are word indices of the value file. */
export const Field = {
  /** Opcode number (ir/opcodes.ts), EXITS, and the guest instruction above GUEST_SHIFT. */
  HEAD: 0,
  TO: 1,
  A: 2,
  B: 3,
  C: 4,
  IMM: 5,
  IMM2: 6,
  /** Of operations that call functions, in the place of IMM2: what they yield (`ResultKind`). */
  RESULT: 6,
  /** Where the operands' words are listed, one by one, their number first. */
  ARGS: 7,
} as const;

/** Bits of HEAD. */
export const OPCODE_MASK = 0x7fff, EXITS = 0x8000, GUEST_SHIFT = 16;

/** What a called function yields. */
export const ResultKind = { VOID: 0, I32: 1, I64: 2, V128: 3 } as const;
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

/** An address in halves. */
export interface Address {
  readonly lo: number;
  readonly hi: number;
}

/** How a program ends: the block's terminal in numbers. `value` is a word index of the value file. */
export type End =
  | { readonly kind: "jump"; readonly to: Address }
  | { readonly kind: "branch"; readonly value: number; readonly taken: Address; readonly next: Address }
  | { readonly kind: "indirect"; readonly value: number; readonly redispatch: boolean }
  | { readonly kind: "vmfunc"; readonly next: Address }
  | {
    readonly kind: "event";
    readonly event: number;
    readonly vector: number;
    readonly error: number;
    readonly to: Address;
    readonly undo: number;
  };

/** An assembled block. */
export interface Program {
  /** Operations, then lists of operands, then the offset of each guest instruction from the block's start. */
  readonly words: Int32Array;
  /** Where the operations end, and where the offsets start. */
  readonly end: number;
  readonly offsets: number;
  readonly start: Address;
  /** Guest instructions. */
  readonly count: number;
  readonly terminal: End;
}

/** Assembles a block. */
export function assemble(block: Block): Program {
  const { insts, offsets, terminal } = block;
  const end = insts.length * OPERATION_WORDS;
  const lists: number[] = [];
  const operations = end <= BUFFER.length ? BUFFER : new Int32Array(end);
  let at = 0;
  for (const inst of insts) {
    const { args, code, guest } = inst;
    const listed = CALLS_FUNCTION[code] === 1;
    operations[at + Field.HEAD] = code | EXIT_BITS[code]! | (guest << GUEST_SHIFT);
    operations[at + Field.TO] = wordOf(inst);
    operations[at + Field.A] = wordOf(args[0]);
    operations[at + Field.B] = wordOf(args[1]);
    operations[at + Field.C] = wordOf(args[2]);
    operations[at + Field.IMM] = inst.imm;
    operations[at + Field.IMM2] = listed ? RESULT_KINDS[inst.type] : inst.imm2;
    operations[at + Field.ARGS] = listed ? end + lists.length : 0;
    if (listed) list(inst, lists);
    at += OPERATION_WORDS;
  }
  const words = new Int32Array(end + lists.length + offsets.length);
  words.set(operations.subarray(0, end));
  words.set(lists, end);
  words.set(offsets, end + lists.length);
  return {
    words,
    end,
    offsets: end + lists.length,
    start: halves(block.pc),
    count: offsets.length - 1,
    terminal: endOf(terminal),
  };
}

/** Lists the operand words of an operation that calls a function, their number first. */
function list({ args }: Inst, lists: number[]): void {
  const at = lists.push(0);
  for (const value of args) {
    const words = value.type === "v128" ? 4 : value.type === "i64" ? 2 : 1;
    for (let word = 0; word < words; word++) lists.push(wordOf(value) + word);
  }
  lists[at - 1] = lists.length - at;
}

/** Word index of a value. */
function wordOf(value: Value | undefined): number {
  return value === undefined ? 0 : value.id * VALUE_WORDS;
}

/** Halves of an address. */
export function halves(address: bigint): Address {
  return { lo: Number(BigInt.asIntN(32, address)), hi: Number(BigInt.asIntN(32, address >> 32n)) };
}

function endOf(terminal: Terminal): End {
  switch (terminal.kind) {
    case "jump":
      return { kind: "jump", to: halves(terminal.target) };
    case "branch": {
      const { condition, taken, next } = terminal;
      return { kind: "branch", value: wordOf(condition), taken: halves(taken), next: halves(next) };
    }
    case "indirect":
    case "redispatch":
      return { kind: "indirect", value: wordOf(terminal.target), redispatch: terminal.kind === "redispatch" };
    case "vmfunc":
      return { kind: "vmfunc", next: halves(terminal.next) };
    case "event": {
      const { event, vector, error, rip, retired } = terminal;
      return { kind: "event", event, vector, error, to: halves(rip), undo: retired ? 0 : 1 };
    }
  }
}
