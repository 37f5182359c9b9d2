/** Segment registers: loads with their checks. SDM vol. 2B, "MOV", "Loading segment registers"; vol. 3A, sections 5.5 to 5.8. */
import { Vector } from "../fault.ts";
import {
  SEG_ATTRIBUTES,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SELECTOR,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
} from "../state.ts";
import type { SystemContext } from "./context.ts";
import {
  Attribute,
  attributesOf,
  baseOf,
  type Descriptor,
  type DescriptorSource,
  dplOf,
  isBig,
  isCode,
  isConforming,
  isLongCode,
  isPresent,
  isReadable,
  isWritableData,
  limitOf,
} from "./descriptor.ts";

const REAL_LIMIT = 0xffff;
/** Attributes in virtual-8086 mode: present, DPL 3, accessed, writable data. SDM vol. 3C, section 27.3.1.2. */
const VIRTUAL_8086 = 0xf3;
/** Attributes in real-address mode after reset: present, accessed, writable data. SDM vol. 3A, table 10-1. */
const REAL = 0x93;

/** Byte offset of segment register `n` in the state. */
export const segmentCell = (n: number): number => SEGMENT + SEGMENT_STRIDE * n;
/** Error code that names a selector. */
export const selectorError = (selector: number): number => selector & 0xfffc;
export const isNull = (selector: number): boolean => (selector & 0xfffc) === 0;

/** The segment registers of a processor. */
export class SegmentRegisters {
  constructor(readonly context: SystemContext, readonly tables: DescriptorSource) {}

  /** Selector in segment register `n`. */
  selector(n: number): number {
    return this.context.m[(segmentCell(n) + SEG_SELECTOR) >> 2]! & 0xffff;
  }
  attributes(n: number): number {
    return this.context.m[(segmentCell(n) + SEG_ATTRIBUTES) >> 2]!;
  }

  /** Writes the register whose cells start at `cell`. */
  write(
    cell: number,
    selector: number,
    limit: number,
    attributes: number,
    baseLo: number,
    baseHi = 0,
  ): void {
    const { m } = this.context;
    m[(cell + SEG_SELECTOR) >> 2] = selector;
    m[(cell + SEG_LIMIT) >> 2] = limit;
    m[(cell + SEG_ATTRIBUTES) >> 2] = attributes;
    m[(cell + SEG_BASE) >> 2] = baseLo;
    m[((cell + SEG_BASE) >> 2) + 1] = baseHi;
  }

  /**
   * Writes segment register `n` from a descriptor that has been touched: the register, too, has the segment accessed,
   * without which VM entries refuse it (SDM vol. 3C, section 27.3.1.2).
   */
  writeFrom(n: number, selector: number, descriptor: Descriptor): void {
    const attributes = attributesOf(descriptor) | Attribute.ACCESSED;
    this.write(segmentCell(n), selector, limitOf(descriptor), attributes, baseOf(descriptor));
  }

  /** Loads as real-address and virtual-8086 mode do: the base is 16 times the selector. */
  loadParagraph(n: number, selector: number): void {
    const { m, isVirtual8086 } = this.context, cell = segmentCell(n);
    m[(cell + SEG_SELECTOR) >> 2] = selector;
    m[(cell + SEG_BASE) >> 2] = selector << 4;
    m[((cell + SEG_BASE) >> 2) + 1] = 0;
    // Limit and rights stay as protected mode left them, unless the register was null.
    const isThere = (m[(cell + SEG_ATTRIBUTES) >> 2]! & Attribute.P) !== 0;
    if (isThere && !isVirtual8086) return;
    m[(cell + SEG_LIMIT) >> 2] = REAL_LIMIT;
    m[(cell + SEG_ATTRIBUTES) >> 2] = isVirtual8086 ? VIRTUAL_8086 : REAL;
  }

  /** A null selector in SS of 64-bit mode at this privilege level. */
  writeNullStack(selector: number, cpl: number): void {
    this.write(segmentCell(Segment.SS), selector, -1, cpl << Attribute.DPL_SHIFT, 0);
  }

  /** The descriptor of a selector; undefined after raising `vector` with the selector, or what reading it raised. */
  fetch(selector: number, vector: number): Descriptor | undefined {
    const descriptor = isNull(selector) ? undefined : this.tables.read(selector);
    if (descriptor === undefined && !this.context.failed) this.context.raise(vector, selectorError(selector));
    return descriptor;
  }

