/** What the code of a region's operations is written with: values, locals, calls, cells of the state, flags, exits. */
import type { Block, Inst, Type, Value } from "../../ir/types.ts";
import { BUDGET, EVENT, RETURN_HI, RETURN_V128, TLB_BASE } from "../../cpu/state.ts";
import type { Exit } from "../engine.ts";
import type { Slices } from "../slices.ts";
import { type Address, halves } from "../address.ts";
import { CellLocals, loadOf, storeOf } from "./cell_locals.ts";
import { ACCESS_TYPES } from "./cells.ts";
import { FunctionCode, type Imports, type Label } from "./encoder.ts";
import {
  ALL_FLAGS,
  FLAG_COUNT,
  flagNumber,
  isExpression,
  operandOf,
  type PlacedUse,
  type Recipe,
  Recipes,
} from "./flags.ts";
import type { FlagFunctions } from "./pending_flags.ts";
import { I32, VOID, W } from "./instructions.ts";
import type { GroupCells } from "./group_spans.ts";
import { pushWords } from "./host_words.ts";
import { instructionsOf } from "./region_graph.ts";
import { RegionSpans } from "./region_spans.ts";
import { LocalPool } from "./local_pool.ts";
import { localType, LOWERING } from "./lowering.ts";
import { type IntegerWriter, joinHigh } from "./lowering_integer.ts";
import { type BlockPlan, type FlagState, Place, planBlock } from "./plan.ts";
import { RegionFlags } from "./region_flags.ts";
import { RegionShape } from "./region_shape.ts";
import { storeCell } from "./state_cells.ts";
import { reloadsCells } from "./traits.ts";

/** What surrounds a region. */
export interface RegionSurroundings {
  /** The region's number, and its place in the table. */
  readonly id: number;
  readonly place: number;
  readonly imports: Imports;
  /** Linear addresses that computed jumps are known to lead to, by block number. */
  readonly targets: readonly (readonly bigint[])[];
  /** Whether it is entered at all blocks that no loop contains. */
  readonly open: boolean;
  /** Whether it is a guest's, in VMX non-root operation. */
  readonly isGuest: boolean;
  readonly groupCells: GroupCells;
  readonly flagFunctions: FlagFunctions;
  /** Byte offset of a cell for the link of an exit. */
  takeLink(exit: number): number;
}

/** Code under construction. Lowering rows use what is public. */
export class Emitter implements IntegerWriter<Value> {
  readonly code = new FunctionCode([I32]);
  /**
   * Locals: the block that starts of loops shall go on at, NO_TARGET for their headers (the parameter: where the region is
   * entered); the offset of the current world's slot; the budget.
   */
  readonly target = 0;
  readonly slot = this.code.local(I32);
  readonly budget = this.code.local(I32);
  /** Locals: what the function returns, the number of an exit or a way; the number of the recipe that the flags follow. */
  readonly result = this.code.local(I32);
  /** Local: offset of the cells of the link that an exit may go over. */
  readonly link = this.code.local(I32);
  readonly recipe = this.code.local(I32);
  readonly recipes = new Recipes();
  readonly cells: CellLocals;
  readonly pool = new LocalPool(this.code);
  readonly exits: Exit[] = [];

  // What is planned before anything is written.
  shape!: RegionShape;
  /** The region's blocks, and copies of them (`RegionShape.blocks`). */
  blocks!: readonly Block[];
  plans!: readonly BlockPlan[];
  flags!: RegionFlags;
  /** The spans of memory that the region accesses. */
  spans!: RegionSpans;

  /** Where all exits meet, and before that those to known addresses. */
  exitLabel!: Label;
  /** Where exits in the middle of the block that is being written meet. */
  sideLabel!: Label;
  linkLabel!: Label;

  // The block that is being written.
  number = 0;
  block!: Block;
  plan!: BlockPlan;
  /** Halves of its address. */
  start: Address = { lo: 0, hi: 0 };
  /** Locals of its values, by id. */
  locals: number[] = [];

  constructor(blocks: readonly Block[], readonly surroundings: RegionSurroundings) {
    this.cells = new CellLocals(this.code, blocks);
  }

  /** Plans the region, in slices: comes before all else. */
  *planAll(blocks: readonly Block[]): Slices<void> {
    const { surroundings } = this;
    const isLocal = (offset: number): boolean => this.cells.register(offset) !== undefined;
    const half = totalInstructions(blocks) / 2;
    // In two parts, as these cannot be divided: what large regions do before and behind them is in other slices.
    yield half;
    this.shape = yield* RegionShape.of(blocks, surroundings.targets, surroundings.open);
    yield half;
    this.blocks = this.shape.blocks;
    const plans: BlockPlan[] = [];
    for (const block of blocks) {
      plans.push(planBlock(block, this.recipes, isLocal));
      yield instructionsOf(block);
    }
    yield half;
    this.plans = this.shape.originals.map((original) => plans[original]!);
    this.flags = new RegionFlags(this.plans, this.shape, this.recipes);
    yield half;
    this.spans = new RegionSpans(this.code, this.blocks, this.slot, surroundings);
    yield half;
  }

