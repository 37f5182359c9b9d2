/**
 * Operations that the interpreter's loop in WebAssembly executes by itself, by what HEAD says. They mean what they mean in
 * the loop in JavaScript (jit/interpreter/operations.ts).
 */
import { type Opcode, type OpcodeInfo, opcodeNumber, OPCODES } from "../../ir/opcodes.ts";
import { Do, OPERATIONS } from "../interpreter/operations.ts";
import { Field } from "../interpreter/words.ts";
import { VALUE_FILE } from "../interpreter/program_space.ts";
import { loadOf, storeOf } from "./cell_locals.ts";
import { I32, I64, V128, W } from "./instructions.ts";
import { loopAccesses } from "./loop_accesses.ts";
import { type LoopOperand, type LoopWriter, OPERAND_FIELDS, whole, wide, word } from "./loop_writer.ts";
import { INTEGER_LOWERING, type IntegerOpcode } from "./lowering_integer.ts";

const { TO, A, B, C, IMM, IMM2, ARGS } = Field;
const LETTER_TYPES: Readonly<Record<string, number>> = { w: I32, q: I64, v: V128 };

/** Writes an operation. */
type Write = (to: LoopWriter) => void;

/** Writes an operation on integers, whose result and operands lie where fields say. */
function integer(to: LoopWriter, op: IntegerOpcode, result: number, fields: readonly number[]): void {
  const { signature }: OpcodeInfo = OPCODES[op], [letters, yields] = signature.split(":");
  const operands = [...letters!].map((letter, n): LoopOperand => ({
    field: fields[n]!,
    type: LETTER_TYPES[letter]!,
  }));
  to.setValue({ field: result, type: LETTER_TYPES[yields!]! }, () => INTEGER_LOWERING[op](to, operands));
}

const getCell = (to: LoopWriter, result: LoopOperand, cell: number): void =>
  to.setValue(result, () => to.pushCell({ field: cell, type: result.type }));

/** Sets of the cells that one field says where they begin. */
function setRow(to: LoopWriter, cell: number, fields: readonly number[]): void {
  for (const [n, field] of fields.entries()) to.setCell(cell, word(field), 4 * n);
}

/** Joined operations, and what is none of integers. */
const OTHERS: readonly (readonly [number, Write])[] = [
  [Do.CONST32, (to) => to.setValue(word(TO), () => to.pushField(IMM))],
  [Do.CONST64, (to) => to.setValue(wide(TO), () => to.pushField(IMM, W.i64_load))],
  [Do.FAULT_IF, (to) => {
    to.push(word(A));
    to.code.brIfRarely(to.row);
  }],
  [Do.GET32, (to) => getCell(to, word(TO), IMM)],
  [Do.GET64, (to) => getCell(to, wide(TO), IMM)],
  [Do.SET32, (to) => to.setCell(IMM, word(A))],
  [Do.SET64, (to) => to.setCell(IMM, wide(A))],
  [Do.SET32_TWICE, (to) => {
    to.setCell(IMM, word(A));
    to.setCell(IMM2, word(B));
  }],
  [Do.SET32_THRICE, (to) => {
    to.setCell(IMM, word(A));
    to.setCell(IMM2, word(B));
    to.setCell(TO, word(C));
  }],
  [Do.SET32_SIX, (to) => setRow(to, IMM, [A, B, C, TO, IMM2, ARGS])],
  [Do.SET64_GET64, (to) => {
    to.setCell(IMM, wide(A));
    getCell(to, wide(TO), IMM2);
  }],
  [Do.XOR32_TWICE, (to) => {
    integer(to, "xor32", TO, [A, B]);
    integer(to, "xor32", C, [IMM, IMM2]);
  }],
  [Do.GET64_ADD64, (to) => {
    getCell(to, wide(C), IMM);
    integer(to, "add64", TO, [A, B]);
  }],
  [Do.ADD64_SET64, (to) => {
    integer(to, "add64", TO, [A, B]);
    to.setCell(IMM, wide(C));
  }],
  [Do.ZEXT_SET64, (to) => {
    integer(to, "zext", TO, [A]);
    to.setCell(IMM, wide(B));
  }],
];

/** Writes an operation on whole vectors, of operands in this order. */
const vector = (to: LoopWriter, instruction: number, fields: readonly number[]): void =>
  to.setValue(whole(TO), () => {
    for (const field of fields) to.push(whole(field));
    to.code.op(instruction);
  });

/** Leaves the place of the lane of a vector that the immediate says. */
function pushLane(to: LoopWriter, field: number, laneShift: number): void {
  to.pushPlace(field);
  to.pushField(IMM);
  to.code.opWith(W.i32_shl, laneShift);
  to.code.op(W.i32_add);
}

function extract(to: LoopWriter, type: number, laneShift: number): void {
  to.setValue({ field: TO, type }, () => {
    pushLane(to, A, laneShift);
    to.code.memory(loadOf(type), VALUE_FILE);
  });
}

/** The result lies in no operand's place. */
function insert(to: LoopWriter, type: number, laneShift: number): void {
  to.setValue(whole(TO), () => to.push(whole(A)));
  pushLane(to, TO, laneShift);
  to.push({ field: B, type });
  to.code.memory(storeOf(type), VALUE_FILE);
}

/** Operations that move vectors and their parts, or combine their bits. */
const VECTORS = {
  getv: (to) => getCell(to, whole(TO), IMM),
  setv: (to) => to.setCell(IMM, whole(A)),
  vconst: (to) =>
    to.setValue(whole(TO), () => {
      to.pushField(IMM);
      to.code.op(W.i32x4_splat);
    }),
  vextract32: (to) => extract(to, I32, 2),
  vextract64: (to) => extract(to, I64, 3),
  vinsert32: (to) => insert(to, I32, 2),
  vinsert64: (to) => insert(to, I64, 3),
  vpair: (to) =>
    to.setValue(whole(TO), () => {
      to.push(wide(A));
      to.code.op(W.i64x2_splat);
      to.push(wide(B));
      to.code.lane(W.i64x2_replace_lane, 1);
    }),
  vand: (to) => vector(to, W.v128_and, [A, B]),
  vor: (to) => vector(to, W.v128_or, [A, B]),
  vxor: (to) => vector(to, W.v128_xor, [A, B]),
  vandn: (to) => vector(to, W.v128_andnot, [B, A]),
} as const satisfies Partial<Record<Opcode, Write>>;

/** Halves of a value are read where that lies. */
const INTEGER_OPCODES = (Object.keys(INTEGER_LOWERING) as IntegerOpcode[]).filter((op) =>
  op !== "lo" && op !== "hi"
);

/** All of them. */
export const LOOP_OPERATIONS: readonly (readonly [operation: number, write: Write])[] = [
  ...OTHERS,
  ...INTEGER_OPCODES.map((op): [number, Write] => [
    OPERATIONS[opcodeNumber(op)]!,
    (to) => integer(to, op, TO, OPERAND_FIELDS),
  ]),
  ...Object.entries(VECTORS).map(([op, write]): [number, Write] => [
    OPERATIONS[opcodeNumber(op as Opcode)]!,
    write,
  ]),
  ...loopAccesses(),
];
