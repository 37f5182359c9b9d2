/** Sets of signals, as the 64-bit masks of the kernel. */
import { Signal } from "../abi/signals.ts";
import type { UserMemory } from "../memory/user_memory.ts";

/** A set of signals 1 to 64: bit n - 1 of (lo, hi) is signal n. */
export class SignalSet {
  constructor(public lo = 0, public hi = 0) {}

  static of(...signals: number[]): SignalSet {
    const set = new SignalSet();
    for (const signal of signals) set.add(signal);
    return set;
  }

  /** Reads a mask from a program's memory. */
  static read(memory: UserMemory, linear: number): SignalSet {
    return new SignalSet(memory.i32(linear), memory.i32(linear + 4));
  }

  /** Writes the mask to a program's memory. */
  write(memory: UserMemory, linear: number): void {
    memory.setHalves(linear, this.lo, this.hi);
  }

  has(signal: number): boolean {
    return ((signal <= 32 ? this.lo >>> (signal - 1) : this.hi >>> (signal - 33)) & 1) !== 0;
  }

  add(signal: number): void {
    if (signal <= 32) this.lo |= 1 << (signal - 1);
    else this.hi |= 1 << (signal - 33);
  }

  delete(signal: number): void {
    if (signal <= 32) this.lo &= ~(1 << (signal - 1));
    else this.hi &= ~(1 << (signal - 33));
  }

  get empty(): boolean {
    return (this.lo | this.hi) === 0;
  }

  copy(): SignalSet {
    return new SignalSet(this.lo, this.hi);
  }

  /** This set and `other` together. */
  union(other: SignalSet): SignalSet {
    return new SignalSet(this.lo | other.lo, this.hi | other.hi);
  }

  /** This set without `other`. */
  without(other: SignalSet): SignalSet {
    return new SignalSet(this.lo & ~other.lo, this.hi & ~other.hi);
  }

  /** Lowest signal in the set, faults before all others as Linux delivers them; 0 if it is empty. */
  first(): number {
    const faults = this.lo & SYNCHRONOUS;
    if (faults !== 0) return 32 - Math.clz32(faults & -faults);
    if (this.lo !== 0) return 32 - Math.clz32(this.lo & -this.lo);
    return this.hi === 0 ? 0 : 64 - Math.clz32(this.hi & -this.hi);
  }

  /** Sixteen hexadecimal digits, as /proc/self/status shows masks. */
  toString(): string {
    return (this.hi >>> 0).toString(16).padStart(8, "0") + (this.lo >>> 0).toString(16).padStart(8, "0");
  }
}

const bit = (signal: number): number => 1 << (signal - 1);
const SYNCHRONOUS = bit(Signal.SEGV) | bit(Signal.BUS) | bit(Signal.ILL) | bit(Signal.TRAP) |
  bit(Signal.FPE) |
  bit(Signal.SYS);

/** Removes what cannot be blocked. */
export function blockable(set: SignalSet): SignalSet {
  const result = set.copy();
  result.delete(Signal.KILL);
  result.delete(Signal.STOP);
  return result;
}
