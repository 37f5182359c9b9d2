/** A VMCS region in guest RAM. SDM vol. 3C, section 25.2. Its layout is our own: revision, abort indicator, launch state, fields. */
import { type LinearMemory, RAM_BASE } from "../memory/physical.ts";
import { REVISION } from "./capabilities.ts";
import { Field, slotOf, Width, widthOf } from "./fields.ts";

/** Bit 31 of the revision identifier: a shadow VMCS. */
export const SHADOW = 1 << 31;
const TWO_32 = 0x1_0000_0000;
/** Words of a region, and some of them. A field has two, whatever its width. */
export const REGION_WORDS = 1024;
const ABORT = 1, LAUNCHED = 2, FIELDS = 4;

/** Where fields lie in a region, by their encodings without bit 0. */
const PLACES = new Int16Array(0x4000);
for (const field of Object.values(Field)) PLACES[field >>> 1] = FIELDS + 2 * slotOf(field)!;
/** Where one lies: its low word. The upper one is behind it. */
export const placeOf = (field: number): number => PLACES[field >>> 1]!;

/** The halves of an address, as a number. */
export const joined = (lo: number, hi: number): number => (hi >>> 0) * TWO_32 + (lo >>> 0);

/** Fields of 64 bits that are the same as state cells, word by word: indices in the linear memory, and in a region. */
export interface CellFields {
  readonly cells: Int32Array;
  readonly fields: Int32Array;
}
/** Lists them: each state cell with its field. */
export const cellFields = (pairs: readonly (readonly [cell: number, field: number])[]): CellFields => ({
  cells: Int32Array.from(pairs.flatMap(([cell]) => [cell >> 2, (cell >> 2) + 1])),
  fields: Int32Array.from(pairs.flatMap(([, field]) => [placeOf(field), placeOf(field) + 1])),
});

/** Whether `pointer` may be given to VMXON, VMPTRLD and VMCLEAR: aligned to 4 KB, and in RAM. */
export function isRegion(memory: LinearMemory, pointer: bigint): boolean {
  return (pointer & 0xfffn) === 0n && pointer < BigInt(memory.ramBytes);
}

/** Revision identifier that software has stored in a region, with SHADOW. */
export const revisionOf = (memory: LinearMemory, pointer: bigint): number =>
  memory.view.getInt32(RAM_BASE + Number(pointer), true);

/** The VMCS at a physical address. */
export class Vmcs {
  readonly #i32: Int32Array;
  /** Index of its first word in the linear memory. */
  readonly base: number;

  constructor(readonly memory: LinearMemory, readonly pointer: bigint) {
    this.#i32 = memory.i32;
    this.base = (RAM_BASE + Number(pointer)) >>> 2;
  }

  /** Whether software has stored our revision there, as that of an ordinary or a shadow VMCS. */
  get hasRevision(): boolean {
    return (this.#i32[this.base]! & ~SHADOW) === REVISION;
  }
  /** A shadow VMCS. */
  get isShadow(): boolean {
    return this.#i32[this.base]! < 0;
  }

  get isLaunched(): boolean {
    return this.#i32[this.base + LAUNCHED] === 1;
  }
  set isLaunched(launched: boolean) {
    this.#i32[this.base + LAUNCHED] = launched ? 1 : 0;
  }
  /** Records why a VM exit could not be completed. SDM vol. 3C, section 28.7. */
  set abort(indicator: number) {
    this.#i32[this.base + ABORT] = indicator;
  }

  /** A field, zero-extended. */
  read(field: number): bigint {
    return this.memory.view.getBigUint64(4 * this.wordIndex(field), true);
  }
  /** A physical address, as a number. */
  address(field: number): number {
    return joined(this.word(field), this.high(field));
  }
  /** The low 32 bits of a field, as a signed number. */
  word(field: number): number {
    return this.#i32[this.base + PLACES[field >>> 1]!]!;
  }
  /** Its upper 32 bits, as a signed number. */
  high(field: number): number {
    return this.#i32[this.base + PLACES[field >>> 1]! + 1]!;
  }

  /** Writes a field; bits beyond its width are dropped. */
  write(field: number, value: bigint | number): void {
    if (typeof value === "number") this.put(field, value | 0, Math.floor(value / TWO_32) | 0);
    else this.memory.view.setBigUint64(4 * this.wordIndex(field), value, true);
    this.#narrow(field);
  }
  /** Writes one by its halves, which must not be wider than it. */
  put(field: number, lo: number, hi = 0): void {
    const word = this.wordIndex(field);
    this.#i32[word] = lo;
    this.#i32[word + 1] = hi;
  }

  /** Copies a field into a 64-bit state cell, zero-extended. */
  load(field: number, cell: number): void {
    const i32 = this.#i32, word = this.wordIndex(field);
    i32[cell >> 2] = i32[word]!;
    i32[(cell >> 2) + 1] = i32[word + 1]!;
  }
  /** Writes a field from a 64-bit state cell. */
  store(field: number, cell: number): void {
    this.put(field, this.#i32[cell >> 2]!, this.#i32[(cell >> 2) + 1]!);
    this.#narrow(field);
  }

  /** Copies fields into state cells. */
  loadAll({ cells, fields }: CellFields): void {
    const i32 = this.#i32, base = this.base;
    for (let n = 0; n < cells.length; n++) i32[cells[n]!] = i32[base + fields[n]!]!;
  }
  /** Writes fields from state cells. */
  storeAll({ cells, fields }: CellFields): void {
    const i32 = this.#i32, base = this.base;
    for (let n = 0; n < cells.length; n++) i32[base + fields[n]!] = i32[cells[n]!]!;
  }

  /** What VMREAD of an encoding gives: the upper half of a 64-bit field if bit 0 is set. */
  readEncoding(encoding: number): bigint {
    const value = this.read(encoding & ~1);
    return (encoding & 1) !== 0 ? value >> 32n : value;
  }
  /** What VMWRITE to an encoding does. */
  writeEncoding(encoding: number, value: bigint, long: boolean): void {
    const field = encoding & ~1, old = this.read(field);
    if ((encoding & 1) !== 0) {
      this.write(field, (old & 0xffff_ffffn) | ((value & 0xffff_ffffn) << 32n));
    } else if (!long && widthOf(field) === Width.QUAD) {
      // Outside 64-bit mode the lower half is written alone.
      this.write(field, (old & ~0xffff_ffffn) | (value & 0xffff_ffffn));
    } else {
      this.write(field, value);
    }
  }

  /** Where a field lies, as a word index of the linear memory. */
  wordIndex(field: number): number {
    return this.base + placeOf(field);
  }

  /** Drops bits beyond the field's width. */
  #narrow(field: number): void {
    const width = widthOf(field);
    if (width === Width.WORD) this.put(field, this.word(field) & 0xffff);
    else if (width === Width.LONG) this.put(field, this.word(field));
  }
}
