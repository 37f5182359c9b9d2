/** What the emitter decides about a block's values before it writes any: which are computed, where, and for how long. */
import { terminalValue } from "../../ir/passes/blocks.ts";
import type { Block, Inst, Value } from "../../ir/types.ts";
import { CALLED_CELLS } from "./cell_locals.ts";
import {
  ALL_FLAGS,
  collectOperands,
  definedFlags,
  FLAG_COUNT,
  flagNumber,
  type FlagUse,
  type FlagValues,
  isLarge,
  type Operand,
  type Recipes,
} from "./flags.ts";
import { reloadsCells, Trait, TRAITS } from "./traits.ts";

/** Where a value is computed. */
export const Place = {
  /** Nowhere: nobody needs it, or only flags that are computed late. */
  NOWHERE: 0,
  /** Where it stands, into a local. */
  LOCAL: 1,
  /** Where its only user is. */
  INLINE: 2,
  /** It is a register's local, which does not change while the value is needed. */
  REGISTER: 3,
  CONSTANT: 4,
} as const;

/** The flags at a place where control can leave. */
export interface FlagState {
  /** Flags not defined are as at the start of the block; or if not `inherits`, in their cells. */
  readonly inherits: boolean;
  readonly values: FlagValues;
  readonly mask: number;
  /** How they follow from values; undefined if none is defined. */
  use: FlagUse | undefined;
}

/** Decisions about a block. Arrays are by value, or by position. */
export interface BlockPlan {
  readonly place: Uint8Array;
  /** Position of the last mention. */
  readonly last: Int32Array;
  /** For operations that can leave: the flags before them. */
  readonly stateAt: readonly (FlagState | undefined)[];
  readonly end: FlagState;
  /** For reads of flags that the block has defined, by id: the value. */
  readonly forwarded: readonly (Value | undefined)[];
  /** Flags of the start of the block that something observes, the terminal aside. */
  readonly observed: number;
  /** Where the end's operands are found in registers. */
  readonly endRegisters: readonly (Operand | undefined)[];
  /** Registers that change while something behind still observes flags of the block's start; if the end does, and if not. */
  readonly clobbered: { readonly live: ReadonlySet<number>; readonly dead: ReadonlySet<number> };
}

// What is known of values by id while a block is planned; making such arrays takes longer than using them.
let NEEDED = new Uint8Array(0x400), USES = new Uint16Array(0x400);
/** Where a value is computed, and the position of its last user that was met. */
let POSITION = new Int32Array(0x400), USER = new Int32Array(0x400);

/** Plans a block. `isLocal` tells which cells live in locals. */
export function planBlock(block: Block, recipes: Recipes, isLocal: (offset: number) => boolean): BlockPlan {
  const { insts, terminal } = block, count = insts.length;
  const { stateAt, states, end, forwarded, observed } = followFlags(block);

  if (NEEDED.length < count) {
    NEEDED = new Uint8Array(2 * count);
    USES = new Uint16Array(2 * count);
    POSITION = new Int32Array(2 * count);
    USER = new Int32Array(2 * count);
  }
  const needed = NEEDED.fill(0, 0, count);
  const need = (value: Value): void => {
    if (needed[value.id] !== 0) return;
    needed[value.id] = 1;
    const other = forwarded[value.id], { args } = value;
    if (other !== undefined) need(other);
    else for (let n = 0; n < args.length; n++) need(args[n]!);
  };
  const final = terminalValue(terminal);
  if (final !== undefined) need(final);
  for (let i = 0; i < count; i++) {
    const inst = insts[i]!;
    if (isEffect(inst)) need(inst);
    if (reloadsCells(inst)) eachDefined(stateAt[i]!, need);
  }
  const isNeeded = (value: Value): boolean => needed[value.id] !== 0;
  for (const { values } of states) {
    const found: Value[] = [];
    collectOperands(values, isNeeded, found);
    for (const value of found) need(value);
  }
  for (const state of states) {
    state.use = recipes.use(state.values, isNeeded);
    if (isLarge(state.use)) {
      eachDefined(state, need);
      state.use = recipes.use(state.values, isNeeded);
    }
  }

  const place = new Uint8Array(count), last = new Int32Array(count).fill(-1);
  const uses = USES.fill(0, 0, count), position = POSITION, user = USER;
  const mention = (value: Value, at: number, by: number): void => {
    uses[value.id]!++;
    user[value.id] = by;
    if (at > last[value.id]!) last[value.id] = at;
  };
  const mentionState = (state: FlagState, at: number): void => {
    // Twice: an operand must have a local.
    if (state.use === undefined) return;
    for (const value of state.use.operands) {
      mention(value, at, at);
      mention(value, at, at);
    }
  };
  if (final !== undefined) mention(final, count, count);
  mentionState(end, count);
  for (let i = count - 1; i >= 0; i--) {
    const inst = insts[i]!, state = stateAt[i];
    if (state !== undefined) mentionState(state, i);
    if (needed[i] === 0) continue;
    if (reloadsCells(inst)) eachDefined(state!, (value) => mention(value, i, i));
    const traits = TRAITS[inst.code]!, other = forwarded[i], { args } = inst;
    const isConstant = (traits & Trait.CONSTANT) !== 0;
    const isInline = uses[i] === 1 && (other !== undefined || (!isConstant && (traits & Trait.PURE) !== 0));
    place[i] = isInline ? Place.INLINE : isConstant ? Place.CONSTANT : Place.LOCAL;
    const at = isInline && user[i]! < count ? position[user[i]!]! : isInline ? count : i;
    position[i] = at;
    if (other !== undefined) mention(other, at, i);
    else for (let n = 0; n < args.length; n++) mention(args[n]!, at, i);
  }
  findRegisters(insts, place, last, isLocal);
  return {
    place,
    last,
    stateAt,
    end,
    forwarded,
    observed,
    endRegisters: findEndRegisters(block, end, isLocal),
    clobbered: findClobbered(block, stateAt, forwarded, isLocal),
  };
}

