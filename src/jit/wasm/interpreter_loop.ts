/**
 * The interpreter's loop as a function: executes one block's program. What it does not do by itself, a row of the reference
 * does; ends that do more than set RIP are left to the interpreter.
 */
import { BUDGET, EVENT, RIP } from "../../cpu/state.ts";
import { EndField, EndKind, EXITS, Field, OPERATION_MASK, OPERATION_WORDS } from "../interpreter/words.ts";
import type { FunctionCode, Imports, Label } from "./encoder.ts";
import { I32, VOID, W } from "./instructions.ts";
import { LOOP_OPERATIONS } from "./loop_operations.ts";
import { LoopWriter, wide, word, WORD_SHIFT } from "./loop_writer.ts";
import { storeCell } from "./state_cells.ts";

/** What the function calls a row by; an operation is told by the index of its first word. */
export const ROW = "ROW";

const OPERATION_BYTES = OPERATION_WORDS << WORD_SHIFT;
const TARGET = EndField.LO << WORD_SHIFT, TAKEN_BEHIND = (EndField.TAKEN_LO - EndField.LO) << WORD_SHIFT;

/** The code of the function (`BlockLoop`). */
export function interpreterLoopCode(imports: Imports): FunctionCode {
  const to = new LoopWriter(), { code, at } = to;
  storeCell(code, W.i32_store, BUDGET, () => {
    code.load(W.i32_load, BUDGET);
    code.get(to.count);
    code.op(W.i32_sub);
  });
  code.get(to.first);
  code.opWith(W.i32_shl, WORD_SHIFT);
  code.opWith(W.i32_sub, OPERATION_BYTES);
  code.set(at);
  const stop = code.open(W.block, VOID), next = code.open(W.loop, VOID);
  to.row = code.open(W.block, VOID);
  const ends: readonly (readonly [number, () => void])[] = [
    [EndKind.JUMP, () => pushJump(to)],
    [EndKind.BRANCH, () => pushBranch(to)],
    [EndKind.INDIRECT, () => to.push(wide(EndField.VALUE))],
  ];
  const labels: (Label | undefined)[] = Object.values(EndKind).map(() => stop);
  for (const [number] of [...ends, ...LOOP_OPERATIONS]) labels[number] = code.open(W.block, VOID);
  writeDispatch(to, labels);
  for (const [, write] of [...LOOP_OPERATIONS].reverse()) {
    code.end();
    to.begin();
    write(to);
    code.br(next);
  }
  for (const [, push] of [...ends].reverse()) {
    code.end();
    storeCell(code, W.i64_store, RIP, push);
    code.i32(0);
    code.op(W.return);
  }
  code.end();
  writeRow(to, imports, next);
  code.end();
  code.end();
  pushIndex(to);
  return code;
}

/** Goes to what the next operation, or the end, says. */
function writeDispatch(to: LoopWriter, labels: readonly (Label | undefined)[]): void {
  const { code, at, row } = to;
  code.get(at);
  code.opWith(W.i32_add, OPERATION_BYTES);
  code.tee(at);
  code.memory(W.i32_load16_u, Field.HEAD << WORD_SHIFT);
  code.opWith(W.i32_and, OPERATION_MASK);
  code.brTable(Array.from(labels, (label) => label ?? row), row);
}

/** Executes the operation by its row, and goes on unless that has raised an event. */
function writeRow(to: LoopWriter, imports: Imports, next: Label): void {
  const { code } = to;
  pushIndex(to);
  code.call(imports.index(ROW, [I32], false));
  to.pushField(Field.HEAD);
  code.opWith(W.i32_and, EXITS);
  code.op(W.i32_eqz);
  code.brIf(next);
  code.load(W.i32_load, EVENT);
  code.op(W.i32_eqz);
  code.brIfMostly(next);
}

/** Leaves the index of the operation's first word. */
function pushIndex({ code, at }: LoopWriter): void {
  code.get(at);
  code.opWith(W.i32_shr_u, WORD_SHIFT);
}

function pushJump({ code, at }: LoopWriter): void {
  code.get(at);
  code.memory(W.i64_load, TARGET);
}

/** Where it is taken, the target lies a bit behind. */
function pushBranch(to: LoopWriter): void {
  const { code, at } = to;
  code.get(at);
  code.i32(TAKEN_BEHIND);
  code.i32(0);
  to.push(word(EndField.VALUE));
  code.op(W.select);
  code.op(W.i32_add);
  code.memory(W.i64_load, TARGET);
}
