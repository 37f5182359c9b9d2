/** MONITOR and MWAIT. SDM vol. 2B, "MONITOR", "MWAIT"; vol. 3A, section 9.10.4. */
import type { StateMemory } from "../guest_memory.ts";
import { Vector } from "../fault.ts";
import { GPR, Gpr } from "../state.ts";
import { ExitReason } from "./bus.ts";
import type { SystemContext } from "./context.ts";

/** Bytes that MONITOR watches, as CPUID leaf 5 reports them. */
export const MONITOR_LINE = 64;
/** ECX of MWAIT: interrupts end the wait also where RFLAGS.IF masks them. */
const BREAK_ON_MASKED = 1;

/** A line of memory that is waited for. */
export interface MonitoredLine {
  /** Its offset in the linear memory. */
  readonly place: number;
  /** What it held when MONITOR was executed. */
  readonly before: Uint8Array;
  /** Whether it still does. */
  readonly isUnchanged: boolean;
}

/** The monitor of one processor. */
export class Monitor {
  readonly #u8: Uint8Array;
  /** The line that MONITOR has been executed for since the last wait. */
  armed: MonitoredLine | undefined;

  constructor(memory: StateMemory, readonly context: SystemContext) {
    this.#u8 = new Uint8Array(memory.buffer);
  }

  /** MONITOR of the line that holds a linear address; it is accessed as a load of a byte. */
  monitor(lo: number, hi: number, flags: number): void {
    const { context } = this, { access } = context;
    if (!this.#isUsable()) return;
    if (context.mayExit(ExitReason.MONITOR)) return;
    if (this.#extensions !== 0) return void context.raise(Vector.GP, 0);
    access.load8(lo, hi, flags);
    if (context.failed) return;
    const place = access.offsetForCopy(lo, hi, false);
    this.armed = place < 0 ? undefined : this.watch(place - place % MONITOR_LINE);
  }

  /** MWAIT: waits until the line changes, if MONITOR has been executed since the last wait, or for an interrupt. */
  wait(): void {
    const { context } = this, armed = this.armed;
    if (!this.#isUsable()) return;
    if (context.mayExit(ExitReason.MWAIT, armed === undefined ? 0 : 1)) return;
    const extensions = this.#extensions;
    if ((extensions & ~BREAK_ON_MASKED) !== 0) return void context.raise(Vector.GP, 0);
    this.armed = undefined;
    if (armed?.isUnchanged !== true) return;
    context.bus.waitForStore?.(armed, (extensions & BREAK_ON_MASKED) !== 0);
  }

  /** #UD where CPUID does not report them. */
  #isUsable(): boolean {
    const { context } = this;
    return context.bus.hasMonitor === true || context.raise(Vector.UD);
  }

  get #extensions(): number {
    return this.context.m[(GPR >> 2) + 2 * Gpr.RCX]!;
  }

  /** A line to wait for, at an offset of the linear memory. */
  watch(place: number, before?: Uint8Array): MonitoredLine {
    const line = this.#u8.subarray(place, place + MONITOR_LINE);
    const held = before?.slice() ?? line.slice();
    return {
      place,
      before: held,
      get isUnchanged(): boolean {
        return line.every((byte, n) => byte === held[n]);
      },
    };
  }
}
