/** IN, OUT, INS, OUTS: privilege, and the bus. SDM vol. 1, section 19.5; vol. 2. */
import { RepeatForm } from "../helpers/repeat_form.ts";
import { Vector } from "../fault.ts";
import { Flag } from "../rflags.ts";
import { elementsInside } from "../segment_limits.ts";
import { DF, GPR, Gpr, RFLAGS_SYSTEM, Segment } from "../state.ts";
import { ExitReason } from "./bus.ts";
import type { SystemContext } from "./context.ts";
import type { TaskState } from "./task_state.ts";

/** Bits of the exit qualification. SDM vol. 3C, table 28-5. */
const IN = 8, STRING = 0x10, REP = 0x20;

/** Port I/O of one processor. */
export class PortIo {
  constructor(readonly context: SystemContext, readonly task: TaskState) {}

  /** IN: `size` bytes of a port. */
  in(port: number, size: number): number {
    const { context } = this;
    if (!this.#allowed(port, size)) return 0;
    if (context.mayExit(ExitReason.IO, (port << 16) | IN | (size - 1))) return 0;
    context.world.breakpoints?.meetPort(port, size);
    return context.bus.in(port, size) | 0;
  }

  /** OUT. */
  out(port: number, size: number, value: number): void {
    const { context } = this;
    if (!this.#allowed(port, size)) return;
    if (context.mayExit(ExitReason.IO, (port << 16) | (size - 1), value)) return;
    context.world.breakpoints?.meetPort(port, size);
    context.bus.out(port, size, size === 4 ? value >>> 0 : value & (size === 2 ? 0xffff : 0xff));
  }

  /** One element of INS to the segment with this base. Returns 1 if a REP prefix wants more. */
  ins(form: number, repeated: number, baseLo: number, baseHi: number): number {
    return this.#string(form, repeated, Gpr.RDI, baseLo, baseHi, IN);
  }

  /** One element of OUTS. */
  outs(form: number, repeated: number, baseLo: number, baseHi: number): number {
    return this.#string(form, repeated, Gpr.RSI, baseLo, baseHi, 0);
  }

  #string(
    form: number,
    repeated: number,
    pointer: number,
    baseLo: number,
    baseHi: number,
    direction: number,
  ): number {
    const { context } = this, { m, access, bus } = context;
    const size = form & RepeatForm.ELEMENT;
    const width = (form & RepeatForm.ADDRESS) >> RepeatForm.ADDRESS_SHIFT;
    const long = (form & RepeatForm.LONG) !== 0;
    const port = m[(GPR >> 2) + 2 * Gpr.RDX]! & 0xffff;
    if (!this.#allowed(port, size)) return 0;
    if (repeated !== 0 && this.#isZero(Gpr.RCX, width)) return 0;
    const offset = m[(GPR >> 2) + 2 * pointer]! & (width === 2 ? 0xffff : -1);
    const lo = (offset + baseLo) | 0;
    const upper = width === 8 ? m[(GPR >> 2) + 2 * pointer + 1]! : 0;
    if (!this.#reaches(form, direction, offset, size)) return 0;
    const hi = long ? (upper + baseHi + (lo >>> 0 < offset >>> 0 ? 1 : 0)) | 0 : 0;
    const qualification = (port << 16) | (repeated !== 0 ? REP : 0) | STRING | direction | (size - 1);
    if (context.mayExit(ExitReason.IO, qualification, lo, hi)) return 0;
    context.world.breakpoints?.meetPort(port, size);
    if (direction === IN) {
      // Reading may have effects: first what the store may meet, code that was translated there, too.
      if (!access.prepareStore(lo, hi, size)) return 0;
      const value = bus.in(port, size);
      if (size === 1) access.store8(lo, hi, value, 0);
      else if (size === 2) access.store16(lo, hi, value, 0);
      else access.store32(lo, hi, value | 0, 0);
    } else {
      const value = this.#load(lo, hi, size);
      if (context.failed) return 0;
      bus.out(port, size, value >>> 0);
    }
    if (context.failed) return 0;
    this.#add(pointer, m[DF >> 2] !== 0 ? -size : size, width);
    if (repeated === 0) return 0;
    this.#add(Gpr.RCX, -1, width);
    return this.#isZero(Gpr.RCX, width) ? 0 : 1;
  }

  /** Whether the element is inside its segment; raises #GP(0) or #SS(0). */
  #reaches(form: number, direction: number, offset: number, size: number): boolean {
    if ((form & RepeatForm.CHECKED) === 0) return true;
    const { context } = this, input = direction === IN;
    const segment = input ? Segment.ES : (form & RepeatForm.SOURCE) >> RepeatForm.SOURCE_SHIFT;
    if (elementsInside(context.m, segment, offset, size, size, input) !== 0) return true;
    return context.raise(segment === Segment.SS ? Vector.SS : Vector.GP, 0);
  }

  #load(lo: number, hi: number, size: number): number {
    const { access } = this.context;
    if (size === 1) return access.load8(lo, hi, 0);
    return size === 2 ? access.load16(lo, hi, 0) : access.load32(lo, hi, 0);
  }

  #isZero(register: number, width: number): boolean {
    const { m } = this.context, word = (GPR >> 2) + 2 * register;
    if (width === 2) return (m[word]! & 0xffff) === 0;
    return m[word] === 0 && (width === 4 || m[word + 1] === 0);
  }

  #add(register: number, by: number, width: number): void {
    const { m } = this.context, word = (GPR >> 2) + 2 * register, old = m[word]!;
    const lo = (old + by) | 0;
    if (width === 2) {
      m[word] = (old & ~0xffff) | (lo & 0xffff);
      return;
    }
    m[word] = lo;
    const carry = by < 0 ? (lo >>> 0 > old >>> 0 ? -1 : 0) : lo >>> 0 < old >>> 0 ? 1 : 0;
    m[word + 1] = width === 4 ? 0 : (m[word + 1]! + carry) | 0;
  }

  /** CPL against IOPL, else the I/O permission map; raises #GP(0). */
  #allowed(port: number, size: number): boolean {
    const { context } = this;
    const iopl = (context.m[RFLAGS_SYSTEM >> 2]! & Flag.IOPL) >> 12;
    if (context.isRealAddress || (context.cpl <= iopl && !context.isVirtual8086)) return true;
    if (this.task.allowsIo(port, size)) return true;
    return context.failed ? false : context.raise(Vector.GP, 0);
  }
}
