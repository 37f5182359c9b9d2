/** IRET in all modes. SDM vol. 2A, "IRET/IRETD/IRETQ". */
import { Vector } from "../fault.ts";
import { Flag, readRflags, writeRflags } from "../rflags.ts";
import { ATTENTION, Attention, Blocking, CPL, INTERRUPTIBILITY, Segment, TLB_BASE } from "../state.ts";
import type { SystemContext } from "./context.ts";
import { type Descriptor, isBig, isLongCode } from "./descriptor.ts";
import { isNull, type SegmentRegisters, selectorError } from "./segments.ts";
import { type SlotSize, StackPointer } from "./stack.ts";
import type { TaskSwitches } from "./task_switch.ts";
import type { VirtualInterrupts } from "./virtual_interrupts.ts";
import { RingLink } from "./world_control.ts";
import { WorldSwitch } from "./world_switches.ts";

/** What IRET pops always. */
interface Frame {
  readonly lo: number;
  readonly hi: number;
  readonly selector: number;
  readonly flags: number;
}

/** IRET of one processor. */
export class InterruptReturn {
  readonly #stack: StackPointer;

  constructor(
    readonly context: SystemContext,
    readonly segments: SegmentRegisters,
    readonly tasks: TaskSwitches,
    readonly virtual: VirtualInterrupts,
  ) {
    this.#stack = new StackPointer(context);
  }

  /**
   * IRET with an operand size in bytes; returns the new RIP, or anything after raising a fault. `next` is the low half of
   * the address behind it.
   */
  return(size: SlotSize, next: number): number {
    const { context } = this;
    this.#unblockNmis();
    const target = context.isRealAddress || context.isVirtual8086
      ? this.#paragraph(size)
      : this.#protected(size, next);
    if (context.failed) return target;
    context.switches.count(WorldSwitch.IRET);
    return target;
  }

