/** Writes the WebAssembly of a region: one function with the guest's registers in locals. */
import type { Block, Inst, Type, Value } from "../../ir/types.ts";
import { BUDGET, EVENT, MXCSR, RETURN_HI, RETURN_V128, RIP, TLB_BASE } from "../../cpu/state.ts";
import {
  REGION_ENTRIES,
  SLOT_REGIONS,
  SLOT_WAYS,
  WAY,
  WAY_ENTRY_BYTES,
  WAY_MODE,
  WAY_REGION,
} from "../../memory/physical.ts";
import { WAY_PAGES, WAYS_PER_PAGE } from "../../memory/tlb.ts";
import { type Address, halves } from "../interpreter/program.ts";
import type { Exit } from "../engine.ts";
import { SWITCH_CELLS } from "../js/registers.ts";
import { accessType, cellType, localCells } from "./cells.ts";
import { analyseControlFlow, type ControlFlow } from "./control_flow.ts";
import { FunctionCode, type Imports, type Label } from "./encoder.ts";
import {
  ALL_FLAGS,
  FLAG_COUNT,
  flagNumber,
  flagOffset,
  isExpression,
  operandOf,
  type PlacedUse,
  type Recipe,
  Recipes,
} from "./flags.ts";
import { I32, I64, V128, VOID, W } from "./instructions.ts";
import { localType, LOWERING } from "./lowering.ts";
import { hashOf } from "./target_hash.ts";
import { KnownPages, RegisterPages } from "./known_pages.ts";
import { type BlockPlan, type FlagState, Place, planBlock, reloadsCells } from "./plan.ts";
import { RegionFlags } from "./region_flags.ts";
import { type Edges, edgesOf } from "./region_graph.ts";
import { emitVmfunc } from "./world_switch.ts";

/** A compiled region before it is part of a module. */
export interface EmittedRegion {
  readonly code: FunctionCode;
  readonly exits: Exit[];
  /** Numbers of the blocks that it can be entered at. */
  readonly entrances: readonly number[];
}

/** What surrounds a region. */
export interface RegionSurroundings {
  /** The region's number, and its place in the table. */
  readonly id: number;
  readonly place: number;
  readonly imports: Imports;
  /** Linear addresses that computed jumps are known to lead to, by block number. */
  readonly targets: readonly (readonly bigint[])[];
  /** Byte offset of a cell for the link of an exit. */
  takeLink(exit: number): number;
}

/** Number of a way into compiled code: the region's place in the table, and the block. Negative as a 32-bit integer. */
export const wayOf = (place: number, block: number): number =>
  -0x8000_0000 | (place << WAY_BLOCK_BITS) | block;
/** Bits of the block's number in a way. */
export const WAY_BLOCK_BITS = 8;
/** Most blocks of a region. */
export const MOST_BLOCKS: number = 1 << WAY_BLOCK_BITS;

/** Emits one region. */
export function emitRegion(blocks: readonly Block[], surroundings: RegionSurroundings): EmittedRegion {
  return new Emitter(blocks, surroundings).emit();
}

/** Code under construction. Lowering rows use what is public. */
export class Emitter {
  readonly code = new FunctionCode([I32]);
  /** Local with the offset of the current world's slot. */
  readonly slot = this.code.local(I32);
  /** Local with the budget. */
  readonly budget = this.code.local(I32);
  /** Local with what the function returns: the number of an exit, or a way. */
  readonly #result = this.code.local(I32);
  /** Local with the number of the recipe that the flags follow. */
  readonly #recipe = this.code.local(I32);
  readonly #exits: Exit[] = [];
  readonly #recipes = new Recipes();
  readonly #plans: readonly BlockPlan[];
  readonly #edges: readonly Edges[];
  readonly #flow: ControlFlow;
  readonly #flags: RegionFlags;
  /** Cells in locals, by state offset; and those that some operation writes. */
  readonly #registers = new Map<number, number>();
  readonly #written = new Set<number>();
  /** Locals of flag cells, where something needs them, and of operands kept for recipes, by type. */
  readonly #flagCells = new Map<number, number>();
  readonly #kept: Readonly<Record<number, number[]>> = { [I32]: [], [I64]: [] };
  /** Blocks whose budget is checked when they are entered, and the instructions that it must cover. */
  readonly #checked: readonly boolean[];
  readonly #demands: readonly number[];
  readonly #starts: ReadonlyMap<bigint, number>;

