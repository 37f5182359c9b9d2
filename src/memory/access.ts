/** Slow paths of loads and stores: TLB refills, page crossings, faults, stores to translated code. */
import { Event, Vector } from "../cpu/fault.ts";
import { ALONE } from "../cpu/repeat.ts";
import {
  EVENT,
  EVENT_ADDRESS,
  EVENT_ERROR,
  EVENT_VECTOR,
  RETURN_HI,
  RETURN_V128,
  RIP,
  SCRATCH,
  TLB_BASE,
} from "../cpu/state.ts";
import type { Mmio } from "./mmio.ts";
import type { Mmu } from "./mmu.ts";
import { SECOND_STAGE_REFUSED } from "./paging.ts";
import { type LinearMemory, RAM_BASE, TLB_ADDEND, TLB_HIGH, TLB_READ, TLB_WRITE } from "./physical.ts";
import { tlbWord } from "./tlb.ts";

/** Bits of `MemoryFlag` (ir/types.ts), which the memory side may not import. */
const STACK = 1, WRITE_INTENT = 2, SYSTEM = 4, ALIGNED = 8, CHECKED = 0x10;
/** Word indices and offsets in words: V8 knows the values of a module's own constants, and reads imported ones each time. */
const TLB_BASE_WORD = TLB_BASE >> 2, RETURN_HI_WORD = RETURN_HI >> 2, RETURN_V128_WORD = RETURN_V128 >> 2;
const READ_TAG = TLB_READ / 4, WRITE_TAG = TLB_WRITE / 4, TAG_HIGH = TLB_HIGH / 4, ADDEND = TLB_ADDEND / 4;
const RAM_START = RAM_BASE;
/** Size of pieces, as far as it matters: larger than what an access page takes. */
const CROSSING_SIZE = 16;
/** Where the pieces of an access that crosses a page are put together. */
const CROSSING = SCRATCH + 0xfe0;
/** Where the operand of an access to a device lies. */
const DEVICE = SCRATCH + 0xfc0;

/**
 * Guest memory as instructions see it. A failing access sets the EVENT cells and returns 0; then nothing has been
 * stored. Addresses are linear, in halves; `flags` are MemoryFlag bits.
 */
export class GuestAccess {
  /**
   * While one instruction is executed alone: stores to translated code happen (and drop it) instead of leaving, and
   * devices are reached. So a device sees each access once, at its exact time.
   */
  allowCodeWrites = false;
  /** What answers outside RAM; without it such accesses raise #MC. */
  mmio: Mmio | undefined;

  readonly #memory: LinearMemory;
  readonly #i32: Int32Array;
  readonly #view: DataView;
  /** Host-physical address of the device that DEVICE stands for. */
  #deviceAddress = 0;

  constructor(readonly mmu: Mmu) {
    this.#memory = mmu.memory;
    this.#i32 = mmu.memory.i32;
    this.#view = mmu.memory.view;
  }

  load8(lo: number, hi: number, flags: number): number {
    const at = this.#reading(lo, hi, 1, flags);
    return at < 0 ? 0 : this.#memory.u8[at]!;
  }
  load16(lo: number, hi: number, flags: number): number {
    const at = this.#reading(lo, hi, 2, flags);
    return at < 0 ? 0 : this.#view.getUint16(at, true);
  }
  load32(lo: number, hi: number, flags: number): number {
    const at = this.#reading(lo, hi, 4, flags);
    return at < 0 ? 0 : this.#view.getInt32(at, true);
  }
  /** The upper half is stored in RETURN_HI. */
  load64(lo: number, hi: number, flags: number): number {
    const at = this.#reading(lo, hi, 8, flags);
    if (at < 0) return 0;
    this.#i32[RETURN_HI_WORD] = this.#view.getInt32(at + 4, true);
    return this.#view.getInt32(at, true);
  }
  /** The value is stored in RETURN_V128. */
  loadv(lo: number, hi: number, flags: number): number {
    const at = this.#reading(lo, hi, 16, flags);
    if (at < 0) return 0;
    for (let word = 0; word < 4; word++) {
      this.#i32[RETURN_V128_WORD + word] = this.#view.getInt32(at + 4 * word, true);
    }
    return 0;
  }

