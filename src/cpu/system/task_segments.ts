/** The segment registers of a task that has been switched to. SDM vol. 3A, section 8.3 and table 8-1. */
import { Vector } from "../fault.ts";
import { CPL, LDTR, Segment } from "../state.ts";
import type { SystemContext } from "./context.ts";
import {
  attributesOf,
  baseOf,
  type Descriptor,
  dplOf,
  isCode,
  isConforming,
  isPresent,
  isReadable,
  isWritableData,
  limitOf,
  SystemType,
  typeOf,
} from "./descriptor.ts";
import { isNull, segmentCell, type SegmentRegisters, selectorError } from "./segments.ts";

const TI = 4;
const DATA_SEGMENTS = [Segment.DS, Segment.ES, Segment.FS, Segment.GS] as const;

/** Loads what a TSS names. The exceptions are those of the new task. */
export class TaskSegments {
  constructor(readonly context: SystemContext, readonly segments: SegmentRegisters) {}

  /** Puts all selectors into their registers, which hold no segments yet. */
  prepare(selectors: readonly number[], ldt: number): void {
    for (const [n, selector] of selectors.entries()) this.segments.write(segmentCell(n), selector, 0, 0, 0);
    this.segments.write(LDTR, ldt, 0, 0, 0);
  }

  /** Loads LDTR and the segment registers; false after raising a fault. */
  load(selectors: readonly number[], ldt: number): boolean {
    const { context, segments } = this, { m } = context;
    // Until there is a stack, exceptions take that of a privilege level that the TSS has.
    m[CPL >> 2] = 3;
    if (!this.#loadLdt(ldt)) return false;
    if (context.isVirtual8086) {
      for (const [n, selector] of selectors.entries()) segments.loadParagraph(n, selector);
      return true;
    }
    const level = selectors[Segment.CS]! & 3;
    if (!this.#loadStack(selectors[Segment.SS]!, level)) return false;
    m[CPL >> 2] = level;
    return DATA_SEGMENTS.every((n) => this.#loadData(n, selectors[n]!, level)) &&
      this.#loadCode(selectors[Segment.CS]!, level);
  }

  #loadLdt(selector: number): boolean {
    if (isNull(selector)) return true;
    const descriptor = (selector & TI) !== 0 ? this.#refuse(selector) : this.#fetch(selector);
    if (descriptor === undefined) return false;
    if (typeOf(descriptor) !== SystemType.LDT || !isPresent(descriptor)) return this.#refused(selector);
    this.segments.write(LDTR, selector, limitOf(descriptor), attributesOf(descriptor), baseOf(descriptor));
    return true;
  }

  #loadStack(selector: number, level: number): boolean {
    const descriptor = this.#fetch(selector);
    if (descriptor === undefined) return false;
    if (!isWritableData(descriptor)) return this.#refused(selector);
    if (!isPresent(descriptor)) return this.#refused(selector, Vector.SS);
    if (dplOf(descriptor) !== level || (selector & 3) !== level) return this.#refused(selector);
    return this.#commit(Segment.SS, selector, descriptor);
  }

  #loadData(n: number, selector: number, level: number): boolean {
    if (isNull(selector)) return true;
    const descriptor = this.#fetch(selector);
    if (descriptor === undefined) return false;
    const tooHigh = !isConforming(descriptor) && Math.max(level, selector & 3) > dplOf(descriptor);
    if (!isReadable(descriptor) || tooHigh) return this.#refused(selector);
    if (!isPresent(descriptor)) return this.#refused(selector, Vector.NP);
    return this.#commit(n, selector, descriptor);
  }

  #loadCode(selector: number, level: number): boolean {
    const descriptor = this.#fetch(selector);
    if (descriptor === undefined) return false;
    const dpl = dplOf(descriptor), fits = isConforming(descriptor) ? dpl <= level : dpl === level;
    if (!isCode(descriptor) || !fits) return this.#refused(selector);
    if (!isPresent(descriptor)) return this.#refused(selector, Vector.NP);
    return this.#commit(Segment.CS, selector, descriptor);
  }

  #commit(n: number, selector: number, descriptor: Descriptor): boolean {
    if (!this.segments.touch(selector, descriptor)) return false;
    this.segments.writeFrom(n, selector, descriptor);
    return true;
  }

  #fetch(selector: number): Descriptor | undefined {
    return this.segments.fetch(selector, Vector.TS);
  }
  #refused(selector: number, vector: number = Vector.TS): false {
    return this.context.raise(vector, selectorError(selector));
  }
  #refuse(selector: number): undefined {
    this.#refused(selector);
  }
}
