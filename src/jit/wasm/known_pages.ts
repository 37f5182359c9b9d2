/**
 * What a region knows of the pages that it accesses, so that not each access asks the soft TLB. Mappings change in helpers
 * that access memory or change the state, and in world switches; then it is forgotten.
 */
import type { Block, Inst, Value } from "../../ir/types.ts";
import { helperInfo } from "../../cpu/helpers.ts";
import { cellType } from "./cells.ts";
import type { Emitter } from "./emitter.ts";
import type { FunctionCode } from "./encoder.ts";
import { I32, I64, W } from "./instructions.ts";

/** An address as a value and a constant. */
export function splitAddress(address: Value): { readonly base: Value; readonly displacement: number } {
  const [base, constant] = address.args as [Value?, Value?];
  return address.op === "add64" && constant!.op === "const64" && constant!.imm2 === constant!.imm >> 31
    ? { base: base!, displacement: constant!.imm }
    : { base: address, displacement: 0 };
}

const isAccess = (op: string): boolean => /^(load|store)/.test(op);

/** Whether mappings may be others behind an operation. */
export function changesMappings({ op, imm }: Inst): boolean {
  if (op !== "call") return false;
  const { state, exits } = helperInfo(imm);
  return state === "all" || exits === true;
}

/** Locals that say where the page lies that a register pointed into last. */
export interface RegisterPage {
  /** Its linear address, or NO_PAGE; the same if stores need no slow path. */
  readonly page: number;
  readonly writable: number;
  /** What to add to the low half of a linear address for the offset in the linear memory. */
  readonly addend: number;
}
/** No page has this address. */
export const NO_PAGE = 1;

/** Most registers whose page is kept, and accesses through one that make it worth while outside of loops. */
const MOST_REGISTERS = 6, ENOUGH_ACCESSES = 4;

/** The registers through which memory is accessed, by access. */
function baseRegisters({ insts }: Block): Map<Inst, number> {
  const registers = new Map<Value, number>(), found = new Map<Inst, number>();
  for (const inst of insts) {
    if ((inst.op === "get64") && cellType(inst.imm) === I64) registers.set(inst, inst.imm);
    if (inst.op === "set64" && cellType(inst.imm) === I64) registers.set(inst.args[0]!, inst.imm);
  }
  for (const inst of insts) {
    if (!isAccess(inst.op)) continue;
    const register = registers.get(splitAddress(inst.args[0]!).base);
    if (register !== undefined) found.set(inst, register);
  }
  return found;
}

/** The pages that registers of a region point into. */
export class RegisterPages {
  readonly #accesses = new Map<Inst, number>();
  readonly #pages = new Map<number, RegisterPage>();

  /** @param loops whether each block may be executed again before the region is left */
  constructor(code: FunctionCode, blocks: readonly Block[], loops: readonly boolean[]) {
    const worth = new Map<number, number>();
    for (const [n, block] of blocks.entries()) {
      for (const [inst, register] of baseRegisters(block)) {
        this.#accesses.set(inst, register);
        worth.set(register, (worth.get(register) ?? 0) + (loops[n] ? ENOUGH_ACCESSES : 1));
      }
    }
    const best = [...worth].filter(([, count]) => count >= ENOUGH_ACCESSES).sort((a, b) => b[1] - a[1]);
    for (const [register] of best.slice(0, MOST_REGISTERS)) {
      this.#pages.set(register, {
        page: code.local(I64),
        writable: code.local(I64),
        addend: code.local(I32),
      });
    }
  }

  /** The page of the register that an access goes through, if it is kept. */
  find(inst: Inst): RegisterPage | undefined {
    return this.#pages.get(this.#accesses.get(inst) ?? -1);
  }

  /** Writes code that forgets all. */
  forget(code: FunctionCode): void {
    for (const { page, writable } of this.#pages.values()) {
      for (const local of [page, writable]) {
        code.i64(NO_PAGE, 0);
        code.set(local);
      }
    }
  }
}

/** Page offsets of accesses whose page is not known: with no displacement they become small. */
const UNKNOWN = -0x8000_0000;

/** Where an operand lies whose base another access of the block had: that access, and how far behind it. */
export interface Neighbour {
  readonly page: KnownPage;
  readonly distance: number;
}

/** The bases of a block's accesses, and what is known of their pages. */
export class KnownPages {
  readonly #pages = new Map<Value, KnownPage>();
  /** Accesses by base that are still to come, and stores among them. */
  readonly #left = new Map<Value, number>();
  readonly #stores = new Map<Value, number>();

  constructor(insts: readonly Inst[]) {
    for (const { op, args } of insts) {
      if (!isAccess(op)) continue;
      const { base } = splitAddress(args[0]!);
      this.#left.set(base, (this.#left.get(base) ?? 0) + 1);
      if (op.startsWith("store")) this.#stores.set(base, (this.#stores.get(base) ?? 0) + 1);
    }
  }

  /** What helps with the next access. */
  find({ op, args }: Inst, write: boolean): Neighbour | undefined {
    const { base, displacement } = splitAddress(args[0]!);
    this.#left.set(base, this.#left.get(base)! - 1);
    if (op.startsWith("store")) this.#stores.set(base, this.#stores.get(base)! - 1);
    const page = this.#pages.get(base);
    if (page === undefined || (write && !page.writes)) return undefined;
    return { page, distance: (displacement - page.displacement) | 0 };
  }

  /** Whether a store follows that has the base of an access: then it looks for a page that can be written. */
  isStoreAhead({ args }: Inst): boolean {
    return (this.#stores.get(splitAddress(args[0]!).base) ?? 0) > 0;
  }

  /** Notes the page of an access, if others have its base. */
  note(e: Emitter, { args }: Inst, writes: boolean): KnownPage | undefined {
    const { base, displacement } = splitAddress(args[0]!);
    if (this.#left.get(base)! === 0) return undefined;
    const page = { displacement, writes, host: e.pool.forBlock(I32), offset: e.pool.forBlock(I32) };
    this.#pages.set(base, page);
    return page;
  }

  forget(): void {
    this.#pages.clear();
  }
}

/** A page that an access of the block has found. */
interface KnownPage {
  /** That of the access. */
  readonly displacement: number;
  readonly writes: boolean;
  /** Locals: offset of the operand in the linear memory; offset in its page, or UNKNOWN. */
  readonly host: number;
  readonly offset: number;
}

/** Leaves on the stack whether an operand lies in the page of its neighbour. */
export function pushIsNear({ code }: Emitter, { page, distance }: Neighbour, size: number): void {
  code.get(page.offset);
  if (distance !== 0) {
    code.i32(distance);
    code.op(W.i32_add);
  }
  code.i32(0x1001 - size);
  code.op(W.i32_lt_u);
}
export function pushNear({ code }: Emitter, { page, distance }: Neighbour): void {
  code.get(page.host);
  if (distance === 0) return;
  code.i32(distance);
  code.op(W.i32_add);
}

/** Keeps what an access has found, with the operand's offset on the stack; or that it has not found it. */
export function keepFound({ code }: Emitter, page: KnownPage | undefined, address: number): void {
  if (page === undefined) return;
  code.get(address);
  code.op(W.i32_wrap_i64);
  code.i32(0xfff);
  code.op(W.i32_and);
  code.set(page.offset);
  code.tee(page.host);
}
export function keepNotFound({ code }: Emitter, page: KnownPage | undefined): void {
  if (page === undefined) return;
  code.i32(UNKNOWN);
  code.set(page.offset);
}
