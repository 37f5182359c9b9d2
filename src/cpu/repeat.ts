/**
 * Repeated string instructions, a chunk at a time. SDM vol. 2B, "REP/REPE/REPZ/REPNE/REPNZ"; vol. 1, section 7.3.9.
 *
 * A chunk is as many iterations as stay inside the pages its pointers are in, so where chunks end depends on registers
 * alone, and every engine counts the same number of instructions. After each chunk, and at a fault inside it, the
 * registers are as after whole iterations. Status flags are set when the instruction has ended: until then they keep
 * what they had before it, as the manual wants for a fault.
 */
import type { GuestMemory, StateMemory } from "./guest_memory.ts";
import { Vector } from "./fault.ts";
import { RepeatForm } from "./helpers/repeat_form.ts";
import { Flag } from "./rflags.ts";
import { elementsInside } from "./segment_limits.ts";
import { AF, CF, DF, EVENT, GPR, Gpr, OF, PF, RETURN_HI, RFLAGS_SYSTEM, Segment, SF, ZF } from "./state.ts";

/** What `offsetForCopy` says of a page each element of which must be an instruction of its own. */
export const ALONE = -2;

/** Guest memory that also tells of data breakpoints; its `offsetForCopy` may say ALONE. */
export interface CopyMemory extends GuestMemory {
  /** Whether there are data breakpoints. */
  readonly isWatched: boolean;
}

const PAGE = 0x1000;
/** Bytes of the longest instruction. */
const MAX_INSTRUCTION = 15;

/** One pointer of a chunk: rSI or rDI with the base of its segment. */
class Pointer {
  /** Linear address of the chunk's first element. */
  lo = 0;
  hi = 0;
  constructor(readonly register: number) {}
}

/** Executes chunks over one linear memory. */
export class RepeatedStrings {
  readonly #m: Int32Array;
  readonly #u8: Uint8Array;
  readonly #view: DataView;
  readonly #source = new Pointer(Gpr.RSI);
  readonly #destination = new Pointer(Gpr.RDI);

  // The chunk at hand.
  #size = 1;
  #addressSize = 8;
  #long = true;
  /** Segment that rSI points into, or -1 if none is checked. */
  #checked = -1;
  #step = 1;
  #iterations = 0;

  constructor(memory: StateMemory, readonly access: CopyMemory) {
    this.#m = memory.i32;
    this.#u8 = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
  }