  /** Number of the block in the region of which the one that is being written may be a copy. */
  get original(): number {
    return this.shape.originals[this.number]!;
  }

  /** Writes a block with `write`, perhaps in the middle of another. */
  *inBlock(number: number, write: (block: Block, plan: BlockPlan) => Slices<void>): Slices<void> {
    const outer = {
      number: this.number,
      block: this.block,
      plan: this.plan,
      locals: this.locals,
      start: this.start,
    };
    const block = this.blocks[number]!, plan = this.plans[number]!;
    this.number = number;
    this.block = block;
    this.plan = plan;
    this.locals = [];
    this.start = halves(block.pc);
    yield* this.pool.inBlock(() => write(block, plan));
    this.number = outer.number;
    this.block = outer.block;
    this.plan = outer.plan;
    this.locals = outer.locals;
    this.start = outer.start;
  }

  /** A local that is free when the operation has been written. */
  scratch(type: number): number {
    return this.pool.scratch(type);
  }

  /** Leaves a value on the stack. */
  push(value: Value): void {
    const { code } = this;
    if (value.op === "const32") return code.i32(value.imm);
    if (value.op === "const64") return code.i64(value.imm, value.imm2);
    if (isExpression(value)) {
      const operand = operandOf(value);
      if (operand === undefined) return LOWERING[value.op](this, value);
      if (operand.kind === "kept") return code.get(this.cells.kept(operand.wide, operand.slot));
      code.get(this.cells.register(operand.cell)!);
      if (operand.low) code.op(W.i32_wrap_i64);
      return;
    }
    switch (this.plan.place[value.id]) {
      case Place.INLINE: {
        const forwarded = this.plan.forwarded[value.id];
        return forwarded === undefined ? LOWERING[value.op](this, value) : this.push(forwarded);
      }
      case Place.REGISTER:
        return code.get(this.cells.register(value.imm)!);
      case Place.LOCAL:
        return code.get(this.locals[value.id]!);
      default:
        throw new Error(`${value.op} is used but not computed`);
    }
  }

  /** Leaves the count of a shift or rotation of 64 bits as an i64. */
  pushCount(value: Value): void {
    if (value.op === "const32") return this.code.i64(value.imm & 63, 0);
    this.push(value);
    this.code.op(W.i64_extend_i32_u);
  }

  /** A local that holds a value. */
  operand(value: Value): number {
    if (!isExpression(value)) {
      const place = this.plan.place[value.id];
      if (place === Place.REGISTER) return this.cells.register(value.imm)!;
      if (place === Place.LOCAL) return this.locals[value.id]!;
    }
    this.push(value);
    const local = this.scratch(localType(value));
    this.code.set(local);
    return local;
  }

  constantV128(words: readonly number[]): void {
    const { code } = this;
    code.op(W.v128_const);
    for (const word of words) for (let n = 0; n < 32; n += 8) code.u8((word >>> n) & 0xff);
  }

  /** Calls an imported function with so many words that are on the stack. */
  call(name: string, words: number, returns: boolean): void {
    this.callTyped(name, new Array<number>(words).fill(I32), returns);
  }
  /** Calls one with other parameters. */
  callTyped(name: string, parameters: readonly number[], returns: boolean): void {
    this.code.call(this.surroundings.imports.index(name, parameters, returns));
  }

  /** Calls a function in the helpers' calling convention (cpu/helpers.ts), and leaves the result. */
  callFlat(name: string, operands: readonly Value[], type: Type, last?: number): void {
    const { code } = this;
    let words = 0;
    for (const value of operands) {
      const type = localType(value);
      if (type === I32) {
        this.push(value);
        words++;
      } else {
        words += pushWords(code, this.operand(value), type);
      }
    }
    if (last !== undefined) code.i32(last);
    this.call(name, words + (last === undefined ? 0 : 1), type !== "void" && type !== "v128");
    if (type === "i64") {
      code.op(W.i64_extend_i32_u);
      code.load(W.i32_load, RETURN_HI);
      joinHigh(code);
    } else if (type === "v128") {
      code.load(W.v128_load, RETURN_V128);
    }
  }

  /** Leaves on the stack whether an event has been raised. */
  pushEvent(): void {
    this.code.load(W.i32_load, EVENT);
  }

  /** Stores the budget. */
  storeBudget(): void {
    storeCell(this.code, W.i32_store, BUDGET, () => this.code.get(this.budget));
  }

  /** Leaves by a side exit if an event has been raised. */
  checkEvent(inst: Inst): void {
    this.pushEvent();
    this.leaveIf(inst);
  }

  /** Leaves by a side exit if what is on the stack is not 0, which is rare. */
  leaveIf(inst: Inst): void {
    this.code.openHinted(VOID, 0);
    this.leaveBefore(inst);
    this.code.end();
  }

  /** Leaves: the guest instruction of `inst` has not been executed. */
  leaveBefore({ id, guest }: Inst): void {
    const { start, block: { offsets, insts } } = this;
    const lo = (start.lo + offsets[guest]!) | 0;
    const hi = lo >>> 0 < start.lo >>> 0 ? (start.hi + 1) | 0 : start.hi;
    const exit = this.exit({ kind: "side", lo, hi, undo: offsets.length - 1 - guest });
    // What such a helper was called with is in the cells.
    this.leave(exit, reloadsCells(insts[id]!) ? undefined : this.plan.stateAt[id], this.sideLabel);
  }

