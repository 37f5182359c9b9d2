/** What the code of the interpreter's loop is written with: fields of the operation that is executed, and values. */
import { Field } from "../interpreter/words.ts";
import { VALUE_FILE } from "../interpreter/program_space.ts";
import { loadOf, storeOf } from "./cell_locals.ts";
import type { FunctionCode, Label } from "./encoder.ts";
import { I32, I64, V128, W } from "./instructions.ts";
import type { IntegerWriter } from "./lowering_integer.ts";

/** An operand: the field that says where it lies in the value file, and its type. */
export interface LoopOperand {
  readonly field: number;
  readonly type: number;
}

/** Logarithm of the bytes of a word. */
export const WORD_SHIFT = 2;
const WORD_BYTES = 1 << WORD_SHIFT;

/** A function that executes operations, under construction. */
export class LoopWriter implements IntegerWriter<LoopOperand> {
  /** Where an operation is executed by its row of the reference. */
  row!: Label;
  /** Locals for what an operation needs in between, by type, and how many of them it has taken. */
  readonly #scratch = new Map<number, number[]>();
  readonly #taken = new Map<number, number>();

  /** @param at local: byte offset of the operation */
  constructor(readonly code: FunctionCode, readonly at: number) {}

  /** Before an operation is written: locals are free again. */
  begin(): void {
    this.#taken.clear();
  }

  scratch(type: number): number {
    const locals = this.#scratch.get(type) ?? [], taken = this.#taken.get(type) ?? 0;
    if (taken === locals.length) this.#scratch.set(type, [...locals, this.code.local(type)]);
    this.#taken.set(type, taken + 1);
    return this.#scratch.get(type)![taken]!;
  }

  /** Leaves a field, or with another load, two fields as one number. */
  pushField(field: number, load: number = W.i32_load): void {
    this.code.get(this.at);
    this.code.memory(load, field * WORD_BYTES);
  }

  /** Leaves the place of a value in the value file, in bytes. */
  pushPlace(field: number): void {
    this.pushField(field);
    this.code.opWith(W.i32_shl, WORD_SHIFT);
  }

  push({ field, type }: LoopOperand): void {
    this.pushPlace(field);
    this.code.memory(loadOf(type), VALUE_FILE);
  }

  pushCount(operand: LoopOperand): void {
    this.push(operand);
    this.code.op(W.i64_extend_i32_u);
  }

  operand(operand: LoopOperand): number {
    const local = this.scratch(operand.type);
    this.push(operand);
    this.code.set(local);
    return local;
  }

  /** Makes what `push` leaves the value whose place a field says. */
  setValue({ field, type }: LoopOperand, push: () => void): void {
    this.pushPlace(field);
    push();
    this.code.memory(storeOf(type), VALUE_FILE);
  }

  /** Leaves the cell of the state whose offset a field says. */
  pushCell({ field, type }: LoopOperand): void {
    this.pushField(field);
    this.code.memory(loadOf(type), 0);
  }

  /** Stores a value in a cell, `behind` bytes behind the offset that a field says. */
  setCell(field: number, value: LoopOperand, behind = 0): void {
    this.pushField(field);
    this.push(value);
    this.code.memory(storeOf(value.type), behind);
  }
}

/** Operands of 32, 64 and 128 bits. */
export const word = (field: number): LoopOperand => ({ field, type: I32 });
export const whole = (field: number): LoopOperand => ({ field, type: V128 });
export const wide = (field: number): LoopOperand => ({ field, type: I64 });

/** Fields of operands in their order. */
export const OPERAND_FIELDS: readonly number[] = [Field.A, Field.B, Field.C];
