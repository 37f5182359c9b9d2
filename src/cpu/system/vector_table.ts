/** Delivery through the interrupt vector table of real-address mode. SDM vol. 3B, sections 21.1.4 and 21.3.3. */
import { MemoryFlag } from "../../ir/types.ts";
import { Vector } from "../fault.ts";
import { Flag, readRflags, writeRflags } from "../rflags.ts";
import { IDTR_BASE, IDTR_LIMIT, RIP, Segment } from "../state.ts";
import type { SystemContext } from "./context.ts";
import type { SegmentRegisters } from "./segments.ts";
import { StackPointer } from "./stack.ts";
import type { VirtualInterrupts } from "./virtual_interrupts.ts";

/** Bytes of a vector's far pointer. */
const ENTRY = 4;

/** The table of one processor. Each delivery is false after raising a fault; then the state is as before. */
export class VectorTable {
  readonly #stack: StackPointer;

  constructor(
    readonly context: SystemContext,
    readonly segments: SegmentRegisters,
    readonly virtual: VirtualInterrupts,
  ) {
    this.#stack = new StackPointer(context);
  }

  /** An event of real-address mode. */
  realAddress(vector: number): boolean {
    const { context } = this, { m } = context;
    if (vector * ENTRY + ENTRY - 1 > m[IDTR_LIMIT >> 2]! >>> 0) return context.raise(Vector.GP, 0);
    const flags = readRflags(m), left = flags & ~(Flag.IF | Flag.TF | Flag.AC | Flag.RF);
    return this.#enter((m[IDTR_BASE >> 2]! + vector * ENTRY) | 0, flags, left);
  }

  /** INT n of virtual-8086 mode that goes to the program's own handler: its table is at 0. */
  redirected(vector: number): boolean {
    const { pushed, left } = this.virtual.redirectedFlags();
    return this.#enter(vector * ENTRY, pushed, left);
  }

  /** Through the far pointer at a linear address, with these flags pushed and those left. */
  #enter(lo: number, pushed: number, left: number): boolean {
    const { context, segments } = this, { m, access } = context, stack = this.#stack.current();
    const offset = access.load16(lo, 0, MemoryFlag.SYSTEM);
    if (context.failed) return false;
    const selector = access.load16((lo + 2) | 0, 0, MemoryFlag.SYSTEM);
    if (context.failed) return false;
    if (
      !stack.push(2, pushed) || !stack.push(2, segments.selector(Segment.CS)) || !stack.push(2, m[RIP >> 2]!)
    ) return false;
    stack.commit();
    writeRflags(m, left);
    segments.loadParagraph(Segment.CS, selector);
    m[RIP >> 2] = offset;
    m[(RIP >> 2) + 1] = 0;
    context.world.enterWorld();
    return true;
  }
}
