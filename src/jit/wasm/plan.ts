/** What the emitter decides about a block's values before it writes any: which are computed, where, and for how long. */
import { type OpcodeInfo, OPCODES } from "../../ir/opcodes.ts";
import { terminalValue } from "../../ir/passes/blocks.ts";
import type { Block, Inst, Value } from "../../ir/types.ts";
import { helperInfo } from "../../cpu/helpers.ts";
import { CALLED_CELLS } from "./cell_locals.ts";
import { accessType } from "./cells.ts";
import {
  ALL_FLAGS,
  collectOperands,
  definedFlags,
  FLAG_COUNT,
  flagNumber,
  type FlagUse,
  type FlagValues,
  type Operand,
  type Recipes,
} from "./flags.ts";

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
  /** For reads of flags that the block has defined: the value. */
  readonly forwarded: ReadonlyMap<Inst, Value>;
  /** Flags of the start of the block that something observes, the terminal aside. */
  readonly observed: number;
  /** Where the end's operands are found in registers. */
  readonly endRegisters: readonly (Operand | undefined)[];
  /** Registers that change while something behind still observes flags of the block's start; if the end does, and if not. */
  readonly clobbered: { readonly live: ReadonlySet<number>; readonly dead: ReadonlySet<number> };
}

/** Whether an operation may change cells behind the block's back. */
export function reloadsCells({ op, imm }: Inst): boolean {
  return op === "call" && helperInfo(imm).state === "all";
}

/** Plans a block. `isLocal` tells which cells live in locals. */
export function planBlock(block: Block, recipes: Recipes, isLocal: (offset: number) => boolean): BlockPlan {
  const { insts, terminal } = block, count = insts.length;
  const { stateAt, end, forwarded, observed } = followFlags(block);

  const needed = new Uint8Array(count);
  const need = (value: Value): void => {
    if (needed[value.id] !== 0) return;
    needed[value.id] = 1;
    operandsOf(value, forwarded).forEach(need);
  };
  const final = terminalValue(terminal);
  if (final !== undefined) need(final);
  for (const inst of insts) {
    if (isEffect(inst)) need(inst);
    if (reloadsCells(inst)) stateAt[inst.id]!.values.forEach((value) => value !== undefined && need(value));
  }
  const isNeeded = (value: Value): boolean => needed[value.id] !== 0;
  const states = new Set([...stateAt.filter((state) => state !== undefined), end]);
  for (const state of states) {
    const found = new Set<Value>();
    collectOperands(state.values, isNeeded, found);
    found.forEach(need);
  }
  for (const state of states) if (state.mask !== 0) state.use = recipes.use(state.values, isNeeded);

  const place = new Uint8Array(count), last = new Int32Array(count).fill(-1);
  const uses = new Uint16Array(count), position = new Int32Array(count);
  const user = new Int32Array(count);
  const mention = (value: Value, at: number, by: number): void => {
    uses[value.id]!++;
    user[value.id] = by;
    if (at > last[value.id]!) last[value.id] = at;
  };
  const mentionState = (state: FlagState, at: number): void => {
    // Twice: an operand must have a local.
    for (const value of state.use?.operands ?? []) for (let n = 0; n < 2; n++) mention(value, at, at);
  };
  if (final !== undefined) mention(final, count, count);
  mentionState(end, count);
  for (let i = count - 1; i >= 0; i--) {
    const inst = insts[i]!, state = stateAt[i];
    if (state !== undefined) mentionState(state, i);
    if (needed[i] === 0) continue;
    if (reloadsCells(inst)) state!.values.forEach((value) => value !== undefined && mention(value, i, i));
    const isInline = canInline(inst, forwarded) && uses[i] === 1;
    place[i] = isInline ? Place.INLINE : isConstant(inst) ? Place.CONSTANT : Place.LOCAL;
    position[i] = isInline && user[i]! < count ? position[user[i]!]! : isInline ? count : i;
    for (const operand of operandsOf(inst, forwarded)) mention(operand, position[i]!, i);
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
    clobbered: {
      live: findClobbered(block, stateAt, forwarded, true, isLocal),
      dead: findClobbered(block, stateAt, forwarded, false, isLocal),
    },
  };
}

