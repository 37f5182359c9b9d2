/**
 * The spans of memory (memory/spans.ts) that a region accesses: those that groups of its accesses went to last. What was
 * found last holds until the soft TLB drops something. That happens in helpers that access memory or change the state, and
 * worlds switch: behind these a region takes what is known then, as at its beginning.
 *
 * Loops of few accesses have their spans in locals. Of many accesses, all would write locals that the host has to carry along
 * everywhere; and what is executed once before the region is left knows better where it went itself, than where others went
 * last: their spans are in cells (group_spans.ts).
 */
import type { Block, Inst, Value } from "../../ir/types.ts";
import { MemoryFlag } from "../../ir/types.ts";
import {
  FOUND,
  FOUND_ADDEND,
  FOUND_ROOM,
  FOUND_STACK,
  FOUND_START,
  FOUND_WRITE_ROOM,
  GPR,
  Gpr,
  STATE_BYTES,
} from "../../cpu/state.ts";
import { SLOT_FOUND } from "../../memory/physical.ts";
import { cellType } from "./cells.ts";
import type { RegionSurroundings } from "./emitter.ts";
import type { FunctionCode } from "./encoder.ts";
import { groupClass, writeForget } from "./group_spans.ts";
import { I32, I64, W } from "./instructions.ts";
import { Trait, TRAITS } from "./traits.ts";

/** An address as a value and a constant. */
export function splitAddress(address: Value): { readonly base: Value; readonly displacement: number } {
  const [base, constant] = address.args as [Value?, Value?];
  return address.op === "add64" && constant!.op === "const64" && constant!.imm2 === constant!.imm >> 31
    ? { base: base!, displacement: constant!.imm }
    : { base: address, displacement: 0 };
}

/** Whether an access needs a page that can be written. */
export const isWrite = ({ code, imm }: Inst): boolean =>
  (TRAITS[code]! & Trait.STORE) !== 0 || (imm & MemoryFlag.WRITE_INTENT) !== 0;

/** A span that accesses look into. */
export interface Span {
  /** Leave: the linear address of its first byte. */
  pushStart(code: FunctionCode): void;
  /** How far behind that reads or writes may start: 0 if there is nothing they may access. Writes only if it is for them. */
  pushRoom(code: FunctionCode, isWrite: boolean): void;
  /** What to add to the low half of a linear address for the offset in the linear memory. */
  pushAddend(code: FunctionCode): void;
  /** Offset of the cells that say what was found last. */
  readonly cells: number;
  readonly isForWrites: boolean;
  /** Whether it is the stack's. */
  readonly isStack: boolean;
  /** Set where it is in locals. */
  readonly locals?: SpanLocals;
}

/** One local for both rooms where all is read and written. */
interface SpanLocals {
  readonly start: number;
  readonly room: number | undefined;
  readonly writeRoom: number | undefined;
  readonly addend: number;
}

/**
 * Accesses that mostly go to the same span: through a register (its cell), or to a page that their address says (its number,
 * behind those of cells).
 */
type Group = number;

/** By id of an operation: the group that it belongs to if it is an access. */
type Groups = readonly (Group | undefined)[];

