/** A VMCS region in guest RAM. SDM vol. 3C, section 25.2. Its layout is our own: revision, abort indicator, launch state, fields. */
import { type LinearMemory, RAM_BASE } from "../memory/physical.ts";
import { REVISION } from "./capabilities.ts";
import { slotOfField, Width, widthOf } from "./fields.ts";

/** Bit 31 of the revision identifier: a shadow VMCS. */
export const SHADOW = 1 << 31;
const TWO_32 = 0x1_0000_0000;
const ABORT = 4, LAUNCHED = 8, FIELDS = 16;
const WIDTH_MASKS: readonly bigint[] = [
  0xffffn,
  0xffff_ffff_ffff_ffffn,
  0xffff_ffffn,
  0xffff_ffff_ffff_ffffn,
];

/** Whether `pointer` may be given to VMXON, VMPTRLD and VMCLEAR: aligned to 4 KB, and in RAM. */
export function isRegion(memory: LinearMemory, pointer: bigint): boolean {
  return (pointer & 0xfffn) === 0n && pointer < BigInt(memory.ramBytes);
}

/** Revision identifier that software has stored in a region, with SHADOW. */
export const revisionOf = (memory: LinearMemory, pointer: bigint): number =>
  memory.view.getInt32(RAM_BASE + Number(pointer), true);

/** The VMCS at a physical address. */
export class Vmcs {
  readonly #base: number;

  constructor(readonly memory: LinearMemory, readonly pointer: bigint) {
    this.#base = RAM_BASE + Number(pointer);
  }

  /** Whether software has stored our revision there, as that of an ordinary or a shadow VMCS. */
  get hasRevision(): boolean {
    return (this.memory.view.getInt32(this.#base, true) & ~SHADOW) === REVISION;
  }
  /** A shadow VMCS. */
  get isShadow(): boolean {
    return this.memory.view.getInt32(this.#base, true) < 0;
  }

  get isLaunched(): boolean {
    return this.memory.view.getInt32(this.#base + LAUNCHED, true) === 1;
  }
  set isLaunched(launched: boolean) {
    this.memory.view.setInt32(this.#base + LAUNCHED, launched ? 1 : 0, true);
  }
  /** Records why a VM exit could not be completed. SDM vol. 3C, section 28.7. */
  set abort(indicator: number) {
    this.memory.view.setInt32(this.#base + ABORT, indicator, true);
  }

  /** A field, zero-extended. */
  read(field: number): bigint {
    return this.memory.view.getBigUint64(this.#place(field), true);
  }
  /** Its low 32 bits, as a signed number. */
  word(field: number): number {
    return this.memory.view.getInt32(this.#place(field), true);
  }
  /** Its upper 32 bits, as a signed number. */
  high(field: number): number {
    return this.memory.i32[this.wordIndex(field) + 1]!;
  }
  /** Writes a field; bits beyond its width are dropped. */
  write(field: number, value: bigint | number): void {
    if (typeof value === "number") return this.#put(field, value | 0, Math.floor(value / TWO_32) | 0);
    const mask = WIDTH_MASKS[widthOf(field)]!;
    this.memory.view.setBigUint64(this.#place(field), value & mask, true);
  }

  /** Copies a field into a 64-bit state cell, zero-extended. */
  load(field: number, cell: number): void {
    const { i32 } = this.memory, word = this.wordIndex(field);
    i32[cell >> 2] = i32[word]!;
    i32[(cell >> 2) + 1] = i32[word + 1]!;
  }
  /** Writes a field from a 64-bit state cell. */
  store(field: number, cell: number): void {
    const { i32 } = this.memory;
    this.#put(field, i32[cell >> 2]!, i32[(cell >> 2) + 1]!);
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
    return this.#place(field) / 4;
  }

  #put(field: number, lo: number, hi: number): void {
    const { i32 } = this.memory, word = this.wordIndex(field), width = widthOf(field);
    i32[word] = width === Width.WORD ? lo & 0xffff : lo;
    i32[word + 1] = width === Width.WORD || width === Width.LONG ? 0 : hi;
  }

  #place(field: number): number {
    return this.#base + FIELDS + 8 * slotOfField(field);
  }
}
