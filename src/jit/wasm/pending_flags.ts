/**
 * Flags that a region leaves to be computed: it stores the operands of their recipe, and the place of the function for recipes of
 * that form. Most are overwritten in the next region; where one looks at flags, or WebAssembly is left, the function is called.
 */
import { MOST_PENDING_OPERANDS, PENDING_FLAGS, PENDING_OPERANDS } from "../../cpu/state.ts";
import type { Value } from "../../ir/types.ts";
import { loadOf, storeOf } from "./cell_locals.ts";
import { FunctionCode } from "./encoder.ts";
import { ALL_FLAGS, flagOffset, type Recipe } from "./flags.ts";
import { I32, VOID, W } from "./instructions.ts";
import { localType } from "./lowering.ts";
import { INTEGER_LOWERING, type IntegerOpcode, type IntegerWriter } from "./lowering_integer.ts";
import { storeCell } from "./state_cells.ts";

const OPERAND_BYTES = 8;

/** The functions that there are, by the forms of recipes. */
export class FlagFunctions {
  readonly #places = new Map<string, number>();

  /** @param place gives a function a place in the table of regions */
  constructor(readonly place: (name: string, code: FunctionCode) => number) {}

  /** The place of the one that a recipe needs, which has been made if there was none. */
  placeOf(recipe: Recipe): number {
    const { form } = recipe;
    let place = this.#places.get(form);
    if (place === undefined) {
      place = this.place(`flags_${this.#places.size}`, flagFunctionCode(recipe));
      this.#places.set(form, place);
    }
    return place;
  }
}

/** Writes code that computes the flags that are pending. */
export function settlePending(code: FunctionCode): void {
  code.load(W.i32_load, PENDING_FLAGS);
  code.openHinted(VOID, 0);
  code.i32(0);
  code.load(W.i32_load, PENDING_FLAGS);
  code.callIndirect();
  code.op(W.drop);
  code.end();
}

/**
 * Writes code that makes the flags of a recipe pending.
 *
 * @param push leaves a parameter on the stack
 */
export function leavePending(
  code: FunctionCode,
  recipe: Recipe,
  functions: FlagFunctions,
  push: (value: Value) => void,
): void {
  // What it does not define may be pending already.
  if (recipe.mask !== ALL_FLAGS) settlePending(code);
  for (const [n, value] of recipe.parameters.entries()) {
    storeCell(code, storeOf(localType(value)), operandCell(n), () => push(value));
  }
  storeCell(code, W.i32_store, PENDING_FLAGS, () => code.i32(functions.placeOf(recipe)));
}

function operandCell(n: number): number {
  if (n >= MOST_PENDING_OPERANDS) {
    throw new RangeError(`Flags have more than ${MOST_PENDING_OPERANDS} operands`);
  }
  return PENDING_OPERANDS + OPERAND_BYTES * n;
}

/** The code of the function for a recipe's form. It returns 0, as functions in the table return something. */
export function flagFunctionCode(recipe: Recipe): FunctionCode {
  const to = new FlagWriter(recipe), { code } = to;
  for (const [flag, expression] of recipe.expressions.entries()) {
    if (expression === undefined) continue;
    storeCell(code, W.i32_store, flagOffset(flag), () => to.push(expression));
  }
  storeCell(code, W.i32_store, PENDING_FLAGS, () => code.i32(0));
  code.i32(0);
  return code;
}

/** Writes expressions over the operands that are pending. */
class FlagWriter implements IntegerWriter<Value> {
  /** Its parameter says nothing. */
  readonly code = new FunctionCode([I32]);
  /** Locals of what has been computed. */
  readonly #locals = new Map<Value, number>();

  constructor({ parameters }: Recipe) {
    for (const [n, value] of parameters.entries()) {
      this.code.load(loadOf(localType(value)), operandCell(n));
      this.code.set(this.#note(value));
    }
  }

  push(value: Value): void {
    const known = this.#locals.get(value);
    if (known !== undefined) return this.code.get(known);
    // Constants of the form: others are operands.
    if (value.op === "const32") return this.code.i32(value.imm);
    if (value.op === "const64") return this.code.i64(value.imm, value.imm2);
    INTEGER_LOWERING[value.op as IntegerOpcode](this, value.args);
    this.code.tee(this.#note(value));
  }

  pushCount(value: Value): void {
    this.push(value);
    this.code.op(W.i64_extend_i32_u);
  }

  operand(value: Value): number {
    const known = this.#locals.get(value);
    if (known !== undefined) return known;
    this.push(value);
    const local = this.#note(value);
    this.code.set(local);
    return local;
  }

  scratch(type: number): number {
    return this.code.local(type);
  }

  /** The local that a value is kept in. */
  #note(value: Value): number {
    let local = this.#locals.get(value);
    if (local === undefined) this.#locals.set(value, local = this.scratch(localType(value)));
    return local;
  }
}
