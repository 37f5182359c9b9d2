/** Writes the WebAssembly of a region: one function with the guest's registers in locals. */
import type { Block, Inst } from "../../ir/types.ts";
import { isSystemCall } from "../../cpu/fault.ts";
import { MXCSR_PE } from "../../cpu/mode.ts";
import { MXCSR, RIP } from "../../cpu/state.ts";
import type { Exit } from "../engine.ts";
import { atOnce, type Slices } from "../slices.ts";
import { halves } from "../address.ts";
import { Emitter, type RegionSurroundings } from "./emitter.ts";
import { FunctionCode, type Label } from "./encoder.ts";
import { VOID, W } from "./instructions.ts";
import { type LoopEntry, OUTSIDE } from "./loop_entries.ts";
import { instructionsOf } from "./region_graph.ts";
import { followLink, jumpTo, leaveTo, redispatch, setRip } from "./jumps.ts";
import { localType, LOWERING } from "./lowering.ts";
import { type BlockPlan, Place } from "./plan.ts";
import { leavePending, settlePending } from "./pending_flags.ts";
import { storeCell } from "./state_cells.ts";
import { emitSystemCall } from "./system_call.ts";
import { emitVmfunc, type SwitchTarget } from "./world_switch.ts";

/** A compiled region before it is part of a module. */
export interface EmittedRegion {
  readonly code: FunctionCode;
  readonly exits: readonly Exit[];
  /** Numbers of the blocks that it can be entered at. */
  readonly entrances: readonly number[];
}

/** Emits one region, in slices. */
export function* emitRegion(
  blocks: readonly Block[],
  surroundings: RegionSurroundings,
): Slices<EmittedRegion> {
  const emitter = new Emitter(blocks, surroundings);
  yield* emitter.planAll(blocks);
  return yield* new RegionWriter(emitter).emit();
}

/** Starts of loops go on at their headers. */
const NO_TARGET = -1;

class RegionWriter {
  readonly code: FunctionCode;
  /** Labels behind which merges stand, and starts of loops, by node. */
  readonly #labels = new Map<number, Label>();
  readonly #loops = new Map<number, Label>();
  /** The node that is being written. */
  #node = OUTSIDE;

  constructor(readonly e: Emitter) {
    this.code = e.code;
  }