  store8(lo: number, hi: number, value: number, flags: number): void {
    const at = this.#writing(lo, hi, 1, flags);
    if (at < 0) return;
    this.#view.setInt8(at, value);
    if (at === DEVICE) this.#writeDevice(1);
  }
  store16(lo: number, hi: number, value: number, flags: number): void {
    const at = this.#writing(lo, hi, 2, flags);
    if (at < 0) return;
    this.#view.setInt16(at, value, true);
    if (at === CROSSING || at === DEVICE) this.#finish(at, lo, hi, 2);
  }
  store32(lo: number, hi: number, value: number, flags: number): void {
    const at = this.#writing(lo, hi, 4, flags);
    if (at < 0) return;
    this.#view.setInt32(at, value, true);
    if (at === CROSSING || at === DEVICE) this.#finish(at, lo, hi, 4);
  }
  store64(lo: number, hi: number, valueLo: number, valueHi: number, flags: number): void {
    const at = this.#writing(lo, hi, 8, flags);
    if (at < 0) return;
    this.#view.setInt32(at, valueLo, true);
    this.#view.setInt32(at + 4, valueHi, true);
    if (at === CROSSING || at === DEVICE) this.#finish(at, lo, hi, 8);
  }
  storev(lo: number, hi: number, v0: number, v1: number, v2: number, v3: number, flags: number): void {
    const at = this.#writing(lo, hi, 16, flags);
    if (at < 0) return;
    this.#view.setInt32(at, v0, true);
    this.#view.setInt32(at + 4, v1, true);
    this.#view.setInt32(at + 8, v2, true);
    this.#view.setInt32(at + 12, v3, true);
    if (at === CROSSING || at === DEVICE) this.#finish(at, lo, hi, 16);
  }

