/** GDTR, IDTR, LDTR and TR. SDM vol. 2, "LGDT/LIDT", "SGDT", "SIDT", "LLDT", "SLDT", "LTR", "STR"; vol. 3A, section 2.4. */
import { Vector } from "../fault.ts";
import {
  CR0,
  CR4,
  GDTR_BASE,
  GDTR_LIMIT,
  IDTR_BASE,
  IDTR_LIMIT,
  LDTR,
  RETURN_HI,
  SEG_SELECTOR,
  TR,
} from "../state.ts";
import { ExitReason } from "./bus.ts";
import type { SystemContext } from "./context.ts";
import { Cr4 } from "./control_bits.ts";
import { Attribute, attributesOf, baseOf, isPresent, limitOf, SystemType, typeOf } from "./descriptor.ts";
import { isNull, type SegmentRegisters, selectorError } from "./segments.ts";

/** Numbers of the tables, as helpers get them. */
export const Table = { GDT: 0, IDT: 1, LDT: 2, TASK: 3 } as const;

/** In the type byte: makes an available TSS a busy one. */
const BUSY = 2;

/** The table registers of one processor. */
export class TableRegisters {
  constructor(readonly context: SystemContext, readonly segments: SegmentRegisters) {}

  /** LGDT and LIDT from a linear address. `size` is the operand size in bytes. */
  load(table: number, lo: number, hi: number, size: number, flags: number): void {
    const { context } = this, { access, m } = context;
    if (context.cpl !== 0) return void context.raise(Vector.GP, 0);
    if (context.mayExit(ExitReason.GDTR_IDTR, 0, lo, hi)) return;
    const limit = access.load16(lo, hi, flags);
    if (context.failed) return;
    const wide = context.is64, at = (lo + 2) | 0, upper = (hi + (at >>> 0 < lo >>> 0 ? 1 : 0)) | 0;
    let baseLo = wide ? access.load64(at, upper, flags) : access.load32(at, upper, flags);
    if (context.failed) return;
    const baseHi = wide ? m[RETURN_HI >> 2]! : 0;
    if (wide && !context.isCanonical(baseHi)) return void context.raise(Vector.GP, 0);
    if (!wide && size === 2) baseLo &= 0xff_ffff;
    const base = table === Table.GDT ? GDTR_BASE : IDTR_BASE;
    m[base >> 2] = baseLo;
    m[(base >> 2) + 1] = baseHi;
    m[(table === Table.GDT ? GDTR_LIMIT : IDTR_LIMIT) >> 2] = limit;
  }

  /** SGDT and SIDT to a linear address. */
  store(table: number, lo: number, hi: number, flags: number): void {
    const { context } = this, { access, m } = context;
    if (!this.#mayStore() || context.mayExit(ExitReason.GDTR_IDTR, 1, lo, hi)) return;
    const base = table === Table.GDT ? GDTR_BASE : IDTR_BASE;
    const at = (lo + 2) | 0, upper = (hi + (at >>> 0 < lo >>> 0 ? 1 : 0)) | 0;
    access.store16(lo, hi, m[(table === Table.GDT ? GDTR_LIMIT : IDTR_LIMIT) >> 2]! & 0xffff, flags);
    if (context.failed) return;
    if (context.is64) access.store64(at, upper, m[base >> 2]!, m[(base >> 2) + 1]!, flags);
    else access.store32(at, upper, m[base >> 2]!, flags);
  }

  /** SLDT and STR: the selector. */
  selector(table: number): number {
    const { context } = this, { m } = context;
    if (!this.#mayStore() || context.mayExit(ExitReason.LDTR_TR, 0, table === Table.LDT ? 0 : 1)) return 0;
    return m[((table === Table.LDT ? LDTR : TR) + SEG_SELECTOR) >> 2]! & 0xffff;
  }

  /** Whether CR4.UMIP allows SGDT, SIDT, SLDT, STR and SMSW here; raises #GP(0). */
  #mayStore(): boolean {
    const { context } = this;
    const prevented = (context.m[CR4 >> 2]! & Cr4.UMIP) !== 0 && context.cpl > 0;
    return !prevented || context.raise(Vector.GP, 0);
  }

  /** What SMSW reads of CR0. */
  checkStatusWord(): number {
    const { intercepts, m } = this.context, value = m[CR0 >> 2]!;
    return this.#mayStore() ? intercepts?.visible(0, value) ?? value : 0;
  }

  /** LLDT. */
  loadLdt(selector: number): void {
    const { context, segments } = this;
    if (context.cpl !== 0) return void context.raise(Vector.GP, 0);
    if (context.mayExit(ExitReason.LDTR_TR, 0, 2)) return;
    if (isNull(selector)) return segments.write(LDTR, selector, 0, 0, 0);
    this.#loadSystem(LDTR, selector, (type) => type === SystemType.LDT, 0);
  }

  /** LTR: marks the TSS busy. */
  loadTask(selector: number): void {
    const { context } = this;
    if (context.cpl !== 0) return void context.raise(Vector.GP, 0);
    if (context.mayExit(ExitReason.LDTR_TR, 0, 3)) return;
    if (isNull(selector)) return void context.raise(Vector.GP, 0);
    const available = (type: number): boolean =>
      type === SystemType.TSS32 || (type === SystemType.TSS16 && !context.isLong);
    this.#loadSystem(TR, selector, available, BUSY);
  }

  #loadSystem(cell: number, selector: number, fits: (type: number) => boolean, mark: number): void {
    const { context, segments } = this;
    const refuse = (vector: number): void => void context.raise(vector, selectorError(selector));
    if ((selector & 4) !== 0) return refuse(Vector.GP);
    const descriptor = segments.fetch(selector, Vector.GP);
    if (descriptor === undefined) return;
    if (!fits(typeOf(descriptor))) return refuse(Vector.GP);
    if (!isPresent(descriptor)) return refuse(Vector.NP);
    let baseHi = 0;
    if (context.isLong) {
      const upper = segments.tables.readUpper(selector);
      if (context.failed) return;
      if (
        upper === undefined || (upper.hi & (Attribute.FULL_TYPE << 8)) !== 0 || !context.isCanonical(upper.lo)
      ) {
        return refuse(Vector.GP);
      }
      baseHi = upper.lo;
    }
    if (mark !== 0) segments.tables.setType(selector, descriptor, mark);
    if (context.failed) return;
    segments.write(
      cell,
      selector,
      limitOf(descriptor),
      attributesOf(descriptor) | mark,
      baseOf(descriptor),
      baseHi,
    );
  }
}
