/**
 * The spans of memory (memory/spans.ts) that the accesses of a region went to last, in cells: one comparison with those does
 * for many pages. What was found holds until the soft TLB drops something. That happens in helpers that access memory or
 * change the state, and worlds switch: behind these a region asks whether it still holds, as at its beginning.
 *
 * The cells of a region that switches between worlds are in the slots of these; others have some for themselves
 * (group_spans.ts).
 */
import type { Block, Inst } from "../../ir/types.ts";
import {
  FOUND_ADDEND,
  FOUND_BYTES,
  FOUND_ROOM,
  FOUND_START,
  FOUND_WRITE_ROOM,
  GPR,
  Gpr,
} from "../../cpu/state.ts";
import { SLOT_FOUND, SLOT_GROUPS } from "../../memory/physical.ts";
import { type AccessRun, findRuns, splitAddress } from "./access_runs.ts";
import type { RegionSurroundings } from "./emitter.ts";
import type { FunctionCode } from "./encoder.ts";
import { groupClass, writeForget } from "./group_spans.ts";
import { I32, W } from "./instructions.ts";
import { Trait, TRAITS } from "./traits.ts";

/** A span that accesses look into. */
export interface Span {
  /** Leave: the linear address of its first byte. */
  pushStart(code: FunctionCode): void;
  /** How far behind that SPAN_MARGIN bytes may start that are read, or written: 0 if there is nothing that may. */
  pushRoom(code: FunctionCode, isWrite: boolean): void;
  /** What to add to the low half of a linear address for the offset in the linear memory. */
  pushAddend(code: FunctionCode): void;
  /** The offset of its cells. */
  pushCells(code: FunctionCode): void;
}

/** A span in cells at an offset, from the slot's if a local is given that has that. */
function spanAt(offset: number, slot?: number): Span {
  const load = (code: FunctionCode, instruction: number, cell: number): void => {
    if (slot === undefined) return code.load(instruction, offset + cell);
    code.get(slot);
    code.memory(instruction, offset + cell);
  };
  return {
    pushStart: (code) => load(code, W.i64_load, FOUND_START),
    pushRoom: (code, isWrite) => load(code, W.i64_load, isWrite ? FOUND_WRITE_ROOM : FOUND_ROOM),
    pushAddend: (code) => load(code, W.i32_load, FOUND_ADDEND),
    pushCells: (code) => {
      code.i32(offset);
      if (slot === undefined) return;
      code.get(slot);
      code.op(W.i32_add);
    },
  };
}

/**
 * Accesses that mostly go to the same span: around one value, to a page that their address says (its number, behind those of
 * values), or to the stack.
 */
type Group = number;
const STACK = -1, FIRST_PAGE = 2 ** 32;

/** By id of a value, while a block is looked at: whether RSP holds it. */
let IN_RSP = new Uint8Array(0x400);
const RSP = GPR + 8 * Gpr.RSP;

/** The groups of a block's accesses, by id of the operation; undefined for others. */
function groupsOf({ insts }: Block): (Group | undefined)[] {
  const found = new Array<Group | undefined>(insts.length).fill(undefined);
  if (IN_RSP.length < insts.length) IN_RSP = new Uint8Array(2 * insts.length);
  const inRsp = IN_RSP.fill(0, 0, insts.length);
  for (const { op, imm, id, args } of insts) {
    if (imm !== RSP) continue;
    if (op === "get64") inRsp[id] = 1;
    if (op === "set64") inRsp[args[0]!.id] = 1;
  }
  for (const inst of insts) {
    if ((TRAITS[inst.code]! & (Trait.LOAD | Trait.STORE)) === 0) continue;
    const { base } = splitAddress(inst.args[0]!);
    const isStack = inRsp[base.id] !== 0 ||
      (base.op === "add64" && base.args.some(({ id }) => inRsp[id] !== 0));
    found[inst.id] = isStack ? STACK : base.op === "const64" ? pageOf(base) : base.id;
  }
  return found;
}

const pageOf = ({ imm, imm2 }: Inst): Group => FIRST_PAGE + (imm >>> 12) + (imm2 >>> 0) * 2 ** 20;

/** The spans of a region. */
export class RegionSpans {
  readonly #ofAccess = new Map<Inst, Span>();
  readonly #runs = new Map<Inst, AccessRun>();
  /** By number of a run: the local with the offset of its first byte in the linear memory, or 0. */
  readonly #runLocals: number[] = [];
  readonly #class: number;
  readonly #switches: boolean;
  /** Cells of the slot that have been taken. */
  #taken = 0;

  /** @param slot the local with the offset of the current world's slot */
  constructor(
    readonly code: FunctionCode,
    blocks: readonly Block[],
    readonly slot: number,
    readonly surroundings: RegionSurroundings,
  ) {
    this.#class = groupClass(blocks[0]!.mode, surroundings.isGuest);
    this.#switches = blocks.some(({ terminal }) => terminal.kind === "vmfunc");
    for (const block of new Set(blocks)) {
      findRuns(block, this.#runs);
      this.#place(block);
    }
  }

  /** Gives the groups of a block cells: its own, as its values point elsewhere than those of others. */
  #place(block: Block): void {
    const own = new Map<Group, Span>(), groups = groupsOf(block);
    for (const inst of block.insts) {
      const group = groups[inst.id];
      if (group === undefined || this.#ofAccess.has(inst)) continue;
      let span = own.get(group);
      if (span === undefined) own.set(group, span = this.#take(group === STACK));
      this.#ofAccess.set(inst, span);
    }
  }

  #take(isStack: boolean): Span {
    if (!this.#switches) return spanAt(this.surroundings.groupCells.take(this.#class, isStack));
    const number = isStack ? 0 : 1 + this.#taken++ % (SLOT_GROUPS - 1);
    return spanAt(SLOT_FOUND + number * FOUND_BYTES, this.slot);
  }

  /** The span that an access looks into. */
  find(inst: Inst): Span {
    return this.#ofAccess.get(inst)!;
  }

  /** The run that an access is part of, if it is not alone. */
  runOf(inst: Inst): AccessRun | undefined {
    return this.#runs.get(inst);
  }

  /** The local of a run: with the offset in the linear memory of its first byte, or 0 where accesses have to look. */
  runLocal({ number }: AccessRun): number {
    return this.#runLocals[number] ??= this.code.local(I32);
  }

  /** A span for accesses of one operation through a register that are none of the IR's; that of the stack for RSP. */
  ofRegister(register: number): Span {
    return this.#take(register === RSP);
  }

  /** Writes code that forgets what does not hold in the current slot. */
  settle(code: FunctionCode): void {
    // What is in the slot is forgotten where the soft TLB drops it.
    if (this.#switches) return;
    writeForget(code, this.#class, this.slot, this.surroundings.imports.index("FORGET_GROUPS", [I32], true));
  }
}