  /**
   * Offset in the linear memory of the page that holds a linear address, for copying inside that page; -1 if the
   * access must go element by element (it faults, or the page holds translated code), ALONE if each element is an
   * instruction of its own.
   */
  offsetForCopy(lo: number, hi: number, write: boolean): number {
    if (!this.mmu.isCanonical(hi)) return -1;
    let word = tlbWord(this.#i32, this.#i32[TLB_BASE_WORD]!, lo);
    if (!this.#hit(word, lo, hi, write)) {
      if (this.mmu.refill(lo, hi, write, false) !== 0) return -1;
      word = tlbWord(this.#i32, this.#i32[TLB_BASE_WORD]!, lo);
      if (!this.#hit(word, lo, hi, write)) return this.mmu.isAccessPage(this.mmu.walkedPage) ? ALONE : -1;
    }
    return (lo + this.#i32[word + ADDEND]!) >>> 0;
  }

  /** Whether the guest has data breakpoints, which trap after each iteration of a repeated instruction. */
  get isWatched(): boolean {
    return this.mmu.breakpoints.guestWatches;
  }

  /** PKRU has changed: other rights hold. */
  keysChanged(): void {
    this.mmu.enterWorld();
  }

  /** Raises a fault: sets the EVENT cells. */
  raise(vector: number, error: number): void {
    this.#i32[EVENT >> 2] = Event.FAULT;
    this.#i32[EVENT_VECTOR >> 2] = vector;
    this.#i32[EVENT_ERROR >> 2] = error;
  }

  #hit(word: number, lo: number, hi: number, write: boolean): boolean {
    const i32 = this.#i32;
    return i32[word + (write ? WRITE_TAG : READ_TAG)] === (lo & ~0xfff) &&
      i32[word + TAG_HIGH] === hi;
  }

  /** Whether a store there would happen now; raises the event if not. */
  prepareStore(lo: number, hi: number, size: number): boolean {
    return this.#writing(lo, hi, size, 0) >= 0;
  }

  /** Offset in the linear memory where an operand of `size` bytes can be read, or -1 after raising an event. */
  locate(lo: number, hi: number, size: number, flags: number): number {
    return this.#reading(lo, hi, size, flags);
  }

  /** Offset in the linear memory where the operand can be read, or -1 after raising an event. */
  #reading(lo: number, hi: number, size: number, flags: number): number {
    if ((flags & (ALIGNED | CHECKED)) !== 0 && (lo & (size - 1)) !== 0) return this.#misaligned(flags);
    if (this.mmu.breakpoints.watches && this.#isHeld(lo, hi, size, false, flags)) return -1;
    if ((lo & 0xfff) > 0x1000 - size) return this.#readCrossing(lo, hi, size, flags);
    const at = this.#locate(lo, hi, (flags & WRITE_INTENT) !== 0, flags, size, false);
    if (at === DEVICE) this.#readDevice(size);
    return at;
  }

  /** Offset where the operand can be stored (CROSSING, DEVICE: then finish), or -1 after raising an event. */
  #writing(lo: number, hi: number, size: number, flags: number): number {
    if ((flags & (ALIGNED | CHECKED)) !== 0 && (lo & (size - 1)) !== 0) return this.#misaligned(flags);
    if (this.mmu.breakpoints.watches && this.#isHeld(lo, hi, size, true, flags)) return -1;
    if ((lo & 0xfff) > 0x1000 - size) return this.#prepareCrossing(lo, hi, size, flags);
    const at = this.#locate(lo, hi, true, flags, size, true);
    return at === DEVICE || (at >= 0 && this.#mayStore(at, size)) ? at : -1;
  }

  /**
   * An access that meets a breakpoint: it is noted where the instruction is executed alone, elsewhere the instruction is
   * held up until it is.
   */
  #isHeld(lo: number, hi: number, size: number, write: boolean, flags: number): boolean {
    if ((flags & SYSTEM) !== 0) return false;
    const { breakpoints } = this.mmu, { outside } = breakpoints;
    const met = breakpoints.meet(lo, hi, size, write);
    const point = outside.watches ? outside.watching(lo, hi, size, write) : undefined;
    if (met === 0 && point === undefined) return false;
    if (this.allowCodeWrites) {
      breakpoints.hits |= met;
      if (point !== undefined) {
        outside.touched(point, lo, hi, { isWrite: write, size, rip: this.#view.getBigUint64(RIP, true) });
      }
    } else {
      this.#i32[EVENT >> 2] = Event.CODE_WRITE;
    }
    return !this.allowCodeWrites;
  }

  /**
   * Offset of an address in the linear memory, DEVICE for one outside RAM; refills the TLB on a miss.
   *
   * @param write whether it must be writable
   * @param stores whether it is written now
   */
  #locate(lo: number, hi: number, write: boolean, flags: number, size: number, stores: boolean): number {
    const word = tlbWord(this.#i32, this.#i32[TLB_BASE_WORD]!, lo);
    if (!this.#hit(word, lo, hi, write)) {
      if (!this.mmu.isCanonical(hi)) return this.#refuse((flags & STACK) !== 0 ? Vector.SS : Vector.GP, 0);
      const failure = this.mmu.refill(lo, hi, write, false);
      if (failure === SECOND_STAGE_REFUSED) return -1;
      if (failure !== 0) return this.#pageFault(lo, hi, failure);
      const page = this.mmu.walkedPage;
      if (this.mmu.isAccessPage(page)) return this.#locateElsewhere(lo & 0xfff, write, size, stores);
      if (page >= this.#memory.ramBytes) return this.#locateDevice(page + (lo & 0xfff));
      return RAM_START + page + (lo & 0xfff);
    }
    return (lo + this.#i32[word + ADDEND]!) >>> 0;
  }

  /** Offset where an access to the access page goes. One that may write is an instruction's that is executed alone. */
  #locateElsewhere(offset: number, write: boolean, size: number, stores: boolean): number {
    if (write && !this.allowCodeWrites) {
      this.#i32[EVENT >> 2] = Event.CODE_WRITE;
      return -1;
    }
    const place = this.mmu.accessPage!.locate(offset, size, stores ? "write" : "read");
    return place < 0 ? -1 : RAM_START + place;
  }

  #locateDevice(hpa: number): number {
    if (this.mmio === undefined) return this.#refuse(Vector.MC, -1);
    if (!this.allowCodeWrites) {
      this.#i32[EVENT >> 2] = Event.CODE_WRITE;
      return -1;
    }
    this.#deviceAddress = hpa;
    return DEVICE;
  }

  #readDevice(size: number): void {
    const mmio = this.mmio!, hpa = this.#deviceAddress;
    if (size < 4) this.#view.setInt32(DEVICE, mmio.read(hpa, size as 1 | 2), true);
    else for (let at = 0; at < size; at += 4) this.#view.setInt32(DEVICE + at, mmio.read(hpa + at, 4), true);
  }

  #writeDevice(size: number): void {
    const mmio = this.mmio!, hpa = this.#deviceAddress;
    if (size === 1) mmio.write(hpa, 1, this.#memory.u8[DEVICE]!);
    else if (size === 2) mmio.write(hpa, 2, this.#view.getUint16(DEVICE, true));
    else for (let at = 0; at < size; at += 4) mmio.write(hpa + at, 4, this.#view.getInt32(DEVICE + at, true));
  }

  /** Whether a store at this offset may happen now; translated code there is dropped, or the event raised. */
  #mayStore(at: number, size: number): boolean {
    const hpa = at - RAM_START;
    const { codePages } = this.mmu;
    if (!codePages.has(Math.floor(hpa / 0x1000)) || !codePages.overlaps(hpa, size)) return true;
    if (this.allowCodeWrites) {
      codePages.invalidate(hpa, size);
      return true;
    }
    this.#i32[EVENT >> 2] = Event.CODE_WRITE;
    return false;
  }

  #readCrossing(lo: number, hi: number, size: number, flags: number): number {
    const write = (flags & WRITE_INTENT) !== 0;
    for (let byte = 0; byte < size; byte++) {
      const at = this.#locateByte(lo, hi, byte, write, flags);
      if (at < 0) return -1;
      if (at === DEVICE) this.#readDevice(1);
      this.#memory.u8[CROSSING + byte] = this.#memory.u8[at]!;
    }
    return CROSSING;
  }

  /** Checks both pages before anything is stored. */
  #prepareCrossing(lo: number, hi: number, size: number, flags: number): number {
    for (let byte = 0; byte < size; byte++) {
      const at = this.#locateByte(lo, hi, byte, true, flags);
      if (at < 0 || (at !== DEVICE && !this.#mayStore(at, 1))) return -1;
    }
    return CROSSING;
  }

  /** Brings an operand from where it was put together to where it belongs. */
  #finish(at: number, lo: number, hi: number, size: number): void {
    if (at === DEVICE) return this.#writeDevice(size);
    for (let byte = 0; byte < size; byte++) {
      const target = this.#locateByte(lo, hi, byte, true, 0);
      this.#memory.u8[target] = this.#memory.u8[CROSSING + byte]!;
      if (target === DEVICE) this.#writeDevice(1);
    }
  }

  #locateByte(lo: number, hi: number, byte: number, write: boolean, flags: number): number {
    const at = (lo + byte) | 0;
    const carry = (at >>> 0) < (lo >>> 0) ? 1 : 0;
    return this.#locate(at, (hi + carry) | 0, write, flags, CROSSING_SIZE, write);
  }

  #pageFault(lo: number, hi: number, failure: number): number {
    this.#i32[EVENT_ADDRESS >> 2] = lo;
    this.#i32[(EVENT_ADDRESS >> 2) + 1] = hi;
    return this.#refuse(Vector.PF, (failure >> 8) - 1);
  }

  #misaligned(flags: number): number {
    return this.#refuse((flags & ALIGNED) !== 0 ? Vector.GP : Vector.AC, 0);
  }

  #refuse(vector: number, error: number): number {
    this.raise(vector, error);
    return -1;
  }
}