  /** It ends the blocking of NMIs even if it faults. SDM vol. 3A, section 6.7.1. */
  #unblockNmis(): void {
    const { m, intercepts } = this.context;
    if ((m[INTERRUPTIBILITY >> 2]! & Blocking.NMI) === 0 || intercepts?.keepsNmisBlocked === true) return;
    m[INTERRUPTIBILITY >> 2]! &= ~Blocking.NMI;
    m[ATTENTION >> 2]! |= Attention.NOW;
    intercepts?.unblockedNmis();
  }

  #popFrame(size: SlotSize): Frame | undefined {
    const stack = this.#stack.current();
    if (!stack.peek(size, 2 * size)) return undefined;
    const flags = stack.poppedLo;
    if (!stack.peek(2, size)) return undefined;
    const selector = stack.poppedLo & 0xffff;
    if (!stack.peek(size, 0)) return undefined;
    return { lo: stack.poppedLo, hi: stack.poppedHi, selector, flags };
  }

  #paragraph(size: SlotSize): number {
    const { context, segments, virtual } = this, isVirtual = context.isVirtual8086;
    const frame = this.#popFrame(size);
    if (frame === undefined || (isVirtual && !virtual.mayTake(frame.flags, size))) return 0;
    if (frame.lo >>> 0 > 0xffff) return this.#refuse(0);
    this.#stack.move(3 * size);
    this.#stack.commit();
    segments.loadParagraph(Segment.CS, frame.selector);
    if (isVirtual) virtual.take(frame.flags, size);
    else this.#setFlags(frame.flags, size, Flag.IF | Flag.IOPL);
    return context.wide(frame.lo, 0);
  }

  #protected(size: SlotSize, next: number): number {
    const { context, segments } = this, { m } = context, { cpl } = context;
    if ((readRflags(m) & Flag.NT) !== 0) {
      return context.isLong ? this.#refuse(0) : this.tasks.return(next);
    }
    const frame = this.#popFrame(size);
    if (frame === undefined) return 0;
    const { selector, lo, hi } = frame;
    if ((frame.flags & Flag.VM) !== 0 && size === 4 && cpl === 0 && !context.isLong) {
      return this.#toVirtual8086(frame);
    }
    const level = selector & 3;
    if (level < cpl) return this.#refuse(selectorError(selector));
    const code = segments.codeDescriptor(
      selector,
      (dpl, conforming) => conforming ? dpl <= level : dpl === level,
    );
    if (code === undefined || !segments.checkTarget(code, lo, hi) || !segments.touch(selector, code)) {
      return 0;
    }
    const to64 = context.isLong && isLongCode(code);
    if (context.is64 || level > cpl) {
      if (!this.#loadOuterStack(size, level, to64)) return 0;
    } else {
      this.#stack.move(3 * size);
    }
    this.#stack.commit();
    segments.writeFrom(Segment.CS, selector, code);
    const iopl = (readRflags(m) & Flag.IOPL) >> 12;
    const system = cpl === 0 ? Flag.IOPL | Flag.VIF | Flag.VIP : 0;
    this.#setFlags(frame.flags, size, system | (cpl <= iopl ? Flag.IF : 0));
    m[CPL >> 2] = level;
    if (level > cpl) segments.dropPrivileged(level);
    const from = m[TLB_BASE >> 2]!;
    context.world.enterWorld();
    if (cpl === 0 && level === 3) context.world.linkRing?.(from, RingLink.TO_USER);
    return context.wide(lo, to64 ? hi : 0);
  }

  /** Pops SS:RSP and points the stack there; false after a fault. */
  #loadOuterStack(size: SlotSize, level: number, to64: boolean): boolean {
    const { context, segments } = this, stack = this.#stack;
    if (!stack.peek(size, 3 * size)) return false;
    const lo = stack.poppedLo, hi = stack.poppedHi;
    if (!stack.peek(2, 4 * size)) return false;
    const selector = stack.poppedLo & 0xffff;
    let descriptor: Descriptor | undefined;
    if (isNull(selector)) {
      if (!to64 || level === 3 || (selector & 3) !== level) return context.raise(Vector.GP, 0);
      segments.writeNullStack(selector, level);
    } else {
      descriptor = segments.stackDescriptor(selector, level, Vector.GP);
      if (descriptor === undefined || !segments.touch(selector, descriptor)) return false;
      segments.writeFrom(Segment.SS, selector, descriptor);
    }
    stack.at(lo, hi, to64 ? 8 : descriptor !== undefined && isBig(descriptor) ? 4 : 2);
    return true;
  }

  /** To virtual-8086 mode: SS:ESP and the data segments follow the frame. SDM vol. 3B, section 21.2.5. */
  #toVirtual8086({ lo, selector, flags }: Frame): number {
    const { context, segments } = this, { m } = context, stack = this.#stack;
    const values: number[] = [];
    for (let slot = 3; slot < 9; slot++) {
      if (!stack.peek(4, 4 * slot)) return 0;
      values.push(stack.poppedLo);
    }
    writeRflags(m, flags & ~Flag.RF);
    const order = [Segment.SS, Segment.ES, Segment.DS, Segment.FS, Segment.GS];
    for (const [i, n] of order.entries()) segments.loadParagraph(n, values[i + 1]! & 0xffff);
    segments.loadParagraph(Segment.CS, selector);
    stack.at(values[0]!, 0, 4);
    stack.commit();
    m[CPL >> 2] = 3;
    context.world.enterWorld();
    return context.wide(lo & 0xffff, 0);
  }

  /** Sets the flags that the operand size reaches, of the system flags those in `system` and TF, NT, AC and ID. */
  #setFlags(image: number, size: SlotSize, system: number): void {
    const { m } = this.context;
    const status = Flag.CF | Flag.PF | Flag.AF | Flag.ZF | Flag.SF | Flag.DF | Flag.OF;
    // RF matters only to the guest's breakpoints, and is gone when the next instruction begins.
    const resume = this.context.world.breakpoints?.guestExecutes === true ? Flag.RF : 0;
    const all = status | Flag.TF | Flag.NT | Flag.AC | Flag.ID | resume | system;
    const writable = all & (size === 2 ? 0xffff : -1);
    writeRflags(m, (readRflags(m) & ~writable & ~Flag.RF) | (image & writable));
  }

  #refuse(error: number): number {
    return Number(this.context.raise(Vector.GP, error));
  }
}
