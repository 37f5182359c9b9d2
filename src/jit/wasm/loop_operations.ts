/**
 * Operations that the interpreter's loop in WebAssembly executes by itself, by what HEAD says. They mean what they mean in
 * the loop in JavaScript (jit/interpreter/operations.ts).
 */
import { type OpcodeInfo, opcodeNumber, OPCODES } from "../../ir/opcodes.ts";
import { Do, OPERATIONS } from "../interpreter/operations.ts";
import { Field } from "../interpreter/words.ts";
import { I32, I64, V128 } from "./instructions.ts";
import { loopAccesses } from "./loop_accesses.ts";
import { type LoopOperand, type LoopWriter, OPERAND_FIELDS, wide, word } from "./loop_writer.ts";
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
  ...loopAccesses(),
];
