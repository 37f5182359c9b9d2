/** One operation as the interpreter executes it: operands are word indices of the value file. */
import type { Inst, Value } from "../../ir/types.ts";

/** Words a value takes in the value file: enough for a v128. */
export const VALUE_WORDS = 4;

/** One operation, prepared. */
export interface Step {
  /** Executes it. */
  readonly run: (step: Step) => void;
  /** Whether it can leave the block: the EVENT cell is looked at after it. */
  readonly exits: boolean;
  /** Word indices of the result and of the first three operands. */
  readonly to: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly imm: number;
  readonly imm2: number;
  /** The operation itself, for what few operations need. */
  readonly inst: Inst;
}

/** Word index of a value. */
export const wordOf = (value: Value | undefined): number => value === undefined ? 0 : value.id * VALUE_WORDS;
