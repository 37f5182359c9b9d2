/** Memory below 640 KB for what a boot loader tells its kernel. */
import { CannotBootError } from "./boot_error.ts";

/** First address, and first address no longer, that is given out: the places below belong to the BIOS on a PC. */
const START = 0x9000, END = 0x9_f000;

/** Gives out memory, from the bottom, that no part of the kernel lies in. */
export class LowMemory {
  readonly #ram: Uint8Array;
  readonly #view: DataView;
  readonly #taken: readonly { readonly start: number; readonly end: number }[];
  #next = START;

  /**
   * @param taken what must not be given out
   */
  constructor(ram: Uint8Array, taken: readonly { readonly start: number; readonly end: number }[]) {
    this.#ram = ram;
    this.#view = new DataView(ram.buffer, ram.byteOffset, ram.length);
    this.#taken = taken;
  }

  /** Takes memory. Returns its physical address, a multiple of `alignment` (a power of two, at least 8). */
  reserve(bytes: number, alignment = 8): number {
    const align = (at: number): number => Math.ceil(at / alignment) * alignment;
    let at = align(this.#next);
    for (;;) {
      const hit = this.#taken.find(({ start, end }) => start < at + bytes && end > at);
      if (hit === undefined) break;
      at = align(hit.end);
    }
    if (at + bytes > Math.min(END, this.#ram.length)) {
      throw new CannotBootError("the kernel leaves no memory below 640 KB for what it is told");
    }
    this.#next = Math.ceil((at + bytes) / 8) * 8;
    return at;
  }

  /** Writes 32-bit words. */
  words(at: number, values: readonly number[]): void {
    for (const [n, value] of values.entries()) this.#view.setUint32(at + 4 * n, value, true);
  }

  /** Puts a string with a zero behind it somewhere. Returns its address. */
  text(value: string): number {
    const bytes = new TextEncoder().encode(`${value}\0`);
    const at = this.reserve(bytes.length);
    this.#ram.set(bytes, at);
    return at;
  }
}
