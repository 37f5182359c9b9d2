/** MSI-X: a function's table of messages, each of them an interrupt. PCI Local Bus 3.0, section 6.8.2. */
import { bool, fields, list, type Shape, u32 } from "../../snapshot/shape.ts";
import type { AccessSize } from "../bus.ts";

/** The capability: its ID and bytes, and where in it the message control and the places of table and pending bits are. */
export const MsixCapability = { ID: 0x11, BYTES: 12, CONTROL: 2, TABLE: 4, PENDING: 8 } as const;
/** Bits of the message control; below them it tells how many entries there are, less one. */
export const MsixControl = { MASK_ALL: 0x4000, ENABLE: 0x8000 } as const;

/** An entry: address in two halves, data, control. */
const ENTRY_WORDS = 4, ADDRESS = 0, ADDRESS_HIGH = 1, DATA = 2, CONTROL = 3;
const MASKED = 1;
/** Addresses are of 32-bit words. */
const WORD_ADDRESS = 0xffff_fffc;
const WORD_BYTES = 4, BITS = 32;

/** What a table holds, and what waits for its entry to be unmasked. */
export type MsixState = { readonly words: readonly number[]; readonly pending: readonly boolean[] };

/** The shape of the state of a table with so many entries. */
export function msixShape(vectors: number): Shape<MsixState> {
  return fields({ words: list(u32, vectors * ENTRY_WORDS), pending: list(bool, vectors) });
}

/** The table, and its pending bits. */
export class MsixTable {
  readonly #words: number[];
  readonly #pending: boolean[];
  #control = 0;

  /**
   * @param vectors entries
   * @param post writes a message: a word of data to an address
   */
  constructor(readonly vectors: number, readonly post: (address: number, data: number) => void) {
    this.#words = Array.from(
      { length: vectors * ENTRY_WORDS },
      (_, n) => n % ENTRY_WORDS === CONTROL ? MASKED : 0,
    );
    this.#pending = Array.from({ length: vectors }, () => false);
  }

  /** Whether the function interrupts by messages, and not by its line. */
  get isEnabled(): boolean {
    return (this.#control & MsixControl.ENABLE) !== 0;
  }

  /** Takes over the message control. What waited and may go now goes. */
  setControl(control: number): void {
    this.#control = control;
    for (let vector = 0; vector < this.vectors; vector++) this.#release(vector);
  }

  /** Asks for an interrupt; numbers behind the table ask for none. */
  signal(vector: number): void {
    if (!this.isEnabled || vector >= this.vectors) return;
    this.#pending[vector] = true;
    this.#release(vector);
  }

  /** Nothing waits any more. */
  forget(): void {
    this.#pending.fill(false);
  }

  /** Reads the table. It takes aligned words only; what others do is undefined. */
  read(offset: number, size: AccessSize): number {
    return size === WORD_BYTES ? this.#words[offset / WORD_BYTES] ?? 0 : 0;
  }

  write(offset: number, value: number, size: AccessSize): void {
    const at = offset / WORD_BYTES;
    if (size !== WORD_BYTES || at >= this.#words.length || !Number.isInteger(at)) return;
    const writable = at % ENTRY_WORDS === ADDRESS ? WORD_ADDRESS : at % ENTRY_WORDS === CONTROL ? MASKED : -1;
    this.#words[at] = (value & writable) >>> 0;
    this.#release(Math.floor(at / ENTRY_WORDS));
  }

  /** Reads the pending bits; writes to them do nothing. */
  readPending(offset: number, size: AccessSize): number {
    if (size !== WORD_BYTES || offset % WORD_BYTES !== 0) return 0;
    const first = offset / WORD_BYTES * BITS;
    return this.#pending.slice(first, first + BITS).reduce((bits, is, n) => bits | (is ? 1 << n : 0), 0);
  }

  save(): MsixState {
    return { words: [...this.#words], pending: [...this.#pending] };
  }

  /** Restores a state. It posts nothing: what waits was masked when it was saved. */
  load({ words, pending }: MsixState, control: number): void {
    this.#control = control;
    for (const [n, word] of words.entries()) this.#words[n] = word;
    for (const [n, is] of pending.entries()) this.#pending[n] = is;
  }

  /** Posts an entry's message if it waits and nothing masks it. */
  #release(vector: number): void {
    const at = vector * ENTRY_WORDS;
    const isMasked = (this.#control & MsixControl.MASK_ALL) !== 0 ||
      (this.#words[at + CONTROL]! & MASKED) !== 0;
    if (!this.#pending[vector] || isMasked || !this.isEnabled) return;
    this.#pending[vector] = false;
    this.post(
      this.#words[at + ADDRESS]! + this.#words[at + ADDRESS_HIGH]! * 2 ** 32,
      this.#words[at + DATA]!,
    );
  }
}
