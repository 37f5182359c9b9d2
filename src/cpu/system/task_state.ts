/** The task-state segment: stacks of the inner privilege levels, and the I/O permission map. SDM vol. 3A, chapter 8. */
import { Vector } from "../fault.ts";
import { SEG_ATTRIBUTES, SEG_BASE, SEG_LIMIT, SEG_SELECTOR, TR } from "../state.ts";
import type { SystemContext } from "./context.ts";
import { Attribute, SystemType } from "./descriptor.ts";
import { selectorError } from "./segments.ts";

/** Offset of RSP0 and of IST1 in a 64-bit TSS. SDM vol. 3A, figure 8-11. */
const RSP0 = 4, IST1 = 0x24;
/** Offset of the I/O map's base in 32- and 64-bit TSSs. */
export const IO_MAP_BASE = 0x66;

/** A stack that the TSS names: selector (0 in a 64-bit TSS) and pointer. */
export interface InnerStack {
  readonly selector: number;
  readonly lo: number;
  readonly hi: number;
}

/** The current TSS. Undefined results come after raising a fault. */
export class TaskState {
  constructor(readonly context: SystemContext) {}

  /** Stack pointer `index` of a 64-bit TSS: RSP0 to RSP2. */
  stackPointer(index: number): InnerStack | undefined {
    return this.#pointer64(RSP0 + 8 * index);
  }
  /** IST1 to IST7. */
  interruptStack(index: number): InnerStack | undefined {
    return this.#pointer64(IST1 + 8 * (index - 1));
  }

  /** The stack for a privilege level from a 16- or 32-bit TSS. */
  legacyStack(level: number): InnerStack | undefined {
    const { context } = this, { m } = context;
    const type = m[(TR + SEG_ATTRIBUTES) >> 2]! & Attribute.TYPE;
    const wide = type === SystemType.TSS32 || type === SystemType.TSS32_BUSY;
    const at = wide ? 4 + 8 * level : 2 + 4 * level;
    if (!this.#inside(at + (wide ? 5 : 3))) return undefined;
    const lo = context.loadAt(TR + SEG_BASE, at, wide ? 4 : 2);
    if (context.failed) return undefined;
    const selector = context.loadAt(TR + SEG_BASE, at + (wide ? 4 : 2), 2);
    return context.failed ? undefined : { selector, lo, hi: 0 };
  }

  /** Whether the I/O permission map allows `size` ports from `port`; false also after a fault in reading it. */
  allowsIo(port: number, size: number): boolean {
    const { context } = this, { m } = context;
    const type = m[(TR + SEG_ATTRIBUTES) >> 2]! & Attribute.TYPE;
    const limit = m[(TR + SEG_LIMIT) >> 2]! >>> 0;
    if ((type !== SystemType.TSS32_BUSY && type !== SystemType.TSS32) || limit < IO_MAP_BASE + 1) {
      return false;
    }
    return context.asSupervisor(() => {
      const map = context.loadAt(TR + SEG_BASE, IO_MAP_BASE, 2);
      if (context.failed) return false;
      const at = map + (port >> 3);
      if (at + 1 > limit) return false;
      const bits = context.loadAt(TR + SEG_BASE, at, 2);
      return !context.failed && ((bits >> (port & 7)) & ((1 << size) - 1)) === 0;
    });
  }

  #pointer64(at: number): InnerStack | undefined {
    const { context } = this;
    if (!this.#inside(at + 7)) return undefined;
    const lo = context.loadAt(TR + SEG_BASE, at, 4);
    if (context.failed) return undefined;
    const hi = context.loadAt(TR + SEG_BASE, at + 4, 4);
    if (context.failed) return undefined;
    if (!context.isCanonical(hi)) {
      context.raise(Vector.SS, 0);
      return undefined;
    }
    return { selector: 0, lo, hi };
  }

  /** Raises #TS with the TSS's selector if byte `last` is outside. */
  #inside(last: number): boolean {
    const { context } = this, { m } = context;
    if (last <= m[(TR + SEG_LIMIT) >> 2]! >>> 0) return true;
    return context.raise(Vector.TS, selectorError(m[(TR + SEG_SELECTOR) >> 2]!));
  }
}