/** Which registers hold the operands of the flags at the block's end. */
function findEndRegisters(
  { insts, terminal }: Block,
  { use }: FlagState,
  isLocal: (offset: number) => boolean,
): (Operand | undefined)[] {
  if (use === undefined) return [];
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
  forwarded: ReadonlyMap<Inst, Value>,
  isObservedBehind: boolean,
  isLocal: (offset: number) => boolean,
): Set<number> {
  const clobbered = new Set<number>(isObservedBehind && terminal.kind === "vmfunc" ? CALLED_CELLS : []);
  let isObserved = isObservedBehind;
  for (let i = insts.length - 1; i >= 0; i--) {
    const inst = insts[i]!, state = stateAt[i];
    if (state !== undefined && state.inherits && state.mask !== ALL_FLAGS) isObserved = true;
    if (inst.op === "get32" && flagNumber(inst.imm) >= 0 && !forwarded.has(inst)) isObserved = true;
    if (isObserved && inst.op.startsWith("set") && isLocal(inst.imm)) clobbered.add(inst.imm);
    // Behind it, flags are in their cells.
    if (reloadsCells(inst)) isObserved = true;
  }
  return clobbered;
}

const isConstant = ({ op }: Inst): boolean => op === "const32" || op === "const64";
const isGet = ({ op }: Inst): boolean => op === "get32" || op === "get64" || op === "getv";

function isEffect(inst: Inst): boolean {
  const { pure }: OpcodeInfo = OPCODES[inst.op];
  if (pure || isGet(inst)) return false;
  return !(inst.op === "set32" && flagNumber(inst.imm) >= 0);
}

function canInline(inst: Inst, forwarded: ReadonlyMap<Inst, Value>): boolean {
  const { pure }: OpcodeInfo = OPCODES[inst.op];
  return (pure === true && !isConstant(inst)) || forwarded.has(inst);
}

function operandsOf(inst: Inst, forwarded: ReadonlyMap<Inst, Value>): readonly Value[] {
  const value = forwarded.get(inst);
  return value === undefined ? inst.args : [value];
}

/** Follows the flags through a block. */
function followFlags({ insts }: Block): Pick<BlockPlan, "end" | "forwarded" | "observed"> & {
  readonly stateAt: (FlagState | undefined)[];
} {
  const stateAt: (FlagState | undefined)[] = [], forwarded = new Map<Inst, Value>();
  let values = new Array<Value | undefined>(FLAG_COUNT).fill(undefined);
  let inherits = true, observed = 0;
  let state: FlagState | undefined;
  const now = (): FlagState =>
    state ??= { inherits, values: [...values], mask: definedFlags(values), use: undefined };
  for (const inst of insts) {
    const flag = flagNumber(inst.imm);
    if (inst.op === "set32" && flag >= 0) {
      values[flag] = inst.args[0]!;
      state = undefined;
    } else if (inst.op === "get32" && flag >= 0) {
      const value = values[flag];
      if (value !== undefined) forwarded.set(inst, value);
      else if (inherits) observed |= 1 << flag;
    } else if ((OPCODES[inst.op] as OpcodeInfo).exits) {
      stateAt[inst.id] = now();
      if (inherits) observed |= ALL_FLAGS & ~now().mask;
      if (!reloadsCells(inst)) continue;
      values = new Array<Value | undefined>(FLAG_COUNT).fill(undefined);
      inherits = false;
      state = undefined;
    }
  }
  return { stateAt, end: now(), forwarded, observed };
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
    if (accessType(inst.op) === 0 || !isLocal(inst.imm)) continue;
    if (!isGet(inst)) {
      nextChange.set(inst.imm, i);
    } else if (place[i] === Place.LOCAL) {
      const change = Math.min(nextChange.get(inst.imm) ?? insts.length, nextReload);
      // A mention by the changing operation itself still sees the old value.
      if (last[i]! <= change) place[i] = Place.REGISTER;
    }
  }
}
