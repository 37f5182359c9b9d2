/**
 * The spans of memory (memory/spans.ts) that the accesses of a region went to last, in cells: one comparison with those does
 * for many pages. What was found holds until the soft TLB drops something. That happens in helpers that access memory or
 * change the state, and worlds switch: behind these a region asks whether it still holds, as at its beginning.
 *
 * The cells of a region that switches between worlds are in the slots of these; others have some for themselves
 * (group_spans.ts).
 */
import type { Block, Inst, Value } from "../../ir/types.ts";
import {
  FOUND_ADDEND,
  FOUND_BYTES,
  FOUND_ROOM,
  FOUND_START,
  FOUND_WRITE_ROOM,
  GPR,
  Gpr,
  STATE_BYTES,
} from "../../cpu/state.ts";
import { SLOT_FOUND, SLOT_GROUPS } from "../../memory/physical.ts";
import { type AccessRun, findRuns, splitAddress } from "./access_runs.ts";
import { cellType } from "./cells.ts";
import type { RegionSurroundings } from "./emitter.ts";
import type { FunctionCode } from "./encoder.ts";
import { groupClass, writeForget } from "./group_spans.ts";
import { I32, I64, W } from "./instructions.ts";
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
 * Accesses that mostly go to the same span: through a register (its cell), or to a page that their address says (its number,
 * behind those of cells).
 */
type Group = number;

/** By id of an operation: the group that it belongs to if it is an access. */
type Groups = readonly (Group | undefined)[];

/** All other accesses. */
const OTHERS = -1;
const RSP = GPR + 8 * Gpr.RSP;

/** By id of a value, while a block is looked at: the register that holds it. */
let REGISTERS = new Int32Array(0x400);
const NO_REGISTER = -1;

/** The groups of a block's accesses: a register's where it is the base, or part of a sum that is. */
function groupsOf({ insts }: Block): Groups {
  const found = new Array<Group | undefined>(insts.length).fill(undefined);
  if (REGISTERS.length < insts.length) REGISTERS = new Int32Array(2 * insts.length);
  const registers = REGISTERS.fill(NO_REGISTER, 0, insts.length);
  for (const { op, imm, id, args } of insts) {
    if (op === "get64" && cellType(imm) === I64) registers[id] = imm;
    if (op === "set64" && cellType(imm) === I64) registers[args[0]!.id] = imm;
  }
  for (const inst of insts) {
    if ((TRAITS[inst.code]! & (Trait.LOAD | Trait.STORE)) === 0) continue;
    const { base } = splitAddress(inst.args[0]!);
    found[inst.id] = base.op === "const64" ? pageOf(base) : registerOf(base, registers) ?? OTHERS;
  }
  return found;
}

/** The register that a base is, or is a sum with. */
function registerOf(base: Value, registers: Int32Array): number | undefined {
  if (registers[base.id] !== NO_REGISTER) return registers[base.id];
  if (base.op !== "add64") return undefined;
  for (const { id } of base.args) if (registers[id] !== NO_REGISTER) return registers[id];
  return undefined;
}

const pageOf = ({ imm, imm2 }: Inst): Group => STATE_BYTES + (imm >>> 12) + (imm2 >>> 0) * 2 ** 20;

/** The spans of a region. */
export class RegionSpans {
  readonly #ofAccess = new Map<Inst, Span>();
  /** Those that have one for the whole region. */
  readonly #ofGroup = new Map<Group, Span>();
  readonly #runs = new Map<Inst, AccessRun>();
  /** By number of a run: the local with the offset of its first byte in the linear memory, or 0. */
  readonly #runLocals: number[] = [];
  readonly #class: number;
  readonly #switches: boolean;

  /** @param slot the local with the offset of the current world's slot */
  constructor(
    readonly code: FunctionCode,
    blocks: readonly Block[],
    readonly slot: number,
    readonly surroundings: RegionSurroundings,
  ) {
    this.#class = groupClass(blocks[0]!.mode);
    this.#switches = blocks.some(({ terminal }) => terminal.kind === "vmfunc");
    for (const block of new Set(blocks)) {
      findRuns(block, this.#runs);
      this.#place(block);
    }
  }

  /** Gives the groups of a block cells: its own, as its registers point elsewhere than those of others. */
  #place(block: Block): void {
    const own = new Map<Group, Span>();
    for (const [i, group] of groupsOf(block).entries()) {
      const inst = block.insts[i]!;
      if (group === undefined || this.#ofAccess.has(inst)) continue;
      const span = own.get(group) ?? (this.#switches ? this.#ofRegion(group) : this.#take(group));
      own.set(group, span);
      this.#ofAccess.set(inst, span);
    }
  }

  #ofRegion(group: Group): Span {
    let span = this.#ofGroup.get(group);
    if (span === undefined) this.#ofGroup.set(group, span = this.#take(group));
    return span;
  }

  #take(group: Group): Span {
    const isStack = group === RSP;
    if (!this.#switches) return spanAt(this.surroundings.groupCells.take(this.#class, isStack));
    const number = isStack ? 0 : 1 + this.#ofGroup.size % (SLOT_GROUPS - 1);
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
    return this.#switches ? this.#ofRegion(register) : this.#take(register);
  }

  /** Writes code that forgets what does not hold in the current slot. */
  settle(code: FunctionCode): void {
    // What is in the slot is forgotten where the soft TLB drops it.
    if (this.#switches) return;
    writeForget(code, this.#class, this.slot, this.surroundings.imports.index("FORGET_GROUPS", [I32], true));
  }
}
