/**
 * The spans of memory (memory/spans.ts) that a region accesses, in locals: those that groups of its accesses went to last.
 * What was found last holds until the soft TLB drops something. That happens in helpers that access memory or change the
 * state, and worlds switch: behind these a region takes what is known then, as at its beginning.
 */
import type { Block, Inst, Value } from "../../ir/types.ts";
import { MemoryFlag } from "../../ir/types.ts";
import { helperInfo } from "../../cpu/helpers.ts";
import {
  FOUND,
  FOUND_ADDEND,
  FOUND_ROOM,
  FOUND_STACK,
  FOUND_START,
  FOUND_WRITE_ROOM,
  GPR,
  Gpr,
} from "../../cpu/state.ts";
import { SLOT_FOUND } from "../../memory/physical.ts";
import { cellType } from "./cells.ts";
import type { FunctionCode } from "./encoder.ts";
import { I32, I64, W } from "./instructions.ts";

/** An address as a value and a constant. */
export function splitAddress(address: Value): { readonly base: Value; readonly displacement: number } {
  const [base, constant] = address.args as [Value?, Value?];
  return address.op === "add64" && constant!.op === "const64" && constant!.imm2 === constant!.imm >> 31
    ? { base: base!, displacement: constant!.imm }
    : { base: address, displacement: 0 };
}

/** Whether an access needs a page that can be written. */
export const isWrite = ({ op, imm }: Inst): boolean =>
  op.startsWith("store") || (imm & MemoryFlag.WRITE_INTENT) !== 0;

const isAccess = (op: string): boolean => /^(load|store)/.test(op);

/** Whether mappings may be others behind an operation. */
export function changesMappings({ op, imm }: Inst): boolean {
  if (op !== "call") return false;
  const { state, exits } = helperInfo(imm);
  return state === "all" || exits === true;
}

/** A span in locals. */
export interface LocalSpan {
  /** Linear address of its first byte. */
  readonly start: number;
  /** How far behind that reads, and writes, may start: 0 if there is nothing they may access. One local where both do. */
  readonly room: number | undefined;
  readonly writeRoom: number | undefined;
  /** What to add to the low half of a linear address for the offset in the linear memory. */
  readonly addend: number;
  /** Offset of the cells that say what was found last. */
  readonly cells: number;
}

/** Accesses that mostly go to the same span: through a register (its cell), or to a page that their address says. */
type Group = number | `page ${string}`;

/** Most groups with a span of their own, and accesses of one that make it worth while outside of loops. */
const MOST_GROUPS = 5, ENOUGH_ACCESSES = 4;
/** All other accesses. */
const OTHERS = -1;
/** What is pushed is popped: one room does for both. */
const RSP = GPR + 8 * Gpr.RSP;

/** The groups of a block's accesses: a register's where it is the base, or part of a sum that is. */
function groupsOf({ insts }: Block): Map<Inst, Group> {
  const registers = new Map<Value, number>(), found = new Map<Inst, Group>();
  for (const inst of insts) {
    if (inst.op === "get64" && cellType(inst.imm) === I64) registers.set(inst, inst.imm);
    if (inst.op === "set64" && cellType(inst.imm) === I64) registers.set(inst.args[0]!, inst.imm);
  }
  for (const inst of insts) {
    if (!isAccess(inst.op)) continue;
    const { base } = splitAddress(inst.args[0]!);
    const places = [base, ...base.op === "add64" ? base.args : []].map((value) => registers.get(value));
    const group = base.op === "const64" ? pageOf(base) : places.find((register) => register !== undefined);
    found.set(inst, group ?? OTHERS);
  }
  return found;
}

const pageOf = ({ imm, imm2 }: Inst): Group => `page ${imm2}:${imm >>> 12}`;

/** The spans of a region. */
export class RegionSpans {
  readonly #groups = new Map<Inst, Group>();
  readonly #takers = new Set<Inst>();
  readonly #spans = new Map<Group, LocalSpan>();