  /** Marks a code or data segment as accessed. False after raising a fault. */
  touch(selector: number, descriptor: Descriptor): boolean {
    this.tables.setType(selector, descriptor, Attribute.ACCESSED);
    return !this.context.failed;
  }

  /** MOV and POP to ES, SS, DS, FS, GS, and LDS and its like. */
  load(n: number, selector: number): void {
    const { context } = this;
    if (context.isRealAddress || context.isVirtual8086) return this.loadParagraph(n, selector);
    if (n === Segment.SS) {
      this.#loadStack(selector);
      return;
    }
    if (isNull(selector)) return this.write(segmentCell(n), selector, 0, 0, 0);
    const descriptor = this.fetch(selector, Vector.GP);
    if (descriptor === undefined) return;
    const privilege = Math.max(context.cpl, selector & 3);
    if (!isReadable(descriptor) || (!isConforming(descriptor) && privilege > dplOf(descriptor))) {
      return void context.raise(Vector.GP, selectorError(selector));
    }
    if (!isPresent(descriptor)) return void context.raise(Vector.NP, selectorError(selector));
    if (this.touch(selector, descriptor)) this.writeFrom(n, selector, descriptor);
  }

  #loadStack(selector: number): void {
    const { context } = this, { cpl } = context;
    if (isNull(selector)) {
      if (!context.is64 || cpl === 3 || (selector & 3) !== cpl) return void context.raise(Vector.GP, 0);
      return this.writeNullStack(selector, cpl);
    }
    const descriptor = this.stackDescriptor(selector, cpl, Vector.GP);
    if (descriptor !== undefined && this.touch(selector, descriptor)) {
      this.writeFrom(Segment.SS, selector, descriptor);
    }
  }

  /** The descriptor of a stack segment for privilege level `cpl`; undefined after raising `vector` or #SS. */
  stackDescriptor(selector: number, cpl: number, vector: number): Descriptor | undefined {
    const descriptor = this.fetch(selector, vector);
    if (descriptor === undefined) return undefined;
    const fits = (selector & 3) === cpl && dplOf(descriptor) === cpl && isWritableData(descriptor);
    if (!fits || !isPresent(descriptor)) {
      this.context.raise(fits ? Vector.SS : vector, selectorError(selector));
      return undefined;
    }
    return descriptor;
  }

  /**
   * The descriptor of the code segment a far transfer goes to, present and usable in this mode; undefined after raising
   * #GP or #NP. `mayEnter` tells from DPL and conformance whether privilege allows it.
   */
  codeDescriptor(
    selector: number,
    mayEnter: (dpl: number, conforming: boolean) => boolean,
  ): Descriptor | undefined {
    const { context } = this;
    const descriptor = this.fetch(selector, Vector.GP);
    if (descriptor === undefined) return undefined;
    const contradicts = context.isLong && isLongCode(descriptor) && isBig(descriptor);
    if (
      !isCode(descriptor) || contradicts || !mayEnter(dplOf(descriptor), isConforming(descriptor))
    ) {
      context.raise(Vector.GP, selectorError(selector));
      return undefined;
    }
    if (isPresent(descriptor)) return descriptor;
    context.raise(Vector.NP, selectorError(selector));
    return undefined;
  }

  /** Whether RIP may point there in this code segment; raises #GP(0). */
  checkTarget(descriptor: Descriptor, lo: number, hi: number): boolean {
    const { context } = this;
    const inside = context.isLong && isLongCode(descriptor)
      ? context.isCanonical(hi)
      : lo >>> 0 <= limitOf(descriptor) >>> 0;
    return inside || context.raise(Vector.GP, 0);
  }

  /**
   * After a return to less privilege: makes data segment registers null that the new level may not use. Null selectors
   * lose their RPL. Bases stay, which 64-bit code uses. SDM vol. 2A, "IRET/IRETD/IRETQ"; vol. 2B, "RET".
   */
  dropPrivileged(cpl: number): void {
    const { m } = this.context;
    for (const n of [Segment.ES, Segment.DS, Segment.FS, Segment.GS]) {
      const attributes = this.attributes(n), cell = segmentCell(n);
      const conforming = (attributes & 0x1c) === 0x1c;
      if (isNull(this.selector(n))) m[(cell + SEG_SELECTOR) >> 2] = 0;
      else if (!conforming && ((attributes >> Attribute.DPL_SHIFT) & 3) < cpl) {
        m[(cell + SEG_SELECTOR) >> 2] = m[(cell + SEG_ATTRIBUTES) >> 2] = 0;
      }
    }
  }
}
