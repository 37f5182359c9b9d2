/**
 * Flags and software interrupts of virtual-8086 mode, with its extensions, and protected-mode virtual interrupts.
 * SDM vol. 3B, sections 21.2.7 to 21.4.
 */
import { Vector } from "../fault.ts";
import { Flag, readRflags, STATUS_FLAGS, writeRflags } from "../rflags.ts";
import { Blocking, CR4, RFLAGS_SYSTEM, SEG_BASE, SEG_LIMIT, TR } from "../state.ts";
import type { SystemContext } from "./context.ts";
import { Cr4 } from "./control_bits.ts";
import { IO_MAP_BASE } from "./task_state.ts";

/** Bytes of the interrupt redirection bitmap, which lies in front of the I/O permission map. */
const REDIRECTION_BYTES = 32;
const WORD = 0xffff;
/** What 16-bit images change of the flags below bit 16, besides IF and IOPL. */
const LOW_FLAGS = STATUS_FLAGS | Flag.DF | Flag.TF | Flag.NT;
/** What 32-bit images change at IOPL 3. */
const WIDE_FLAGS = Flag.AC | Flag.ID;

/** Where a software interrupt of virtual-8086 mode goes. Section 21.3.3, table 21-2. */
export type Redirection = "idt" | "vector table" | "refused";

/** The virtual interrupt flag of one processor. */
export class VirtualInterrupts {
  constructor(readonly context: SystemContext) {}

  /** CLI (0) and STI (1) at CPL 3. Vol. 2A, "CLI"; vol. 2B, "STI". */
  setInterrupts(enable: number): void {
    const { context } = this, { m } = context, flags = m[RFLAGS_SYSTEM >> 2]!;
    if ((flags & Flag.IOPL) === Flag.IOPL) {
      if (enable !== 0 && (flags & Flag.IF) === 0) context.holdInterrupts(Blocking.STI);
      m[RFLAGS_SYSTEM >> 2] = enable !== 0 ? flags | Flag.IF : flags & ~Flag.IF;
      return;
    }
    const virtual = this.#has(context.isVirtual8086 ? Cr4.VME : Cr4.PVI);
    if (!virtual || (enable !== 0 && (flags & Flag.VIP) !== 0)) return void context.raise(Vector.GP, 0);
    m[RFLAGS_SYSTEM >> 2] = enable !== 0 ? flags | Flag.VIF : flags & ~Flag.VIF;
  }

  /** What PUSHF of an operand size pushes in virtual-8086 mode. Vol. 2B, "PUSHF". */
  image(size: number): number {
    const { context } = this, flags = readRflags(context.m);
    if (!this.#mayChange(size)) return Number(context.raise(Vector.GP, 0));
    return this.#shown(flags) & (size === 2 ? WORD : ~(Flag.RF | Flag.VM));
  }

  /** The flags as IOPL below 3 shows them: VIF in place of IF, and IOPL 3. */
  #shown(flags: number): number {
    if ((flags & Flag.IOPL) === Flag.IOPL) return flags;
    return (flags & ~Flag.IF) | Flag.IOPL | ((flags & Flag.VIF) !== 0 ? Flag.IF : 0);
  }

  /** Whether POPF and IRET of an operand size may take an image in virtual-8086 mode; raises #GP(0). */
  mayTake(image: number, size: number): boolean {
    const { context } = this, flags = context.m[RFLAGS_SYSTEM >> 2]!;
    if (!this.#mayChange(size)) return context.raise(Vector.GP, 0);
    if ((flags & Flag.IOPL) === Flag.IOPL) return true;
    const pending = (flags & Flag.VIP) !== 0 && (image & Flag.IF) !== 0;
    return (!pending && (image & Flag.TF) === 0) || context.raise(Vector.GP, 0);
  }

  /** Sets the flags from an image that `mayTake` has let pass. Vol. 2B, "POPF", table 4-15. */
  take(image: number, size: number): void {
    const { m } = this.context, old = readRflags(m);
    const free = (old & Flag.IOPL) === Flag.IOPL;
    const changed = LOW_FLAGS | (free ? Flag.IF : 0) | (size === 2 ? 0 : WIDE_FLAGS);
    const flags = (old & ~changed & ~Flag.RF) | (image & changed);
    writeRflags(m, free ? flags : (flags & ~Flag.VIF) | ((image & Flag.IF) !== 0 ? Flag.VIF : 0));
  }

  /** Where INT n goes in virtual-8086 mode. Raises what forbids to find out. */
  redirection(vector: number): Redirection {
    const { context } = this;
    if (this.#has(Cr4.VME)) {
      const redirected = this.#isRedirected(vector);
      if (redirected === undefined) return "refused";
      if (redirected) return "vector table";
    }
    if ((context.m[RFLAGS_SYSTEM >> 2]! & Flag.IOPL) === Flag.IOPL) return "idt";
    context.raise(Vector.GP, 0);
    return "refused";
  }

  /** What a redirected software interrupt pushes, and what it leaves of the flags. Section 21.3.3. */
  redirectedFlags(): { readonly pushed: number; readonly left: number } {
    const flags = readRflags(this.context.m);
    const masked = (flags & Flag.IOPL) === Flag.IOPL ? Flag.IF : Flag.VIF;
    return { pushed: this.#shown(flags) & WORD, left: flags & ~(masked | Flag.TF | Flag.RF) };
  }

  /** Whether the bitmap of the TSS sends a vector to the program's own handler; undefined after raising a fault. */
  #isRedirected(vector: number): boolean | undefined {
    const { context } = this, limit = context.m[(TR + SEG_LIMIT) >> 2]! >>> 0;
    return context.asSupervisor(() => {
      const refuse = (): undefined => void context.raise(Vector.GP, 0);
      if (limit < IO_MAP_BASE + 1) return refuse();
      const map = context.loadAt(TR + SEG_BASE, IO_MAP_BASE, 2);
      if (context.failed) return undefined;
      const at = map - REDIRECTION_BYTES + (vector >> 3);
      if (at < 0 || at > limit) return refuse();
      const byte = context.loadAt(TR + SEG_BASE, at, 1);
      return context.failed ? undefined : ((byte >> (vector & 7)) & 1) === 0;
    });
  }

  /** Whether virtual-8086 mode lets PUSHF, POPF and IRET of an operand size at the flags. */
  #mayChange(size: number): boolean {
    if ((this.context.m[RFLAGS_SYSTEM >> 2]! & Flag.IOPL) === Flag.IOPL) return true;
    return size === 2 && this.#has(Cr4.VME);
  }

  #has(control: number): boolean {
    return (this.context.m[CR4 >> 2]! & control) !== 0;
  }
}