  *emit(): Slices<EmittedRegion> {
    const { e, code } = this, { entrances, outermost } = e.shape.flow;
    e.exitLabel = code.open(W.block, VOID);
    e.linkLabel = code.open(W.block, VOID);
    yield* this.#nest(
      outermost,
      () => this.#select(entrances, (block) => e.shape.flow.step(OUTSIDE, block).node),
    );
    code.end();
    followLink(e);
    code.end();
    this.#epilogue();
    this.#prologue();
    return { code, exits: e.exits, entrances };
  }

  // --- Structure ---

  /** Opens a block for each merge, writes what comes before them, and then each behind its block. */
  *#nest(merges: readonly number[], first: () => Slices<void>): Slices<void> {
    for (const node of [...merges].reverse()) this.#labels.set(node, this.code.open(W.block, VOID));
    yield* first();
    for (const node of merges) {
      this.code.end();
      yield* this.#tree(node);
    }
  }

  /** Writes a node and what it dominates. */
  *#tree(node: number): Slices<void> {
    const { e, code } = this, { isLoop, merges, loopEntries } = e.shape.flow, outer = this.#node;
    if (isLoop[node]) this.#loops.set(node, code.open(W.loop, VOID));
    this.#node = node;
    const entry = loopEntries[node - e.blocks.length];
    yield* this.#nest(merges[node]!, () => {
      this.#node = node;
      if (entry !== undefined) return this.#writeLoopEntry(entry);
      return e.inBlock(node, (block, plan) => this.#writeBlock(block, plan));
    });
    this.#node = outer;
    if (!isLoop[node]) return;
    code.op(W.unreachable);
    code.end();
  }

  /** Goes on at a block of the region. */
  *#goTo(block: number): Slices<void> {
    const { node, tells } = this.e.shape.flow.step(this.#node, block);
    if (tells) this.#tell(block);
    yield* this.#branch(node);
  }

  /** Goes on at a node that an edge leads to from the one that is being written. */
  *#branch(node: number): Slices<void> {
    const { isLoop, isMerge, dominates } = this.e.shape.flow, { code } = this;
    if (isLoop[node] && dominates(node, this.#node)) code.br(this.#loops.get(node)!);
    else if (isMerge[node]) code.br(this.#labels.get(node)!);
    // Where only this edge leads, it goes on in place.
    else yield* this.#tree(node);
  }

  /** Says which block starts of loops shall go on at. */
  #tell(block: number): void {
    this.code.i32(block);
    this.code.set(this.e.target);
  }

  /** The start of a loop: mostly for another turn. */
  *#writeLoopEntry(entry: LoopEntry): Slices<void> {
    const { e, code } = this, { flow } = e.shape, { header } = entry;
    if (header !== undefined) {
      code.get(e.target);
      code.i32(NO_TARGET);
      code.op(W.i32_eq);
      code.openHinted(VOID, 1);
      yield* this.#branch(flow.next(entry, header));
      code.end();
    }
    yield* this.#select([...entry.told], (block) => flow.next(entry, block));
  }

  /** Goes on for the block that is told of, one of some, at the node where it is or that leads to it. */
  *#select(blocks: readonly number[], nodeOf: (block: number) => number): Slices<void> {
    const { e, code } = this;
    const nodes = [...new Set(blocks.map(nodeOf))];
    const isDefault = e.shape.flow.loopEntries.some(({ header }) => header !== undefined);
    const goOn = (node: number): Slices<void> => {
      if (isDefault && blocks.includes(node)) this.#tell(NO_TARGET);
      return this.#branch(node);
    };
    if (nodes.length === 1) return yield* goOn(nodes[0]!);
    const labels = new Map(nodes.toReversed().map((node) => [node, code.open(W.block, VOID)]));
    const table = new Array<Label>(Math.max(...blocks) + 1).fill(labels.get(nodes[0]!)!);
    for (const block of blocks) table[block] = labels.get(nodeOf(block))!;
    code.get(e.target);
    code.brTable(table, table[0]!);
    for (const node of nodes) {
      code.end();
      yield* goOn(node);
    }
  }

  // --- Beginning and end of the function ---

  #prologue(): void {
    const { e, code } = this, body = code.view().slice();
    const start = new FunctionCode([]);
    if (e.cells.hasFlags) settlePending(start);
    e.loadState(start);
    e.spans.settle(start);
    code.prepend(start, body);
  }

  #epilogue(): void {
    const { e, code } = this;
    e.storeState();
    const used = e.recipes.list.slice(1);
    if (used.length > 0) {
      const done = code.open(W.block, VOID);
      const labels = used.map(() => code.open(W.block, VOID)).reverse();
      code.get(e.recipe);
      code.brTable([done, ...labels], done);
      for (const recipe of used) {
        code.end();
        leavePending(code, recipe!, e.surroundings.flagFunctions, (value) => e.push(value));
        code.br(done);
      }
      code.end();
    }
    code.get(e.result);
  }

  // --- Blocks ---

  *#writeBlock(block: Block, plan: BlockPlan): Slices<void> {
    const { e, code } = this, { number } = e;
    if (e.shape.checked[number]) {
      code.get(e.budget);
      code.i32(e.shape.demands[number]!);
      code.op(W.i32_lt_s);
      code.openHinted(VOID, 0);
      e.leave(e.exit({ kind: "budget", ...halves(block.pc) }), undefined);
      code.end();
    }
    code.get(e.budget);
    code.i32(instructionsOf(block));
    code.op(W.i32_sub);
    code.set(e.budget);
    const releases = releasesOf(block, plan);
    const release = (at: number): void => {
      for (const value of releases[at] ?? []) e.pool.release(localType(value), e.locals[value.id]!);
    };
    const { insts } = block;
    this.#withSideExits(plan, () => {
      for (let i = 0; i < insts.length; i++) {
        const inst = insts[i]!;
        if (plan.place[inst.id] === Place.LOCAL) this.#writeInst(inst, plan);
        release(i);
      }
    });
    yield instructionsOf(block);
    yield* this.#writeTerminal();
    release(insts.length);
  }

  /**
   * Writes the operations of a block. Its exits meet behind it, and only then those of other blocks: most registers are the
   * same at all of them, and the host's compiler would bring each to one place for each exit.
   */
  #withSideExits({ stateAt }: BlockPlan, write: () => void): void {
    const { e, code } = this;
    let exits = 0;
    for (const state of stateAt) if (state !== undefined) exits++;
    e.sideLabel = e.exitLabel;
    if (exits < 2) return write();
    const done = code.open(W.block, VOID);
    e.sideLabel = code.open(W.block, VOID);
    write();
    code.br(done);
    code.end();
    code.br(e.exitLabel);
    code.end();
  }

  #writeInst(inst: Inst, { last }: BlockPlan): void {
    const { e, code } = this;
    LOWERING[inst.op](e, inst);
    e.pool.endOperation();
    if (inst.type === "void") return;
    if (last[inst.id]! < 0) return code.op(W.drop);
    const local = e.pool.take(localType(inst));
    e.locals[inst.id] = local;
    code.set(local);
  }

  *#writeTerminal(): Slices<void> {
    const { e, code } = this, { terminal } = e.block;
    switch (terminal.kind) {
      case "jump":
        return yield* this.#continueAt(terminal.target);
      case "branch":
        e.push(terminal.condition);
        code.open(W.if, VOID);
        yield* this.#continueAt(terminal.taken);
        code.end();
        return yield* this.#continueAt(terminal.next);
      case "indirect":
        this.#leaveIfPlain(() => e.push(terminal.target));
        return yield* jumpTo(e, terminal.target, (target) => this.#goTo(target));
      case "redispatch":
        setRip(e, e.operand(terminal.target));
        e.noteEnd([]);
        return redispatch(e, this.#redispatch());
      case "event": {
        if (isSystemCall(terminal)) return this.#writeSystemCall(terminal.rip);
        const { event, vector, error, rip, retired } = terminal;
        const exit: Exit = { kind: "event", ...halves(rip), undo: retired ? 0 : 1, event, vector, error };
        return e.leave(e.exit(exit), e.plan.end);
      }
      case "vmfunc":
        return this.#writeVmfunc(terminal.next);
    }
  }

  /** Goes on at a linear address. */
  *#continueAt(address: bigint): Slices<void> {
    const { e } = this, { lo, hi } = halves(address);
    this.#leaveIfPlain(() => e.code.i64(lo, hi));
    const target = e.shape.target(e.number, address);
    if (target === undefined) return leaveTo(e, { lo, hi });
    if (e.flags.mustNote(e.number, target)) e.noteEnd([target]);
    yield* this.#goTo(target);
  }

  /** Leaves for where `pushTarget` says if floating point has set the sticky bit that the plain mode wants. */
  #leaveIfPlain(pushTarget: () => void): void {
    const { e, code } = this;
    if (!e.block.usesFloat) return;
    code.load(W.i32_load, MXCSR);
    code.i32(MXCSR_PE);
    code.op(W.i32_and);
    code.openHinted(VOID, 0);
    storeCell(code, W.i64_store, RIP, pushTarget);
    e.leave(this.#redispatch(), e.plan.end);
    code.end();
  }

  #redispatch(): number {
    return this.e.exit({ kind: "indirect", redispatch: true, block: this.e.original, next: undefined });
  }

  #writeSystemCall(next: bigint): void {
    const { e } = this, behind = e.shape.target(e.number, next);
    emitSystemCall(e, {
      next: halves(next),
      exit: this.#redispatch(),
      behind: behind === undefined ? undefined : {
        demand: e.shape.checked[behind] ? 0 : e.shape.demands[behind]!,
        goOn: () => atOnce(this.#goTo(behind)),
      },
    });
  }

  #writeVmfunc(next: bigint): void {
    const { e } = this, { pc, mode, offsets } = e.block;
    const at = offsets[offsets.length - 2]!;
    const side = e.exit({ kind: "side", ...halves(pc + BigInt(at)), undo: 1 });
    const exit = this.#redispatch(), { direct, computed } = e.shape.edges[e.number]!;
    const target = (block: number, noteFlags: () => void): SwitchTarget => ({
      pc: halves(e.blocks[block]!.pc),
      demand: e.shape.checked[block] ? 0 : e.shape.demands[block]!,
      goOn: () => {
        e.spans.settle(e.code);
        noteFlags();
        atOnce(this.#goTo(block));
      },
    });
    const [behind] = direct.map((block) =>
      target(block, () => {
        if (e.flags.mustNote(e.number, block)) e.noteEnd([block]);
      })
    );
    emitVmfunc(e, {
      mode,
      next: halves(next),
      behind,
      callees: computed.map((block) => target(block, () => {})),
      noteFlags: () => e.noteEnd(computed),
      leave: () => redispatch(e, exit),
      leaveByEvent: () => e.leave(side, undefined),
      worldCallExit: e.exit({
        kind: "indirect",
        redispatch: true,
        block: e.original,
        worldCall: true,
        next: undefined,
      }),
    });
  }
}

/** By position: the values in locals that nothing behind it mentions. */
function releasesOf({ insts }: Block, { place, last }: BlockPlan): (Inst[] | undefined)[] {
  const releases: (Inst[] | undefined)[] = [];
  for (const inst of insts) {
    if (place[inst.id] !== Place.LOCAL || inst.type === "void" || last[inst.id]! < 0) continue;
    (releases[last[inst.id]!] ??= []).push(inst);
  }
  return releases;
}