  /** @param loops whether each block may be executed again before the region is left */
  constructor(code: FunctionCode, blocks: readonly Block[], loops: readonly boolean[]) {
    const worth = new Map<Group, number>();
    for (const [n, block] of blocks.entries()) {
      for (const [inst, group] of groupsOf(block)) {
        this.#groups.set(inst, group);
        if (group !== OTHERS) worth.set(group, (worth.get(group) ?? 0) + (loops[n] ? ENOUGH_ACCESSES : 1));
      }
    }
    const best = [...worth].filter(([, count]) => count >= ENOUGH_ACCESSES).sort((a, b) => b[1] - a[1])
      .slice(0, MOST_GROUPS).map(([group]) => group);
    const accesses = new Map<Group, Inst[]>();
    for (const { insts } of blocks) {
      const seen = new Set<Group>();
      for (const inst of insts) {
        const wanted = this.#groups.get(inst);
        if (wanted === undefined) continue;
        const group = best.includes(wanted) ? wanted : OTHERS;
        this.#groups.set(inst, group);
        if (!seen.has(group)) this.#takers.add(inst);
        seen.add(group);
        const list = accesses.get(group);
        if (list === undefined) accesses.set(group, [inst]);
        else list.push(inst);
      }
    }
    for (const [group, list] of accesses) this.#spans.set(group, localSpan(code, group, list));
  }

  /** The span that an access looks into. */
  find(inst: Inst): LocalSpan {
    return this.#spans.get(this.#groups.get(inst)!)!;
  }

  /**
   * Whether an access takes over the span that it finds: the first of a block. Behind it the locals stay as they are, so
   * that the host computes what depends on them once.
   */
  takes(inst: Inst): boolean {
    return this.#takers.has(inst);
  }

  /** The stack's span, which all registers may point into, if it is not the same. */
  stackBeside(span: LocalSpan): LocalSpan | undefined {
    const stack = this.#spans.get(RSP);
    return stack === span ? undefined : stack;
  }

  /** The span that a register points into, if it has one of its own; for accesses that are none of the IR's. */
  of(register: number): LocalSpan | undefined {
    return this.#spans.get(register);
  }

  /** Writes code that takes over what was found last in the current world, whose slot a local has the offset of. */
  recall(code: FunctionCode, slot: number): void {
    for (const span of this.#spans.values()) {
      const from = SLOT_FOUND + span.cells - FOUND;
      takeCells(code, span, (instruction, cell) => {
        code.get(slot);
        code.memory(instruction, from + cell);
      });
    }
  }
}

function localSpan(code: FunctionCode, group: Group, accesses: readonly Inst[]): LocalSpan {
  const writes = group === RSP || accesses.some(isWrite), reads = !accesses.every(isWrite);
  const start = code.local(I64), addend = code.local(I32);
  const writeRoom = writes ? code.local(I64) : undefined;
  const room = group === RSP ? writeRoom : reads ? code.local(I64) : undefined;
  return { start, room, writeRoom, addend, cells: group === RSP ? FOUND_STACK : FOUND };
}

/** Writes code that takes over the span that was found last. */
export function takeFound(code: FunctionCode, span: LocalSpan): void {
  takeCells(code, span, (instruction, cell) => code.load(instruction, span.cells + cell));
}

function takeCells(
  code: FunctionCode,
  { start, room, writeRoom, addend }: LocalSpan,
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

/** Writes code that makes a span the same as another. */
export function copySpan(code: FunctionCode, from: LocalSpan, to: LocalSpan): void {
  const copy = (source: number | undefined, target: number | undefined): void => {
    if (source === undefined || target === undefined) return;
    code.get(source);
    code.set(target);
  };
  copy(from.start, to.start);
  copy(from.room, to.room);
  copy(from.writeRoom, to.writeRoom);
  copy(from.addend, to.addend);
}