  #exitLabel!: Label;
  #rootLabel!: Label;
  readonly #labels = new Map<number, Label>();
  readonly #loops = new Map<number, Label>();

  // --- The block that is being written ---
  #number = 0;
  #block!: Block;
  #plan!: BlockPlan;
  #locals: number[] = [];
  readonly #free = new Map<number, number[]>();
  #taken: [type: number, local: number][] = [];
  /** Locals that are free when the block has been written. */
  #held: [type: number, local: number][] = [];
  /** What is known of the pages that the block accesses. */
  pages!: KnownPages;
  /** What is known of those that registers point into. */
  readonly registerPages: RegisterPages;

  constructor(readonly blocks: readonly Block[], readonly surroundings: RegionSurroundings) {
    const cells = localCells(blocks);
    this.#starts = new Map(blocks.map(({ pc }, number) => [pc, number]));
    this.#plans = blocks.map((block) => planBlock(block, this.#recipes, (offset) => cells.has(offset)));
    this.#edges = edgesOf(blocks, this.#starts, surroundings.targets);
    const entrances = new Set([0, ...this.#edges.flatMap(({ computed }) => computed)]);
    for (const { terminal } of blocks) {
      const back = "returnTo" in terminal && terminal.returnTo !== undefined
        ? this.#starts.get(terminal.returnTo)
        : undefined;
      if (back !== undefined) entrances.add(back);
    }
    this.#flow = analyseControlFlow(
      this.#edges.map(({ direct, computed }) => [...direct, ...computed]),
      entrances,
    );
    const { isLoop, dispatched } = this.#flow;
    this.#checked = blocks.map((_, number) => isLoop[number]! || dispatched.includes(number));
    this.#demands = this.#longestPaths();
    this.#flags = new RegionFlags(this.#plans, this.#edges, this.#recipes, this.#checked, dispatched);
    this.registerPages = new RegisterPages(this, blocks, this.#loopBlocks());
    for (const { insts, terminal } of blocks) {
      for (const cell of terminal.kind === "vmfunc" ? SWITCH_CELLS : []) {
        if (!this.#registers.has(cell)) this.#registers.set(cell, this.code.local(I64));
      }
      for (const { op, imm } of insts) {
        if (accessType(op) === 0 || !cells.has(imm)) continue;
        if (!this.#registers.has(imm)) this.#registers.set(imm, this.code.local(cellType(imm)));
        if (op.startsWith("set")) this.#written.add(imm);
      }
    }
  }

  /** Writes code behind an operation that may have changed mappings. */
  forgetPages(): void {
    this.pages.forget();
    this.registerPages.forget(this);
  }

  emit(): EmittedRegion {
    const { code } = this;
    this.#exitLabel = code.open(W.block, VOID);
    this.#rootLabel = code.open(W.loop, VOID);
    const { dispatched } = this.#flow;
    this.#nest(dispatched, () => {
      if (dispatched.length === 1) return;
      const places = this.blocks.map((_, number) => this.#labels.get(number));
      code.get(0);
      const first = this.#labels.get(dispatched[0]!)!;
      code.brTable(places.map((label) => label ?? first), first);
    });
    code.op(W.unreachable);
    code.end();
    code.end();
    this.#epilogue();
    this.#prologue();
    return { code, exits: this.#exits, entrances: dispatched };
  }

  // --- Structure ---

  /** Opens a block for each merge, writes what comes before them, and then each behind its block. */
  #nest(merges: readonly number[], first: () => void): void {
    for (const block of [...merges].reverse()) this.#labels.set(block, this.code.open(W.block, VOID));
    first();
    for (const block of merges) {
      this.code.end();
      this.#tree(block);
    }
  }

  /** Writes a block and what it dominates. */
  #tree(number: number): void {
    const isLoop = this.#flow.isLoop[number]!;
    if (isLoop) this.#loops.set(number, this.code.open(W.loop, VOID));
    this.#nest(this.#flow.merges[number]!, () => this.#writeBlock(number));
    if (!isLoop) return;
    this.code.op(W.unreachable);
    this.code.end();
  }

  /** Goes on at a block of the region. Returns the label instead if a branch is all it takes. */
  #labelOf(target: number): Label | undefined {
    const { order, isLoop, isMerge, dominates } = this.#flow;
    if (isLoop[target] && dominates(target, this.#number)) return this.#loops.get(target);
    return isMerge[target] && order[target]! > order[this.#number]! ? this.#labels.get(target) : undefined;
  }

  #goTo(target: number): void {
    const { code } = this;
    const label = this.#labelOf(target);
    if (label !== undefined) return code.br(label);
    if (this.#flow.dispatched.includes(target)) {
      code.i32(target);
      code.set(0);
      return code.br(this.#rootLabel);
    }
    // Only this edge leads there: it goes on in place, with its own values.
    const number = this.#number, block = this.#block, plan = this.#plan;
    const locals = this.#locals, taken = this.#taken, held = this.#held;
    this.#tree(target);
    this.#number = number;
    this.#block = block;
    this.#plan = plan;
    this.#locals = locals;
    this.#taken = taken;
    this.#held = held;
  }

  /** For each block: the most instructions that are executed from it until the budget is checked again. */
  #longestPaths(): number[] {
    const { order } = this.#flow, demands = new Array<number>(this.blocks.length).fill(0);
    const sequence = [...this.blocks.keys()].sort((a, b) => order[b]! - order[a]!);
    for (const number of sequence) {
      let most = 0;
      const { direct, computed } = this.#edges[number]!;
      for (const next of [...direct, ...computed]) {
        if (!this.#checked[next]) most = Math.max(most, demands[next]!);
      }
      demands[number] = most + this.blocks[number]!.offsets.length - 1;
    }
    return demands;
  }

  /** Whether each block may be executed several times before the region is left. */
  #loopBlocks(): boolean[] {
    const { order } = this.#flow;
    const loops = this.blocks.map(() => false);
    for (const [from, { direct, computed }] of this.#edges.entries()) {
      for (const to of [...direct, ...computed]) {
        if (order[to]! > order[from]!) continue;
        for (const number of loops.keys()) {
          if (order[number]! >= order[to]! && order[number]! <= order[from]!) loops[number] = true;
        }
      }
    }
    return loops;
  }

  // --- Beginning and end of the function ---

  #prologue(): void {
    const { code } = this, body = code.view().slice(), { length } = code;
    const start = new FunctionCode(code.locals);
    const load = (local: number, offset: number, type: number): void => {
      start.load(type === I64 ? W.i64_load : type === V128 ? W.v128_load : W.i32_load, offset);
      start.set(local);
    };
    load(this.slot, TLB_BASE, I32);
    load(this.budget, BUDGET, I32);
    for (const [offset, local] of this.#registers) load(local, offset, cellType(offset));
    for (const [flag, local] of this.#flagCells) load(local, flagOffset(flag), I32);
    this.registerPages.forget({ code: start });
    code.prepend(start.view(), body, length);
  }

  #epilogue(): void {
    const { code } = this;
    this.#storeCells();
    const used = this.#recipes.list.slice(1);
    if (used.length > 0) {
      const done = code.open(W.block, VOID);
      const labels = used.map(() => code.open(W.block, VOID)).reverse();
      code.get(this.#recipe);
      code.brTable([done, ...labels], done);
      for (const recipe of used) {
        code.end();
        for (const [flag, expression] of recipe!.expressions.entries()) {
          if (expression === undefined) continue;
          code.i32(0);
          this.push(expression);
          code.memory(W.i32_store, flagOffset(flag));
        }
        code.br(done);
      }
      code.end();
    }
    code.get(this.#result);
  }

  #storeCells(): void {
    const { code } = this;
    const store = (local: number, offset: number, type: number): void => {
      code.i32(0);
      code.get(local);
      code.memory(type === I64 ? W.i64_store : type === V128 ? W.v128_store : W.i32_store, offset);
    };
    for (const offset of this.#written) store(this.#registers.get(offset)!, offset, cellType(offset));
    for (const [flag, local] of this.#flagCells) store(local, flagOffset(flag), I32);
    store(this.budget, BUDGET, I32);
  }

  #loadCells(): void {
    const { code } = this;
    const load = (local: number, offset: number, type: number): void => {
      code.load(type === I64 ? W.i64_load : type === V128 ? W.v128_load : W.i32_load, offset);
      code.set(local);
    };
    load(this.slot, TLB_BASE, I32);
    load(this.budget, BUDGET, I32);
    for (const [offset, local] of this.#registers) load(local, offset, cellType(offset));
    for (const [flag, local] of this.#flagCells) load(local, flagOffset(flag), I32);
  }

  // --- Blocks ---

  #writeBlock(number: number): void {
    const { code } = this;
    const block = this.blocks[number]!, plan = this.#plans[number]!;
    this.#number = number;
    this.#block = block;
    this.#plan = plan;
    this.#locals = [];
    this.#taken = [];
    this.#held = [];
    this.pages = new KnownPages(block.insts);
    if (this.#checked[number]) {
      code.get(this.budget);
      code.i32(this.#demands[number]!);
      code.op(W.i32_lt_s);
      code.openHinted(VOID, 0);
      this.#leave(this.#exit({ kind: "budget", ...halves(block.pc) }), undefined);
      code.end();
    }
    code.get(this.budget);
    code.i32(block.offsets.length - 1);
    code.op(W.i32_sub);
    code.set(this.budget);
    const releases = releasesOf(block, plan);
    for (const [i, inst] of block.insts.entries()) {
      this.#writeInst(inst, plan);
      for (const value of releases[i] ?? []) this.#release(localType(value), this.#locals[value.id]!);
    }
    this.#writeTerminal();
    for (const value of releases[block.insts.length] ?? []) {
      this.#release(localType(value), this.#locals[value.id]!);
    }
    this.#freeScratch();
    for (const [type, local] of this.#held) this.#release(type, local);
  }

  #writeInst(inst: Inst, { place }: BlockPlan): void {
    const where = place[inst.id]!;
    if (where !== Place.LOCAL) return;
    const type = localType(inst);
    LOWERING[inst.op](this, inst);
    this.#freeScratch();
    if (inst.type === "void") return;
    if (this.#plan.last[inst.id]! < 0) return this.code.op(W.drop);
    const local = this.#take(type);
    this.#locals[inst.id] = local;
    this.code.set(local);
  }

  #take(type: number): number {
    return this.#free.get(type)?.pop() ?? this.code.local(type);
  }
  #release(type: number, local: number): void {
    const list = this.#free.get(type);
    if (list === undefined) this.#free.set(type, [local]);
    else list.push(local);
  }
  #freeScratch(): void {
    for (const [type, local] of this.#taken) this.#release(type, local);
    this.#taken = [];
  }

  // --- What lowering rows use ---

  /** A local that is free until the operation has been written. */
  scratch(type: number): number {
    const local = this.#take(type);
    this.#taken.push([type, local]);
    return local;
  }

  /** A local that is free until the block has been written. */
  blockLocal(type: number): number {
    const local = this.#take(type);
    this.#held.push([type, local]);
    return local;
  }

  /** Leaves a value on the stack. */
  push(value: Value): void {
    const { code } = this;
    if (value.op === "const32") return code.i32(value.imm);
    if (value.op === "const64") return code.i64(value.imm, value.imm2);
    if (isExpression(value)) {
      const operand = operandOf(value);
      if (operand === undefined) return LOWERING[value.op](this, value);
      if (operand.kind === "kept") return code.get(this.#keptLocal(operand.wide, operand.slot));
      code.get(this.#registers.get(operand.cell)!);
      if (operand.low) code.op(W.i32_wrap_i64);
      return;
    }
    switch (this.#plan.place[value.id]) {
      case Place.INLINE: {
        const forwarded = this.#plan.forwarded.get(value);
        return forwarded === undefined ? LOWERING[value.op](this, value) : this.push(forwarded);
      }
      case Place.REGISTER:
        return code.get(this.#registers.get(value.imm)!);
      case Place.LOCAL:
        return code.get(this.#locals[value.id]!);
      default:
        throw new Error(`${value.op} is used but not computed`);
    }
  }

  /** A local that holds a value. */
  operand(value: Value): number {
    if (!isExpression(value)) {
      const place = this.#plan.place[value.id];
      if (place === Place.REGISTER) return this.#registers.get(value.imm)!;
      if (place === Place.LOCAL) return this.#locals[value.id]!;
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

  /** Joins an i64 with an i32 on the stack above it, which becomes the upper half. */
  joinHigh(): void {
    const { code } = this;
    code.op(W.i64_extend_i32_u);
    code.i64(32, 0);
    code.op(W.i64_shl);
    code.op(W.i64_or);
  }

  /** Calls an imported function with what is on the stack. */
  call(name: string, parameters: number, returns: boolean): void {
    this.code.call(this.surroundings.imports.index(name, parameters, returns));
  }

  /** Calls a function in the helpers' calling convention (cpu/helpers.ts), and leaves the result. */
  callFlat(name: string, operands: readonly Value[], type: Type, last?: number): void {
    const { code } = this;
    let words = 0;
    for (const value of operands) {
      if (value.type === "i64") {
        const local = this.operand(value);
        code.get(local);
        code.op(W.i32_wrap_i64);
        code.get(local);
        code.i64(32, 0);
        code.op(W.i64_shr_u);
        code.op(W.i32_wrap_i64);
        words += 2;
      } else if (value.type === "v128") {
        const local = this.operand(value);
        for (let word = 0; word < 4; word++) {
          code.get(local);
          code.lane(W.i32x4_extract_lane, word);
        }
        words += 4;
      } else {
        this.push(value);
        words++;
      }
    }
    if (last !== undefined) code.i32(last);
    this.call(name, words + (last === undefined ? 0 : 1), type !== "void" && type !== "v128");
    if (type === "i64") {
      code.op(W.i64_extend_i32_u);
      code.load(W.i32_load, RETURN_HI);
      this.joinHigh();
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
    const { code } = this;
    code.i32(0);
    code.get(this.budget);
    code.memory(W.i32_store, BUDGET);
  }

  /** Leaves by a side exit if an event has been raised. */
  checkEvent(inst: Inst): void {
    const { code } = this;
    this.pushEvent();
    code.openHinted(VOID, 0);
    this.leaveBefore(inst);
    code.end();
  }

  /** Leaves: the guest instruction of `inst` has not been executed. */
  leaveBefore({ id, guest }: Inst): void {
    this.#leave(
      this.#sideExit(guest),
      reloadsCells(this.#block.insts[id]!) ? undefined : this.#plan.stateAt[id],
    );
  }

  /** Stores all locals for a helper that looks at all state, and loads them again. */
  aroundAllState({ id }: Inst, call: () => void): void {
    this.materialize(this.#plan.stateAt[id]!);
    this.#storeCells();
    call();
    this.#loadCells();
  }

  /** Brings all flags into the locals of their cells, and those up to date: no recipe holds then. */
  materialize(state: FlagState): void {
    const { code } = this;
    for (let flag = 0; flag < FLAG_COUNT; flag++) {
      const value = state.values[flag];
      const cell = this.#flagCell(flag);
      if (value !== undefined) this.push(value);
      else if (state.inherits) this.#pushInherited(flag);
      else continue;
      code.set(cell);
    }
    code.i32(0);
    code.set(this.#recipe);
  }

  /** Reads a cell of the state. */
  readCell({ op, imm }: Inst): void {
    const { code } = this, type = accessType(op);
    const flag = op === "get32" ? flagNumber(imm) : -1;
    if (flag >= 0) return this.#pushFlag(flag);
    const register = this.#registers.get(imm);
    if (register !== undefined) return code.get(register);
    code.load(type === I64 ? W.i64_load : type === V128 ? W.v128_load : W.i32_load, imm);
  }

  /** Writes a cell of the state. */
  writeCell({ op, imm, args }: Inst): void {
    const { code } = this, type = accessType(op);
    const register = this.#registers.get(imm);
    if (register !== undefined) {
      this.push(args[0]!);
      return code.set(register);
    }
    code.i32(0);
    this.push(args[0]!);
    code.memory(type === I64 ? W.i64_store : type === V128 ? W.v128_store : W.i32_store, imm);
  }

  // --- Flags ---

  #keptLocal(wide: boolean, slot: number): number {
    const locals = this.#kept[wide ? I64 : I32]!;
    while (locals.length <= slot) locals.push(this.code.local(wide ? I64 : I32));
    return locals[slot]!;
  }

  #flagCell(flag: number): number {
    let local = this.#flagCells.get(flag);
    if (local === undefined) this.#flagCells.set(flag, local = this.code.local(I32));
    return local;
  }

  /** Leaves a flag cell that the block has not defined on the stack. */
  #pushFlag(flag: number): void {
    // Behind a helper that looks at all state, flags are in their cells.
    this.#pushInherited(flag);
  }

  /** Leaves a flag on the stack that is as before the block: what it is depends on the recipe that holds. */
  #pushInherited(flag: number): void {
    const { code } = this, { sources } = this.#flags;
    const recipes = [...sources[this.#number]!].map((n) => this.#recipes.list[n]).filter((recipe) =>
      recipe !== undefined && (recipe.mask & (1 << flag)) !== 0
    ) as Recipe[];
    for (const { number, expressions } of recipes) {
      code.get(this.#recipe);
      code.i32(number);
      code.op(W.i32_eq);
      code.open(W.if, I32);
      this.push(expressions[flag]!);
      code.else();
    }
    code.get(this.#flagCell(flag));
    for (let n = 0; n < recipes.length; n++) code.end();
  }

  /** Makes the flags of a state in the middle of the block those that hold. */
  #noteState(state: FlagState): void {
    if (state.use !== undefined) this.#note(state, this.#recipes.place(state.use, () => undefined));
  }

  /** Makes the flags of the block's end those that hold, for blocks that it leads to (none: control leaves). */
  #noteEnd(targets: readonly number[]): void {
    const { end } = this.#plan;
    if (end.use !== undefined) this.#note(end, this.#flags.placed(this.#number, targets));
  }

  /** Notes the recipe, and keeps the operands. */
  #note({ inherits, mask }: FlagState, { recipe, kept }: PlacedUse): void {
    const { code } = this;
    if (inherits && mask !== ALL_FLAGS) {
      for (let flag = 0; flag < FLAG_COUNT; flag++) {
        if ((mask & (1 << flag)) !== 0 || !this.#flags.isDefinedBefore(this.#number, flag)) continue;
        this.#pushInherited(flag);
        code.set(this.#flagCell(flag));
      }
    }
    for (const { value, wide, slot } of kept) {
      this.push(value);
      code.set(this.#keptLocal(wide, slot));
    }
    code.i32(recipe.number);
    code.set(this.#recipe);
  }

  // --- Exits and the end of a block ---

  #exit(exit: Exit): number {
    return this.#exits.push(exit) - 1;
  }
  /** Exit at guest instruction `guest`, which has not been executed. */
  #sideExit(guest: number): number {
    const { pc, offsets } = this.#block;
    return this.#exit({
      kind: "side",
      ...halves(pc + BigInt(offsets[guest]!)),
      undo: offsets.length - 1 - guest,
    });
  }
  /** Leaves by an exit with the flags of a state (undefined: as they are noted). */
  #leave(exit: number, state: FlagState | undefined): void {
    const { code } = this;
    if (state === this.#plan.end) this.#noteEnd([]);
    else if (state !== undefined) this.#noteState(state);
    code.i32(exit);
    code.set(this.#result);
    code.br(this.#exitLabel);
  }

  /** Leaves to a known address: straight into the region there, where the link says so. */
  #leaveTo({ lo, hi }: Address): void {
    const { code } = this;
    const exit = this.#exit({ kind: "jump", lo, hi, next: undefined });
    const link = this.surroundings.takeLink(exit);
    const region = this.scratch(I32);
    this.#noteEnd([]);
    code.load(W.i32_load, link);
    code.i32(exit);
    code.load(W.i32_load, link + 4);
    code.tee(region);
    this.#pushIsInPlace(region);
    code.op(W.select);
    code.set(this.#result);
    code.br(this.#exitLabel);
  }

  /** With a region's number on the stack and in a local: whether it lies in place in the current world. */
  #pushIsInPlace(region: number): void {
    const { code } = this;
    code.get(region);
    code.i32(2);
    code.op(W.i32_shl);
    code.i32((REGION_ENTRIES - 1) << 2);
    code.op(W.i32_and);
    code.get(this.slot);
    code.op(W.i32_add);
    code.memory(W.i32_load, SLOT_REGIONS);
    code.op(W.i32_eq);
  }

  /** Goes on at a linear address. */
  #continueAt(target: bigint): void {
    const { code } = this;
    const number = this.#starts.get(target);
    if (number === undefined) return this.#leaveTo(halves(target));
    if (this.#block.usesFloat === true) {
      this.#pushBecamePlain();
      code.openHinted(VOID, 0);
      this.#leaveTo(halves(target));
      code.end();
    }
    if (this.#flags.mustNote(this.#number, number)) this.#noteEnd([number]);
    this.#goTo(number);
  }

  /** Whether exact floating point has set the sticky bit that the plain mode wants, and nothing else is in its way. */
  #pushBecamePlain(): void {
    const { code } = this;
    code.load(W.i32_load, MXCSR);
    code.i32(0xffe0);
    code.op(W.i32_and);
    code.i32(0x1fa0);
    code.op(W.i32_eq);
  }

  #writeTerminal(): void {
    const { code } = this, { terminal } = this.#block;
    switch (terminal.kind) {
      case "jump":
        return this.#continueAt(terminal.target);
      case "branch": {
        this.push(terminal.condition);
        code.open(W.if, VOID);
        this.#continueAt(terminal.taken);
        code.end();
        return this.#continueAt(terminal.next);
      }
      case "indirect":
        return this.#writeIndirect(terminal.target);
      case "redispatch": {
        this.#setRip(this.operand(terminal.target));
        return this.#leave(
          this.#exit({ kind: "indirect", redispatch: true, block: this.#number, next: undefined }),
          this.#plan.end,
        );
      }
      case "event": {
        const { event, vector, error, rip, retired } = terminal;
        const exit: Exit = { kind: "event", ...halves(rip), undo: retired ? 0 : 1, event, vector, error };
        return this.#leave(this.#exit(exit), this.#plan.end);
      }
      case "vmfunc":
        return this.#writeVmfunc(terminal.next);
    }
  }

  #writeVmfunc(next: bigint): void {
    const { mode, offsets } = this.#block;
    const side = this.#sideExit(offsets.length - 2);
    const exit = this.#exit({ kind: "indirect", redispatch: true, block: this.#number, next: undefined });
    const target = this.#starts.get(next);
    this.materialize(this.#plan.end);
    emitVmfunc(this, {
      region: this.surroundings.id,
      mode,
      next: halves(next),
      register: (offset) => this.#registers.get(offset)!,
      goOn: target === undefined ? undefined : () => {
        this.forgetPages();
        this.#goTo(target);
      },
      store: () => this.#storeCells(),
      load: () => this.#loadCells(),
      leave: () => this.#leave(exit, undefined),
      leaveByEvent: () => this.#leave(side, undefined),
      return: () => {
        this.code.i32(exit);
        this.code.op(W.return);
      },
    });
  }

  #setRip(local: number): void {
    const { code } = this;
    code.i32(0);
    code.get(local);
    code.memory(W.i64_store, RIP);
  }

  /** Goes on at a computed address: in the region if it is known there, else where the world's table of ways says. */
  #writeIndirect(target: Value): void {
    const { code } = this, { mode } = this.#block;
    const pc = this.operand(target);
    const { computed } = this.#edges[this.#number]!;
    this.#noteEnd(computed);
    const stays = computed.length > 0 && this.#block.usesFloat !== true;
    if (stays) this.#writeKnownTargets(pc, computed);
    this.#setRip(pc);
    const entry = this.scratch(I32), region = this.scratch(I32);
    this.#findWay(pc, entry);
    code.get(entry);
    code.memory(W.i32_load, SLOT_WAYS + WAY);
    code.i32(this.#exit({ kind: "indirect", redispatch: false, block: this.#number, next: undefined }));
    code.get(entry);
    code.memory(W.i64_load, SLOT_WAYS);
    code.get(pc);
    code.op(W.i64_eq);
    code.get(entry);
    code.memory(W.i32_load, SLOT_WAYS + WAY_MODE);
    code.i32(mode);
    code.op(W.i32_eq);
    code.op(W.i32_and);
    code.get(entry);
    code.memory(W.i32_load, SLOT_WAYS + WAY_REGION);
    code.tee(region);
    this.#pushIsInPlace(region);
    code.op(W.i32_and);
    code.op(W.select);
    code.set(this.#result);
    code.br(this.#exitLabel);
  }

  /** Stays in the region if the address in a local is that of one of some blocks: compares with few, finds one of many. */
  #writeKnownTargets(pc: number, numbers: readonly number[]): void {
    const { code } = this;
    const compare = (number: number): void => {
      const { lo, hi } = halves(this.blocks[number]!.pc);
      code.get(pc);
      code.i64(lo, hi);
      code.op(W.i64_eq);
      code.open(W.if, VOID);
      this.#goTo(number);
      code.end();
    };
    if (numbers.length <= FEW) return numbers.forEach(compare);
    const { multiplier, shift, table } = hashOf(numbers.map((number) => halves(this.blocks[number]!.pc).lo));
    const miss = code.open(W.block, VOID);
    const cases = numbers.map(() => code.open(W.block, VOID)).reverse();
    code.get(pc);
    code.op(W.i32_wrap_i64);
    code.i32(multiplier);
    code.op(W.i32_mul);
    code.i32(shift);
    code.op(W.i32_shr_u);
    code.brTable(table.map((n) => n < 0 ? miss : cases[n]!), miss);
    for (const number of numbers) {
      code.end();
      compare(number);
      code.br(miss);
    }
    code.end();
  }

  /** Sets a local to the offset of the way of an address, less SLOT_WAYS: as `wayIndex` (memory/tlb.ts) has it. */
  #findWay(pc: number, entry: number): void {
    const { code } = this, lo = this.scratch(I32);
    code.get(pc);
    code.op(W.i32_wrap_i64);
    code.tee(lo);
    code.i32(PAGE_BITS - IN_PAGE_BITS - ENTRY_BITS);
    code.op(W.i32_shr_u);
    code.i32((WAY_PAGES - 1) << (IN_PAGE_BITS + ENTRY_BITS));
    code.op(W.i32_and);
    code.get(lo);
    code.get(lo);
    code.i32(IN_PAGE_BITS);
    code.op(W.i32_shr_u);
    code.op(W.i32_xor);
    code.i32(WAYS_PER_PAGE - 1);
    code.op(W.i32_and);
    code.i32(ENTRY_BITS);
    code.op(W.i32_shl);
    code.op(W.i32_or);
    code.get(this.slot);
    code.op(W.i32_add);
    code.set(entry);
  }
}

/** Logarithms: bytes of a page, ways of a page, bytes of a way's entry. */
const PAGE_BITS = 12, IN_PAGE_BITS = Math.log2(WAYS_PER_PAGE), ENTRY_BITS = Math.log2(WAY_ENTRY_BYTES);

/** Known targets of a computed jump that are compared with one by one. */
const FEW = 4;

/** By position: the values in locals that nothing behind it mentions. */
function releasesOf({ insts }: Block, { place, last }: BlockPlan): (Inst[] | undefined)[] {
  const releases: (Inst[] | undefined)[] = [];
  for (const inst of insts) {
    if (place[inst.id] !== Place.LOCAL || inst.type === "void" || last[inst.id]! < 0) continue;
    (releases[last[inst.id]!] ??= []).push(inst);
  }
  return releases;
}