/** Does something for each value that defines a flag. */
function eachDefined({ values }: FlagState, visit: (value: Value) => void): void {
  for (const value of values) if (value !== undefined) visit(value);
}

/** Which registers hold the operands of the flags at the block's end. */
function findEndRegisters(
  { insts, terminal }: Block,
  { use }: FlagState,
  isLocal: (offset: number) => boolean,
): (Operand | undefined)[] {
  if (use === undefined || use.operands.length === 0) return [];
  const contents = new Map<number, Value>();
  for (const inst of insts) {
    if (reloadsCells(inst)) contents.clear();
    else if (!isLocal(inst.imm)) continue;
    else if (inst.op === "set64") contents.set(inst.imm, inst.args[0]!);
    else if (inst.op === "get64" && !contents.has(inst.imm)) contents.set(inst.imm, inst);
  }
  if (terminal.kind === "vmfunc") { for (const cell of CALLED_CELLS) contents.delete(cell); }
  const places = new Map<Value, Operand>();
  for (const [cell, value] of contents) {
    places.set(value, { kind: "register", cell, low: false });
    if (value.op === "zext") places.set(value.args[0]!, { kind: "register", cell, low: true });
  }
  return use.operands.map((value) => places.get(value));
}

/** Registers that change before the last place that observes the flags of the block's start. */
function findClobbered(
  { insts, terminal }: Block,
  stateAt: readonly (FlagState | undefined)[],
  forwarded: readonly (Value | undefined)[],
  isLocal: (offset: number) => boolean,
): BlockPlan["clobbered"] {
  const live = new Set<number>(terminal.kind === "vmfunc" ? CALLED_CELLS : []), dead = new Set<number>();
  let isObserved = false;
  for (let i = insts.length - 1; i >= 0; i--) {
    const inst = insts[i]!, state = stateAt[i];
    if (state !== undefined && state.inherits && state.mask !== ALL_FLAGS) isObserved = true;
    if (inst.op === "get32" && flagNumber(inst.imm) >= 0 && forwarded[i] === undefined) isObserved = true;
    if ((TRAITS[inst.code]! & Trait.SET) !== 0 && isLocal(inst.imm)) {
      live.add(inst.imm);
      if (isObserved) dead.add(inst.imm);
    }
    // Behind it, flags are in their cells.
    if (reloadsCells(inst)) isObserved = true;
  }
  return { live, dead };
}

function isEffect({ code, op, imm }: Inst): boolean {
  if ((TRAITS[code]! & (Trait.PURE | Trait.GET)) !== 0) return false;
  return !(op === "set32" && flagNumber(imm) >= 0);
}

/** Follows the flags through a block. `states` are those that define any. */
function followFlags({ insts }: Block): Pick<BlockPlan, "end" | "forwarded" | "observed" | "stateAt"> & {
  readonly states: readonly FlagState[];
} {
  const stateAt = new Array<FlagState | undefined>(insts.length).fill(undefined);
  const forwarded = new Array<Value | undefined>(insts.length).fill(undefined);
  const states: FlagState[] = [];
  let values = new Array<Value | undefined>(FLAG_COUNT).fill(undefined);
  let inherits = true, observed = 0;
  let state: FlagState | undefined;
  const now = (): FlagState => {
    if (state !== undefined) return state;
    state = { inherits, values: values.slice(), mask: definedFlags(values), use: undefined };
    if (state.mask !== 0) states.push(state);
    return state;
  };
  for (const inst of insts) {
    const flag = flagNumber(inst.imm);
    if (inst.op === "set32" && flag >= 0) {
      values[flag] = inst.args[0]!;
      state = undefined;
    } else if (inst.op === "get32" && flag >= 0) {
      const value = values[flag];
      if (value !== undefined) forwarded[inst.id] = value;
      else if (inherits) observed |= 1 << flag;
    } else if ((TRAITS[inst.code]! & Trait.EXITS) !== 0) {
      stateAt[inst.id] = now();
      if (inherits) observed |= ALL_FLAGS & ~now().mask;
      if (!reloadsCells(inst)) continue;
      values = new Array<Value | undefined>(FLAG_COUNT).fill(undefined);
      inherits = false;
      state = undefined;
    }
  }
  return { stateAt, end: now(), states, forwarded, observed };
}

/** Finds the reads of registers that need no local of their own. */
function findRegisters(
  insts: readonly Inst[],
  place: Uint8Array,
  last: Int32Array,
  isLocal: (offset: number) => boolean,
): void {
  const nextChange = new Map<number, number>();
  let nextReload = insts.length;
  for (let i = insts.length - 1; i >= 0; i--) {
    const inst = insts[i]!;
    if (reloadsCells(inst)) nextReload = i;
    const access = TRAITS[inst.code]! & (Trait.GET | Trait.SET);
    if (access === 0 || !isLocal(inst.imm)) continue;
    if (access === Trait.SET) {
      nextChange.set(inst.imm, i);
    } else if (place[i] === Place.LOCAL) {
      const change = Math.min(nextChange.get(inst.imm) ?? insts.length, nextReload);
      // A mention by the changing operation itself still sees the old value.
      if (last[i]! <= change) place[i] = Place.REGISTER;
    }
  }
}
