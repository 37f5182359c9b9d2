/**
 * Status flags that are computed when somebody asks. Where control may leave a block, the six flag cells (cpu/state.ts) are
 * a function of a few values; that function is a `Recipe`, known when the region is compiled, and compiled code keeps its
 * operands in locals with the recipe's number. Most flags are overwritten before anybody asks.
 */
import { opcodeNumber } from "../../ir/opcodes.ts";
import { Inst, type Value } from "../../ir/types.ts";
import { CF, MOST_PENDING_OPERANDS, OF } from "../../cpu/state.ts";
import { Trait, TRAITS } from "./traits.ts";

/** Flag cells: CF, PF, AF, ZF, SF, OF, in the order of the state. */
export const FLAG_COUNT: number = (OF - CF) / 4 + 1;
export const ALL_FLAGS: number = (1 << FLAG_COUNT) - 1;

/** Number of the flag cell at a state offset, or -1. */
export function flagNumber(offset: number): number {
  return offset >= CF && offset <= OF ? (offset - CF) >> 2 : -1;
}
/** State offset of a flag cell. */
export const flagOffset = (flag: number): number => CF + 4 * flag;

/** What the flag cells are at a place in a block: a value of the block, or undefined as before the block. */
export type FlagValues = readonly (Value | undefined)[];

/** Flags that a place in a block has defined, as a mask. */
export function definedFlags(flags: FlagValues): number {
  let mask = 0;
  for (let n = 0; n < flags.length; n++) if (flags[n] !== undefined) mask |= 1 << n;
  return mask;
}

/** How flags follow from operands. */
export interface Recipe {
  /** From 1; 0 stands for "the cells are as they should be". */
  readonly number: number;
  /** Flags that it defines, as a mask. */
  readonly mask: number;
  /** By flag: an expression over operands, which `operandOf` tells from other values. */
  readonly expressions: readonly (Value | undefined)[];
  /** What is the same for all recipes that differ only in their parameters: the operands, and most constants, of the expressions. */
  readonly form: string;
  readonly parameters: readonly Value[];
}

/** The flags at a place in a block as a function of values. */
export interface FlagUse {
  readonly form: string;
  readonly flags: FlagValues;
  readonly operands: readonly Value[];
  /** Constants that are parameters. */
  readonly constants: readonly Value[];
  /** What `Recipes.place` has made of it, by which operands are in registers (a mask). */
  readonly placed: (PlacedUse | undefined)[];
}

/** Whether a use has more parameters than may be pending: then the block computes the flags. */
export const isLarge = ({ operands, constants }: FlagUse): boolean =>
  operands.length + constants.length > MOST_PENDING_OPERANDS;

/** Where a recipe finds an operand: in a register (all of it, or its low half), or in a local kept for operands. */
export type Operand =
  | { readonly kind: "register"; readonly cell: number; readonly low: boolean }
  | { readonly kind: "kept"; readonly wide: boolean; readonly slot: number };

/** A recipe, and the values to be kept for it. */
export interface PlacedUse {
  readonly recipe: Recipe;
  readonly kept: readonly { readonly value: Value; readonly wide: boolean; readonly slot: number }[];
}

/** Most operands of a recipe that are found in registers. */
export const MOST_IN_REGISTERS = 16;

/** Id of the values that expressions consist of: they stand in no block. */
const NO_BLOCK = -1;
/** Second immediates of operands. */
const KEPT = 0, REGISTER = 1, LOW_REGISTER = 2;

/** Whether a value is part of a recipe's expression. */
export const isExpression = (value: Value): boolean => value.id === NO_BLOCK;
/** Where a value of an expression is found, if it is an operand. */
export function operandOf({ op, imm, imm2 }: Value): Operand | undefined {
  if (op !== "get32" && op !== "get64") return undefined;
  if (imm2 === KEPT) return { kind: "kept", wide: op === "get64", slot: imm };
  return { kind: "register", cell: imm, low: imm2 === LOW_REGISTER };
}

/** Whether a value may be computed where flags are asked for instead of where the block has it. */
export function canBeLate({ code }: Value): boolean {
  return (TRAITS[code]! & Trait.LATE) !== 0;
}

const isConstant = ({ code }: Value): boolean => (TRAITS[code]! & Trait.CONSTANT) !== 0;
/** Whether a constant is part of the form: 0, 1 and -1 mostly say what is done, others with what. */
const isOfForm = ({ op, imm, imm2 }: Value): boolean =>
  imm >= -1 && imm <= 1 && (op === "const32" || imm2 === imm >> 31);