  /** REP MOVS. Returns 1 if iterations are left. */
  movs(
    form: number,
    sourceLo: number,
    sourceHi: number,
    destinationLo: number,
    destinationHi: number,
    pcLo: number,
    pcHi: number,
  ): number {
    if (!this.#begin(form, Gpr.RCX, Gpr.RSI, Gpr.RDI)) return 0;
    if (!this.#point(this.#source, sourceLo, sourceHi)) return 0;
    if (!this.#point(this.#destination, destinationLo, destinationHi, true)) return 0;
    this.#stopAfterOwnBytes(pcLo, pcHi);
    const from = this.#direct(this.#source, false);
    const to = from < 0 ? -1 : this.#direct(this.#destination, true);
    const done = to < 0 ? this.#moveElements() : this.#move(from, to);
    this.#advance(done, true, true);
    return this.#left();
  }

  /** REP STOS. */
  stos(form: number, destinationLo: number, destinationHi: number, pcLo: number, pcHi: number): number {
    if (!this.#begin(form, Gpr.RCX, Gpr.RDI)) return 0;
    if (!this.#point(this.#destination, destinationLo, destinationHi, true)) return 0;
    this.#stopAfterOwnBytes(pcLo, pcHi);
    const to = this.#direct(this.#destination, true);
    const done = to < 0 ? this.#storeElements() : this.#fill(to);
    this.#advance(done, false, true);
    return this.#left();
  }

  /** REP LODS: only the last element stays in the accumulator. */
  lods(form: number, sourceLo: number, sourceHi: number): number {
    if (!this.#begin(form, Gpr.RCX)) return 0;
    if (!this.#point(this.#source, sourceLo, sourceHi)) return 0;
    this.#load(this.#source, 0); // the page is there for the first element, or for none
    if (this.#m[EVENT >> 2] !== 0) return 0;
    this.#direct(this.#source, false); // others may not follow at once
    const lo = this.#load(this.#source, this.#iterations - 1), hi = this.#m[RETURN_HI >> 2]!;
    this.#writeGpr(Gpr.RAX, this.#size, lo, hi);
    this.#advance(this.#iterations, true, false);
    return this.#left();
  }

  /** REPE and REPNE CMPS. */
  cmps(
    form: number,
    sourceLo: number,
    sourceHi: number,
    destinationLo: number,
    destinationHi: number,
  ): number {
    if (!this.#begin(form, Gpr.RCX)) return 0;
    // The second operand is read first, as current processors do.
    if (!this.#point(this.#destination, destinationLo, destinationHi)) return 0;
    if (!this.#point(this.#source, sourceLo, sourceHi)) return 0;
    const goesOn = (form & RepeatForm.NOT_EQUAL) === 0;
    for (let i = 0; i < this.#iterations; i++) {
      const yl = this.#load(this.#destination, i), yh = this.#m[RETURN_HI >> 2]!;
      if (this.#m[EVENT >> 2] !== 0) return this.#stopAt(i, true);
      const xl = this.#load(this.#source, i), xh = this.#m[RETURN_HI >> 2]!;
      if (this.#m[EVENT >> 2] !== 0) return this.#stopAt(i, true);
      const equal = xl === yl && (this.#size < 8 || xh === yh);
      if (equal !== goesOn || this.#isLast(i)) return this.#endAt(i, true, xl, xh, yl, yh);
    }
    this.#advance(this.#iterations, true, true);
    return 1;
  }

  /** REPE and REPNE SCAS. */
  scas(form: number, destinationLo: number, destinationHi: number): number {
    if (!this.#begin(form, Gpr.RCX)) return 0;
    if (!this.#point(this.#destination, destinationLo, destinationHi)) return 0;
    const goesOn = (form & RepeatForm.NOT_EQUAL) === 0;
    const mask = this.#size === 1 ? 0xff : this.#size === 2 ? 0xffff : -1;
    const xl = this.#m[GPR >> 2]! & mask, xh = this.#m[(GPR >> 2) + 1]!;
    for (let i = 0; i < this.#iterations; i++) {
      const yl = this.#load(this.#destination, i), yh = this.#m[RETURN_HI >> 2]!;
      if (this.#m[EVENT >> 2] !== 0) return this.#stopAt(i, false);
      const equal = xl === yl && (this.#size < 8 || xh === yh);
      if (equal !== goesOn || this.#isLast(i)) return this.#endAt(i, false, xl, xh, yl, yh);
    }
    this.#advance(this.#iterations, false, true);
    return 1;
  }

  /**
   * Reads the form, direction and count; false if there is nothing to do. `extended` are the registers that current
   * processors zero-extend with 32-bit addresses, whatever happens then.
   */
  #begin(form: number, ...extended: readonly number[]): boolean {
    this.#size = form & RepeatForm.ELEMENT;
    this.#addressSize = (form & RepeatForm.ADDRESS) >> RepeatForm.ADDRESS_SHIFT;
    this.#long = (form & RepeatForm.LONG) !== 0;
    this.#checked = (form & RepeatForm.CHECKED) !== 0
      ? (form & RepeatForm.SOURCE) >> RepeatForm.SOURCE_SHIFT
      : -1;
    this.#step = this.#m[DF >> 2] === 0 ? this.#size : -this.#size;
    if (this.#addressSize === 4) {
      for (const register of extended) this.#m[(GPR >> 2) + 2 * register + 1] = 0;
    }
    const lo = this.#counterLow();
    const upper = this.#addressSize === 8 ? this.#m[(GPR >> 2) + 2 * Gpr.RCX + 1]! : 0;
    // Single steps and data breakpoints trap after each iteration.
    const alone = (this.#m[RFLAGS_SYSTEM >> 2]! & Flag.TF) !== 0 || this.access.isWatched;
    const most = alone ? 1 : PAGE;
    this.#iterations = upper !== 0 || lo > most ? most : lo;
    return this.#iterations !== 0;
  }

  #counterLow(): number {
    const lo = this.#m[(GPR >> 2) + 2 * Gpr.RCX]!;
    return this.#addressSize === 2 ? lo & 0xffff : lo >>> 0;
  }

  /**
   * Places a pointer, and limits the chunk to its page, to its segment, and to where its offset wraps. False after
   * raising a fault, because not even the first element is inside the segment.
   */
  #point(pointer: Pointer, baseLo: number, baseHi: number, write = false): boolean {
    const word = (GPR >> 2) + 2 * pointer.register;
    let lo = this.#m[word]!;
    let hi = this.#addressSize === 8 ? this.#m[word + 1]! : 0;
    if (this.#addressSize === 2) lo &= 0xffff;
    if (this.#addressSize < 8) this.#limit(lo >>> 0, this.#addressSize === 2 ? 0x1_0000 : 0x1_0000_0000);
    if (this.#checked >= 0 && !this.#reach(pointer, lo, write)) return false;
    const sum = (lo + baseLo) | 0;
    const carry = sum >>> 0 < lo >>> 0 ? 1 : 0;
    hi = this.#long ? (hi + baseHi + carry) | 0 : 0;
    lo = sum;
    pointer.lo = lo;
    pointer.hi = hi;
    this.#limit(lo & (PAGE - 1), PAGE);
    return true;
  }

  /** Limits the chunk to the elements inside the pointer's segment; false after raising a fault if there are none. */
  #reach(pointer: Pointer, offset: number, write: boolean): boolean {
    const segment = pointer === this.#source ? this.#checked : Segment.ES;
    const inside = elementsInside(this.#m, segment, offset, this.#size, this.#step, write);
    if (inside === 0) this.access.raise(segment === Segment.SS ? Vector.SS : Vector.GP, 0);
    else if (inside < this.#iterations) this.#iterations = inside;
    return inside !== 0;
  }

  /** Limits the chunk to the whole elements between `at` and the end of a range of `bytes` bytes. */
  #limit(at: number, bytes: number): void {
    const size = this.#size;
    const whole = at + size > bytes
      ? 1
      : this.#step > 0
      ? Math.floor((bytes - at) / size)
      : Math.floor(at / size) + 1;
    if (whole < this.#iterations) this.#iterations = whole;
  }

  /** An instruction that overwrites itself is fetched again after each element: a chunk near its bytes has one. */
  #stopAfterOwnBytes(pcLo: number, pcHi: number): void {
    const { lo, hi } = this.#destination;
    const span = this.#iterations * this.#size;
    const distance = (pcLo - lo) | 0;
    if (hi === pcHi && distance > -span - MAX_INSTRUCTION && distance < span + this.#size) {
      this.#iterations = 1;
    }
  }

  /**
   * Offset in the linear memory of the chunk's first element, if the whole chunk can be accessed there; else it is negative.
   * The chunk has one element where each must be an instruction of its own.
   */
  #direct(pointer: Pointer, write: boolean): number {
    if ((pointer.lo & (PAGE - 1)) + this.#size > PAGE) return -1;
    const at = this.access.offsetForCopy(pointer.lo, pointer.hi, write);
    if (at === ALONE) this.#iterations = 1;
    return at;
  }

  #move(from: number, to: number): number {
    const count = this.#iterations, size = this.#size, bytes = count * size, u8 = this.#u8;
    const forward = this.#step > 0;
    const start = forward ? from : from - bytes + size, end = forward ? to : to - bytes + size;
    // Where an element would be read after an earlier iteration wrote it, the pattern spreads element by element.
    const spreads = forward ? end > start && end < start + bytes : end < start && end > start - bytes;
    if (!spreads) {
      u8.copyWithin(end, start, start + bytes);
      return count;
    }
    for (let i = 0, offset = 0; i < count; i++, offset += this.#step) {
      u8.copyWithin(to + offset, from + offset, from + offset + size);
    }
    return count;
  }

  #moveElements(): number {
    for (let i = 0; i < this.#iterations; i++) {
      const lo = this.#load(this.#source, i), hi = this.#m[RETURN_HI >> 2]!;
      if (this.#m[EVENT >> 2] !== 0) return i;
      this.#store(i, lo, hi);
      if (this.#m[EVENT >> 2] !== 0) return i;
      // Now that the first element is there, so is the page: others may not follow at once.
      if (i === 0) this.#direct(this.#destination, true);
    }
    return this.#iterations;
  }

  #fill(to: number): number {
    const count = this.#iterations, size = this.#size, bytes = count * size;
    const start = this.#step > 0 ? to : to - bytes + size, end = start + bytes;
    const lo = this.#m[GPR >> 2]!, hi = this.#m[(GPR >> 2) + 1]!;
    const byte = lo & 0xff;
    const word = size === 1 ? byte * 0x0101_0101 | 0 : size === 2 ? (lo & 0xffff) * 0x0001_0001 | 0 : lo;
    if (word === (byte * 0x0101_0101 | 0) && (size < 8 || hi === word)) {
      this.#u8.fill(byte, start, end);
    } else if (((start | bytes) & 3) === 0 && (size < 8 || hi === lo)) {
      this.#m.fill(word, start >> 2, end >> 2);
    } else {
      for (let at = start; at < end; at += size) this.#write(at, lo, hi);
    }
    return count;
  }

  #write(at: number, lo: number, hi: number): void {
    if (this.#size === 1) return this.#view.setInt8(at, lo);
    if (this.#size === 2) return this.#view.setInt16(at, lo, true);
    this.#view.setInt32(at, lo, true);
    if (this.#size === 8) this.#view.setInt32(at + 4, hi, true);
  }

  #storeElements(): number {
    const lo = this.#m[GPR >> 2]!, hi = this.#m[(GPR >> 2) + 1]!;
    for (let i = 0; i < this.#iterations; i++) {
      this.#store(i, lo, hi);
      if (this.#m[EVENT >> 2] !== 0) return i;
    }
    return this.#iterations;
  }

  /** Loads element `i` of a pointer; the upper half of 64 bits goes to RETURN_HI. Elements of a chunk are in one page. */
  #load(pointer: Pointer, i: number): number {
    const lo = (pointer.lo + i * this.#step) | 0, { hi } = pointer;
    switch (this.#size) {
      case 1:
        return this.access.load8(lo, hi, 0);
      case 2:
        return this.access.load16(lo, hi, 0);
      case 4:
        return this.access.load32(lo, hi, 0);
      default:
        return this.access.load64(lo, hi, 0);
    }
  }

  #store(i: number, valueLo: number, valueHi: number): void {
    const lo = (this.#destination.lo + i * this.#step) | 0, { hi } = this.#destination;
    switch (this.#size) {
      case 1:
        return this.access.store8(lo, hi, valueLo, 0);
      case 2:
        return this.access.store16(lo, hi, valueLo, 0);
      case 4:
        return this.access.store32(lo, hi, valueLo, 0);
      default:
        return this.access.store64(lo, hi, valueLo, valueHi, 0);
    }
  }

  /** Whether iteration `i` of the chunk is the last that the counter allows. */
  #isLast(i: number): boolean {
    const upper = this.#addressSize === 8 ? this.#m[(GPR >> 2) + 2 * Gpr.RCX + 1]! : 0;
    return upper === 0 && i + 1 === this.#counterLow();
  }

  /** A comparison faults in iteration `i`. */
  #stopAt(i: number, source: boolean): number {
    this.#advance(i, source, true);
    return 0;
  }

  /** A comparison ends the instruction in iteration `i`. */
  #endAt(i: number, source: boolean, xl: number, xh: number, yl: number, yh: number): number {
    this.#advance(i + 1, source, true);
    this.#setFlags(xl, xh, yl, yh);
    return 0;
  }

  /** Flags of x - y. */
  #setFlags(xl: number, xh: number, yl: number, yh: number): void {
    const m = this.#m, size = this.#size;
    const difference = (xl - yl) | 0;
    const borrow = xl >>> 0 < yl >>> 0 ? 1 : 0;
    m[PF >> 2] = difference;
    m[AF >> 2] = xl ^ yl ^ difference;
    if (size === 8) {
      const upper = (xh - yh - borrow) | 0;
      m[CF >> 2] = xh >>> 0 < yh >>> 0 || (xh === yh && borrow !== 0) ? 1 : 0;
      m[ZF >> 2] = difference | upper;
      m[SF >> 2] = upper;
      m[OF >> 2] = (xh ^ yh) & (xh ^ upper);
      return;
    }
    const shift = 32 - 8 * size;
    m[CF >> 2] = borrow;
    m[ZF >> 2] = difference << shift;
    m[SF >> 2] = difference << shift;
    m[OF >> 2] = ((xl ^ yl) & (xl ^ difference)) << shift;
  }

  /** Whether iterations are left, after `#advance`. */
  #left(): number {
    if (this.#m[EVENT >> 2] !== 0) return 0;
    const upper = this.#addressSize === 8 ? this.#m[(GPR >> 2) + 2 * Gpr.RCX + 1]! : 0;
    return upper !== 0 || this.#counterLow() !== 0 ? 1 : 0;
  }

  /** Counts `done` iterations in rCX and moves the pointers. */
  #advance(done: number, source: boolean, destination: boolean): void {
    if (done === 0) return;
    this.#add(Gpr.RCX, -done);
    if (source) this.#add(Gpr.RSI, done * this.#step);
    if (destination) this.#add(Gpr.RDI, done * this.#step);
  }

  #add(register: number, by: number): void {
    const word = (GPR >> 2) + 2 * register, old = this.#m[word]!;
    const sum = (old + by) | 0;
    const carry = sum >>> 0 < old >>> 0 ? 1 : 0;
    this.#writeGpr(register, this.#addressSize, sum, this.#m[word + 1]! + (by < 0 ? -1 : 0) + carry);
  }

  #writeGpr(register: number, size: number, lo: number, hi: number): void {
    const word = (GPR >> 2) + 2 * register, m = this.#m;
    if (size === 1) m[word] = (m[word]! & ~0xff) | (lo & 0xff);
    else if (size === 2) m[word] = (m[word]! & ~0xffff) | (lo & 0xffff);
    else m[word] = lo;
    if (size >= 4) m[word + 1] = size === 8 ? hi : 0;
  }
}
