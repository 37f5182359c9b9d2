/**
 * The interpreter's loop as functions: executes one block's program. What they do not do by themselves, a row of the reference
 * does; ends that do more than set RIP are left to the interpreter.
 */
import { BUDGET, EVENT, RIP } from "../../cpu/state.ts";
import { Do } from "../interpreter/operations.ts";
import { EndField, EndKind, EXITS, Field, OPERATION_MASK, OPERATION_WORDS } from "../interpreter/words.ts";
import { FunctionCode, type Imports, type Label } from "./encoder.ts";
import { I32, VOID, W } from "./instructions.ts";
import { LOOP_OPERATIONS } from "./loop_operations.ts";
import { LoopWriter, wide, word, WORD_SHIFT } from "./loop_writer.ts";
import { storeCell } from "./state_cells.ts";

/** What the functions call a row by, and what the loop calls the other one by. An operation is told by the index of its first word. */
export const ROW = "ROW", RARE = "RARE";

const OPERATION_BYTES = OPERATION_WORDS << WORD_SHIFT;
const TARGET = EndField.LO << WORD_SHIFT, TAKEN_BEHIND = (EndField.TAKEN_LO - EndField.LO) << WORD_SHIFT;

type Operations = typeof LOOP_OPERATIONS;
/**
 * What the loops in both languages have in line is 97 of 100 operations; the others are in a function of their own. V8's
 * optimizing compiler takes twice as long for all in one function, each time a program is started.
 */
const FREQUENT: Operations = LOOP_OPERATIONS.filter(([number]) => number < Do.ROWS);
const OTHERS: Operations = LOOP_OPERATIONS.filter(([number]) => number >= Do.ROWS);

/** The code of the loop (`BlockLoop`), which calls RARE. */
export function interpreterLoopCode(imports: Imports): FunctionCode {
  const code = new FunctionCode([I32, I32]), first = 0, count = 1, at = code.local(I32);
  const to = new LoopWriter(code, at);
  storeCell(code, W.i32_store, BUDGET, () => {
    code.load(W.i32_load, BUDGET);
    code.get(count);
    code.op(W.i32_sub);
  });
  code.get(first);
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
  for (const [number] of ends) labels[number] = code.open(W.block, VOID);
  code.get(at);
  code.opWith(W.i32_add, OPERATION_BYTES);
  code.set(at);
  writeOperations(to, FREQUENT, labels, () => code.br(next));
  for (const [, push] of [...ends].reverse()) {
    code.end();
    storeCell(code, W.i64_store, RIP, push);
    code.i32(0);
    code.op(W.return);
  }
  code.end();
  pushIndex(to);
  code.call(imports.index(RARE, [I32], true));
  code.op(W.i32_eqz);
  code.brIfMostly(next);
  code.end();
  code.end();
  pushIndex(to);
  return code;
}

/**
 * The code of the function that executes one operation: one that the loop does not have, or leaves to its row. Returns the
 * event that it has raised, or 0.
 */
export function rareOperationCode(imports: Imports): FunctionCode {
  const code = new FunctionCode([I32]), index = 0, at = code.local(I32), to = new LoopWriter(code, at);
  code.get(index);
  code.opWith(W.i32_shl, WORD_SHIFT);
  code.set(at);
  to.row = code.open(W.block, VOID);
  writeOperations(to, OTHERS, [], () => {
    code.i32(0);
    code.op(W.return);
  });
  code.end();
  code.get(index);
  code.call(imports.index(ROW, [I32], false));
  // Other rows raise none: what is in EVENT is older.
  to.pushField(Field.HEAD);
  code.opWith(W.i32_and, EXITS);
  code.open(W.if, I32);
  code.load(W.i32_load, EVENT);
  code.else();
  code.i32(0);
  code.end();
  return code;
}

/**
 * Writes operations, and the dispatch to them.
 *
 * @param labels where kinds of ends lead; what has none, and is no operation here, is left to the row
 * @param goOn writes what follows each
 */
function writeOperations(
  to: LoopWriter,
  operations: Operations,
  labels: (Label | undefined)[],
  goOn: () => void,
): void {
  const { code, at, row } = to;
  for (const [number] of operations) labels[number] = code.open(W.block, VOID);
  code.get(at);
  code.memory(W.i32_load16_u, Field.HEAD << WORD_SHIFT);
  code.opWith(W.i32_and, OPERATION_MASK);
  code.brTable(Array.from(labels, (label) => label ?? row), row);
  for (const [, write] of [...operations].reverse()) {
    code.end();
    to.begin();
    write(to);
    goOn();
  }
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