/** Adds to `found` the operands that the flags follow from: values that `isEarly`, or cannot be late. */
export function collectOperands(
  flags: FlagValues,
  isEarly: (value: Value) => boolean,
  found: Value[],
): void {
  const visit = (value: Value): void => {
    if (isConstant(value)) return;
    if (isEarly(value) || !canBeLate(value)) found.push(value);
    else for (const operand of value.args) visit(operand);
  };
  for (const value of flags) if (value !== undefined) visit(value);
}

/** The recipes of a region. */
export class Recipes {
  /** By number; 0 has none. */
  readonly list: (Recipe | undefined)[] = [undefined];
  readonly #byKey = new Map<string, PlacedUse["recipe"]>();

  /** The flags as they are at a place, where `isEarly` tells which values the block computes. */
  use(flags: FlagValues, isEarly: (value: Value) => boolean): FlagUse {
    const operands: Value[] = [], constants: Value[] = [], keys = new Map<Value, string>();
    const describe = (value: Value): string => {
      if (isConstant(value)) {
        return isOfForm(value)
          ? `${value.op}.${value.imm}`
          : `${value.type === "i64" ? "Q" : "W"}${constants.push(value) - 1}`;
      }
      if (!isEarly(value) && canBeLate(value)) {
        return `${value.op}.${value.imm}(${value.args.map(keyOf).join(",")})`;
      }
      return `${value.type === "i64" ? "q" : "w"}${operands.push(value) - 1}`;
    };
    const keyOf = (value: Value): string => {
      let key = keys.get(value);
      if (key === undefined) keys.set(value, key = describe(value));
      return key;
    };
    const form = flags.map((value) => value === undefined ? "" : keyOf(value)).join(";");
    return { form, flags, operands, constants, placed: [] };
  }

  /**
   * The recipe with some operands in the registers that hold them, the others kept.
   *
   * @param registers by operand: the register, always the same for a use
   * @param mask which of those are to be used; only the first MOST_IN_REGISTERS can be
   */
  place(use: FlagUse, registers: readonly (Operand | undefined)[], mask: number): PlacedUse {
    // Regions ask for the same again and again: the keys are long, and so it is worth while to remember.
    return use.placed[mask] ??= this.#place(use, registers, mask);
  }

  #place(
    { form, flags, operands, constants }: FlagUse,
    registers: readonly (Operand | undefined)[],
    mask: number,
  ): PlacedUse {
    let wide = 0, narrow = 0, full = `${form}@`;
    for (const { imm, imm2 } of constants) full += `${imm}.${imm2},`;
    const places: Operand[] = [], kept: PlacedUse["kept"][number][] = [];
    for (const [n, value] of operands.entries()) {
      const register = n < MOST_IN_REGISTERS && (mask & (1 << n)) !== 0 ? registers[n] : undefined;
      if (register?.kind === "register") {
        places.push(register);
        full += `${register.cell}${register.low ? "l" : ""},`;
        continue;
      }
      const isWide = value.type === "i64", slot = isWide ? wide++ : narrow++;
      places.push({ kind: "kept", wide: isWide, slot });
      kept.push({ value, wide: isWide, slot });
      full += ",";
    }
    let recipe = this.#byKey.get(full);
    if (recipe === undefined) {
      const copy = copier(new Map(operands.map((value, n) => [value, places[n]!])));
      recipe = {
        number: this.list.length,
        mask: definedFlags(flags),
        expressions: flags.map((value) => value === undefined ? undefined : copy(value)),
        form,
        parameters: [...operands, ...constants].map(copy),
      };
      this.list.push(recipe);
      this.#byKey.set(full, recipe);
    }
    return { recipe, kept };
  }
}

/** What copies expressions, apart from the block. */
function copier(operands: ReadonlyMap<Value, Operand>): (value: Value) => Value {
  const made = new Map<Value, Value>();
  const copy = (value: Value): Value => {
    const known = made.get(value);
    if (known !== undefined) return known;
    const operand = operands.get(value);
    const result = operand === undefined
      ? new Inst(value.code, value.type, value.args.map(copy), value.imm, value.imm2, value.guest)
      : operandValue(value, operand);
    result.id = NO_BLOCK;
    made.set(value, result);
    return result;
  };
  return copy;
}

const GET32 = opcodeNumber("get32"), GET64 = opcodeNumber("get64");

function operandValue({ type, guest }: Value, operand: Operand): Value {
  const code = type === "i64" ? GET64 : GET32;
  return operand.kind === "kept"
    ? new Inst(code, type, [], operand.slot, KEPT, guest)
    : new Inst(code, type, [], operand.cell, operand.low ? LOW_REGISTER : REGISTER, guest);
}
