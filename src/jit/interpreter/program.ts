/** A block as the interpreter executes it: numbers in one array, a tenth of the size of the IR they are made from. */
import { type OpcodeInfo, OPCODES } from "../../ir/opcodes.ts";
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

/** Opcodes whose meaning is a table of functions. */
const FUNCTION_OPCODES: ReadonlySet<string> = new Set([
  ...Object.keys(VECTOR_OPCODES),
  ...Object.keys(FLOAT_OPCODES),
]);

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
  const listAt = insts.map((inst) => list(inst, end, lists));
  const words = new Int32Array(end + lists.length + offsets.length);
  for (const [n, inst] of insts.entries()) {
    const { args, imm, imm2, guest, type } = inst;
    const info: OpcodeInfo = OPCODES[inst.op];
    const at = n * OPERATION_WORDS;
    words[at + Field.HEAD] = inst.code | (info.exits === true ? EXITS : 0) | (guest << GUEST_SHIFT);
    words[at + Field.TO] = wordOf(inst);
    words[at + Field.A] = wordOf(args[0]);
    words[at + Field.B] = wordOf(args[1]);
    words[at + Field.C] = wordOf(args[2]);
    words[at + Field.IMM] = imm;
    words[at + Field.IMM2] = listAt[n] === 0 ? imm2 : RESULT_KINDS[type];
    words[at + Field.ARGS] = listAt[n]!;
  }
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

/** Lists the operand words of an operation that calls a function; returns where, or 0 for the other operations. */
function list(inst: Inst, end: number, lists: number[]): number {
  if (!callsFunction(inst)) return 0;
  const at = end + lists.length;
  const words = inst.args.flatMap((value) => {
    const count = value.type === "v128" ? 4 : value.type === "i64" ? 2 : 1;
    return Array.from({ length: count }, (_, word) => wordOf(value) + word);
  });
  lists.push(words.length, ...words);
  return at;
}

/** Whether the operation's meaning is a function in the calling convention of helpers (or it yields a v128 as they do). */
function callsFunction({ op }: Inst): boolean {
  return op === "call" || op === "callpure" || op === "loadv" || FUNCTION_OPCODES.has(op);
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