/** Most groups with a span of their own, and accesses of one that make it worth while outside of loops. */
const MOST_GROUPS = 5, ENOUGH_ACCESSES = 4;
/** All other accesses. */
const OTHERS = -1;
/** What is pushed is popped: one room does for both. */
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
  readonly #takers = new Set<Inst>();
  readonly #spans = new Map<Group, Span>();
  /** Whether its spans are in cells that it shares with others. */
  readonly #shares: boolean;
  readonly #class: number;

  /** @param loops whether each block may be executed again before the region is left */
  constructor(
    code: FunctionCode,
    blocks: readonly Block[],
    loops: readonly boolean[],
    readonly surroundings: RegionSurroundings,
  ) {
    const groups = blocks.map(groupsOf);
    const count = groups.flat().filter((group) => group !== undefined).length;
    this.#shares = count > surroundings.accessesInLocals || !loops.includes(true);
    this.#class = groupClass(blocks[0]!.mode);
    if (this.#shares) this.#share(blocks, groups);
    else this.#keep(code, blocks, groups, loops);
  }

  /** Keeps the spans of the groups that it is most worth while for in locals. */
  #keep(
    code: FunctionCode,
    blocks: readonly Block[],
    groups: readonly Groups[],
    loops: readonly boolean[],
  ): void {
    const worth = new Map<Group, number>();
    for (const [n, found] of groups.entries()) {
      const weight = loops[n] ? ENOUGH_ACCESSES : 1;
      for (const group of found) {
        if (group !== undefined && group !== OTHERS) worth.set(group, (worth.get(group) ?? 0) + weight);
      }
    }
    const best = [...worth].filter(([, count]) => count >= ENOUGH_ACCESSES).sort((a, b) => b[1] - a[1])
      .slice(0, MOST_GROUPS).map(([group]) => group);
    const accesses = new Map<Group, Inst[]>();
    for (const [n, { insts }] of blocks.entries()) {
      const seen = new Set<Group>();
      for (const [i, wanted] of groups[n]!.entries()) {
        if (wanted === undefined) continue;
        const group = best.includes(wanted) ? wanted : OTHERS, inst = insts[i]!;
        if (!seen.has(group)) this.#takers.add(inst);
        seen.add(group);
        const list = accesses.get(group);
        if (list === undefined) accesses.set(group, [inst]);
        else list.push(inst);
      }
    }
    for (const [group, list] of accesses) {
      const span = localSpan(code, group, list);
      this.#spans.set(group, span);
      for (const inst of list) this.#ofAccess.set(inst, span);
    }
  }

  /** Has the spans in cells. */
  #share(blocks: readonly Block[], groups: readonly Groups[]): void {
    const share = (group: Group): Span => this.surroundings.groupCells.take(this.#class, group === RSP);
    for (const [n, { insts }] of blocks.entries()) {
      const own = new Map<Group, Span>();
      for (const [i, group] of groups[n]!.entries()) {
        // Copies of blocks have the same operations.
        if (group === undefined || this.#ofAccess.has(insts[i]!)) continue;
        const span = own.get(group) ?? share(group);
        own.set(group, span);
        this.#ofAccess.set(insts[i]!, span);
      }
    }
    for (let register = GPR; register < GPR + 8 * 16; register += 8) {
      this.#spans.set(register, share(register));
    }
  }

  /** The span that an access looks into. */
  find(inst: Inst): Span {
    return this.#ofAccess.get(inst)!;
  }

  /**
   * Whether an access takes over the span that it finds: the first of a block. Behind it the locals stay as they are, so
   * that the host computes what depends on them once.
   */
  takes(inst: Inst): boolean {
    return this.#takers.has(inst);
  }

  /** The stack's span, which all registers may point into, if it is not the same. */
  stackBeside(span: Span): Span | undefined {
    const stack = this.#spans.get(RSP);
    return stack === span ? undefined : stack;
  }

  /** The span that a register points into, if it has one of its own; for accesses that are none of the IR's. */
  of(register: number): Span | undefined {
    return this.#spans.get(register);
  }

  /** Writes code that takes over what was found last in the current world, whose slot a local has the offset of. */
  recall(code: FunctionCode, slot: number): void {
    if (this.#shares) {
      return writeForget(
        code,
        this.#class,
        slot,
        this.surroundings.imports.index("FORGET_GROUPS", [I32], true),
      );
    }
    for (const span of this.#spans.values()) {
      const from = SLOT_FOUND + span.cells - FOUND;
      takeCells(code, span.locals!, (instruction, cell) => {
        code.get(slot);
        code.memory(instruction, from + cell);
      });
    }
  }
}

function localSpan(code: FunctionCode, group: Group, accesses: readonly Inst[]): Span {
  const isStack = group === RSP, writes = isStack || accesses.some(isWrite), reads = !accesses.every(isWrite);
  const start = code.local(I64), addend = code.local(I32);
  const writeRoom = writes ? code.local(I64) : undefined;
  const room = isStack ? writeRoom : reads ? code.local(I64) : undefined;
  return {
    pushStart: (code) => code.get(start),
    pushRoom: (code, isWrite) => code.get((isWrite ? writeRoom : room ?? writeRoom)!),
    pushAddend: (code) => code.get(addend),
    cells: isStack ? FOUND_STACK : FOUND,
    isForWrites: writes,
    isStack,
    locals: { start, room, writeRoom, addend },
  };
}

/** Writes code that takes over the span that was found last. */
export function takeFound(code: FunctionCode, { locals, cells }: Span): void {
  if (locals !== undefined) {
    takeCells(code, locals, (instruction, cell) => code.load(instruction, cells + cell));
  }
}

function takeCells(
  code: FunctionCode,
  { start, room, writeRoom, addend }: SpanLocals,
  load: (instruction: number, cell: number) => void,
): void {
  const take = (local: number | undefined, instruction: number, cell: number): void => {
    if (local === undefined) return;
    load(instruction, cell);
    code.set(local);
  };
  take(start, W.i64_load, FOUND_START);
  if (room !== writeRoom) take(room, W.i64_load, FOUND_ROOM);
  take(writeRoom, W.i64_load, FOUND_WRITE_ROOM);
  take(addend, W.i32_load, FOUND_ADDEND);
}

/** Writes code that makes a span in locals the same as another. */
export function copySpan(code: FunctionCode, from: Span, to: Span): void {
  const copy = (source: number | undefined, target: number | undefined): void => {
    if (source === undefined || target === undefined) return;
    code.get(source);
    code.set(target);
  };
  copy(from.locals!.start, to.locals!.start);
  copy(from.locals!.room, to.locals!.room);
  copy(from.locals!.writeRoom, to.locals!.writeRoom);
  copy(from.locals!.addend, to.locals!.addend);
}