  /** Brings all flags into the locals of their cells, and those up to date: no recipe holds then. */
  materialize(state: FlagState): void {
    const { code } = this;
    for (let flag = 0; flag < FLAG_COUNT; flag++) {
      const value = state.values[flag];
      const cell = this.cells.flag(flag);
      if (value !== undefined) this.push(value);
      else if (state.inherits) this.#pushInherited(flag);
      else continue;
      code.set(cell);
    }
    code.i32(0);
    code.set(this.recipe);
  }

  /** The same for the flags of the block's end, from what they follow from. */
  settleFlags(): void {
    const { code, plan: { end } } = this;
    if (end.use === undefined) return this.materialize(end);
    const placed = this.flags.placed(this.number, []);
    this.#note(end, placed);
    for (const [flag, expression] of placed.recipe.expressions.entries()) {
      if (expression === undefined) continue;
      this.push(expression);
      code.set(this.cells.flag(flag));
    }
    code.i32(0);
    code.set(this.recipe);
  }

  /** Reads a cell of the state. */
  readCell({ code: opcode, op, imm }: Inst): void {
    const { code } = this, type = ACCESS_TYPES[opcode]!;
    const flag = op === "get32" ? flagNumber(imm) : -1;
    if (flag >= 0) return this.#pushInherited(flag);
    const register = this.cells.register(imm);
    if (register !== undefined) return code.get(register);
    code.load(loadOf(type), imm);
  }

  /** Writes a cell of the state. */
  writeCell({ code: opcode, imm, args }: Inst): void {
    const { code } = this, type = ACCESS_TYPES[opcode]!;
    const register = this.cells.register(imm);
    if (register !== undefined) {
      this.push(args[0]!);
      return code.set(register);
    }
    storeCell(code, storeOf(type), imm, () => this.push(args[0]!));
  }

  /** Stores the locals that may have changed, and loads all. */
  storeState(): void {
    this.cells.store(this.code);
    this.storeBudget();
  }
  loadState(code = this.code): void {
    code.load(W.i32_load, TLB_BASE);
    code.set(this.slot);
    code.load(W.i32_load, BUDGET);
    code.set(this.budget);
    this.cells.load(code);
  }

  // --- Flags ---

  /** Leaves a flag on the stack that is as before the block: what it is depends on the recipe that holds. */
  #pushInherited(flag: number): void {
    const { code } = this, { sources } = this.flags;
    const recipes = [...sources[this.number]!].map((n) => this.recipes.list[n]).filter((recipe) =>
      recipe !== undefined && (recipe.mask & (1 << flag)) !== 0
    ) as Recipe[];
    for (const { number, expressions } of recipes) {
      code.get(this.recipe);
      code.i32(number);
      code.op(W.i32_eq);
      code.open(W.if, I32);
      this.push(expressions[flag]!);
      code.else();
    }
    code.get(this.cells.flag(flag));
    for (let n = 0; n < recipes.length; n++) code.end();
  }

  /** Makes the flags of a state in the middle of the block those that hold. */
  #noteState(state: FlagState): void {
    if (state.use !== undefined) this.#note(state, this.recipes.place(state.use, [], 0));
  }

  /** Makes the flags of the block's end those that hold, for blocks that it leads to (none: control leaves). */
  noteEnd(targets: readonly number[]): void {
    const { end } = this.plan;
    if (end.use !== undefined) this.#note(end, this.flags.placed(this.number, targets));
  }

  /** Notes the recipe, and keeps the operands. */
  #note({ inherits, mask }: FlagState, { recipe, kept }: PlacedUse): void {
    const { code } = this;
    if (inherits && mask !== ALL_FLAGS) {
      for (let flag = 0; flag < FLAG_COUNT; flag++) {
        if ((mask & (1 << flag)) !== 0 || !this.flags.isDefinedBefore(this.number, flag)) continue;
        this.#pushInherited(flag);
        code.set(this.cells.flag(flag));
      }
    }
    for (const { value, wide, slot } of kept) {
      this.push(value);
      code.set(this.cells.kept(wide, slot));
    }
    code.i32(recipe.number);
    code.set(this.recipe);
  }

  // --- Exits ---

  /** Adds an exit. Returns its number. */
  exit(exit: Exit): number {
    return this.exits.push(exit) - 1;
  }

  /** Leaves by an exit with the flags of a state (undefined: as they are noted). */
  leave(exit: number, state: FlagState | undefined, label = this.exitLabel): void {
    const { code } = this;
    if (state === this.plan.end) this.noteEnd([]);
    else if (state !== undefined) this.#noteState(state);
    code.i32(exit);
    code.set(this.result);
    code.br(label);
  }
}

/** Guest instructions of some blocks. */
export const totalInstructions = (blocks: readonly Block[]): number =>
  blocks.reduce((sum, block) => sum + instructionsOf(block), 0);
