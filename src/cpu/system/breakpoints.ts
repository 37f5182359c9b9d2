/** What the debug registers watch. SDM vol. 3B, sections 18.2.4 and 18.2.5. */
import type { StateMemory } from "../guest_memory.ts";
import { CR4, DR, DR7 } from "../state.ts";
import { BreakpointPlaces, liesWithin, type Place } from "./breakpoint_places.ts";
import { Cr4 } from "./control_bits.ts";
import { DebugPoints } from "./debug_points.ts";

/** Bits of DR6 that tell why #DB was raised; bits 3:0 are those of the breakpoints. */
export const DebugCause = { BD: 0x2000, BS: 0x4000, BT: 0x8000 } as const;

/** DR7: bits 2n and 2n + 1 enable breakpoint n; its R/W field is at bit 16 + 4n, its LEN field two bits above. */
const ENABLES = 0xff;
const ReadWrite = { EXECUTE: 0, WRITE: 1, PORT: 2, ACCESS: 3 } as const;
const LENGTHS = [1, 2, 8, 4] as const;
const COUNT = 4;
const TWO_32 = 0x1_0000_0000;

/** An enabled breakpoint. `lo` and `hi` are the address, of `size` bytes. */
interface Breakpoint extends Place {
  readonly bit: number;
  readonly kind: number;
  readonly size: number;
}

/** The breakpoints of the processor whose state is in the linear memory. */
export class Breakpoints {
  /** Bits of those that the instruction under way has met, in DR6, and BT after a task switch: #DB comes behind it. */
  hits = 0;
  /** Bits of those that MOV SS or POP SS has met: #DB comes behind the instruction that follows it. */
  deferred = 0;
  /** Whether MOV SS or POP SS has just been executed: a breakpoint at the next instruction stops nothing. Vol. 3B, section 18.3.1.1. */
  followsStackLoad: () => boolean = () => false;
  /** Whether there are some for instructions, and for data, the debugger's included. */
  executes = false;
  watches = false;
  /** Whether the guest itself has some for instructions, and for data. */
  guestExecutes = false;
  guestWatches = false;
  /** Those of a debugger outside the guest. */
  readonly outside: DebugPoints = new DebugPoints();
  /** Where code is kept apart for breakpoints for instructions of all processors' debug registers. */
  readonly places: BreakpointPlaces = new BreakpointPlaces();

  readonly #m: Int32Array;
  #all: readonly Breakpoint[] = [];
  /** Those of them for instructions. */
  #forInstructions: readonly Breakpoint[] = [];
  /** What DR7 was when it was looked at last. */
  #seen = 0;
  /** Why the #DB that is raised was raised, bits of DR6; undefined: INT1. */
  #cause: number | undefined;
  #isFault = false;

  constructor({ i32 }: StateMemory) {
    this.#m = i32;
  }

  /** Whether DR7 has changed since it was looked at. */
  get isStale(): boolean {
    return this.#m[DR7 >> 2] !== this.#seen;
  }

  /** The debug registers are other ones. Returns whether data is watched now. */
  refresh(): boolean {
    const m = this.#m, dr7 = m[DR7 >> 2]!;
    this.#seen = dr7;
    this.#all = (dr7 & ENABLES) === 0 ? [] : this.#enabled(dr7);
    this.#forInstructions = this.#all.filter(({ kind }) => kind === ReadWrite.EXECUTE);
    this.places.keep(this.#forInstructions);
    this.guestExecutes = this.#forInstructions.length > 0;
    this.guestWatches = this.#all.some(isData);
    this.executes = this.guestExecutes || this.outside.executes;
    this.watches = this.guestWatches || this.outside.watches;
    return this.watches;
  }

  #enabled(dr7: number): readonly Breakpoint[] {
    const m = this.#m, all: Breakpoint[] = [];
    for (let n = 0; n < COUNT; n++) {
      if ((dr7 & (3 << (2 * n))) === 0) continue;
      const kind = (dr7 >> (16 + 4 * n)) & 3, size = LENGTHS[(dr7 >> (18 + 4 * n)) & 3]!;
      const cell = (DR + 8 * n) >> 2;
      all.push({ bit: 1 << n, kind, lo: m[cell]! & ~(size - 1), hi: m[cell + 1]!, size });
    }
    return all;
  }

  /** Whether the page of a linear address has watched data. */
  watchesPage(lo: number, hi: number): boolean {
    if (!this.watches) return false;
    return this.outside.watchesPage(lo, hi) ||
      this.#all.some((one) => isData(one) && one.hi === hi && (one.lo & ~0xfff) === (lo & ~0xfff));
  }

  /** Bits of the breakpoints that an access to data meets. */
  meet(lo: number, hi: number, size: number, write: boolean): number {
    let bits = 0;
    for (const one of this.#all) {
      const fits = one.kind === ReadWrite.ACCESS || (one.kind === ReadWrite.WRITE && write);
      if (!fits) continue;
      const distance = (one.lo >>> 0) - (lo >>> 0) + ((one.hi - hi) | 0) * TWO_32;
      if (distance < size && -distance < one.size) bits |= one.bit;
    }
    return bits;
  }

  /** An instruction accesses an I/O port. Those for ports need CR4.DE. */
  meetPort(port: number, size: number): void {
    if (this.#all.length === 0 || (this.#m[CR4 >> 2]! & Cr4.DE) === 0) return;
    for (const one of this.#all) {
      const at = one.lo & 0xffff;
      if (one.kind === ReadWrite.PORT && at < port + size && port < at + one.size) this.hits |= one.bit;
    }
  }

  /** Whether one for instructions lies in `length` bytes of code from a linear address. */
  liesIn(lo: number, hi: number, length: number): boolean {
    if (this.outside.executes && this.outside.mayLieIn(lo, hi, length)) return true;
    return this.#forInstructions.some((one) => liesWithin(one, lo, hi, length));
  }

  /** Nobody has been stopped for long where code is kept apart. */
  release(): void {
    this.places.release(this.#forInstructions);
  }

  /** Before the instruction at a linear address, without RFLAGS.RF: whether a breakpoint stops it. */
  stops(lo: number, hi: number): boolean {
    let bits = 0;
    for (const one of this.#forInstructions) if (one.lo === lo && one.hi === hi) bits |= one.bit;
    if (bits !== 0) this.raised(bits, true);
    return bits !== 0;
  }

  /** #DB is being raised, for a cause given in bits of DR6; as a fault or a trap. */
  raised(cause: number, isFault: boolean): void {
    this.#cause = cause;
    this.#isFault = isFault;
    this.hits = 0;
  }

  /** Why #DB was raised; undefined: by INT1. Forgets it. */
  take(): { readonly cause: number; readonly isFault: boolean } | undefined {
    const cause = this.#cause;
    this.#cause = undefined;
    return cause === undefined ? undefined : { cause, isFault: this.#isFault };
  }
}

const isData = ({ kind }: Breakpoint): boolean => kind === ReadWrite.WRITE || kind === ReadWrite.ACCESS;
