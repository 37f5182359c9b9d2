/** The parts that all ACPI tables share. ACPI 6.4, section 5.2.6. */

const HEADER = 36, LENGTH = 4, REVISION = 8, CHECKSUM = 9, OEM_ID = 10, OEM_TABLE_ID = 16, OEM_REVISION = 24;
const CREATOR_ID = 28, CREATOR_REVISION = 32;

/** Writes little-endian numbers one behind the other. */
export class TableWriter {
  readonly #bytes: number[] = [];

  get length(): number {
    return this.#bytes.length;
  }

  /** Numbers of `size` bytes each. */
  numbers(size: 1 | 2 | 4 | 8, ...values: readonly number[]): this {
    for (const value of values) {
      for (let byte = 0; byte < size; byte++) this.#bytes.push(Math.floor(value / 2 ** (8 * byte)) & 0xff);
    }
    return this;
  }

  /** ASCII characters, padded with spaces or cut to `length`. */
  text(characters: string, length: number): this {
    this.#bytes.push(...new TextEncoder().encode(characters.padEnd(length).slice(0, length)));
    return this;
  }

  /** Bytes as they are. */
  bytes(bytes: Iterable<number>): this {
    this.#bytes.push(...bytes);
    return this;
  }

  /** Zeros up to an offset. */
  padTo(offset: number): this {
    while (this.#bytes.length < offset) this.#bytes.push(0);
    return this;
  }

  done(): Uint8Array {
    return new Uint8Array(this.#bytes);
  }
}

/** What makes the sum of the bytes 0. */
export function checksum(bytes: Uint8Array): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}

/** A table with its header. */
export function acpiTable(signature: string, revision: number, body: Uint8Array): Uint8Array {
  const table = new Uint8Array(HEADER + body.length), view = new DataView(table.buffer);
  const put = (at: number, characters: string): void => table.set(new TextEncoder().encode(characters), at);
  put(0, signature);
  view.setUint32(LENGTH, table.length, true);
  table[REVISION] = revision;
  put(OEM_ID, "CAUSWY");
  put(OEM_TABLE_ID, "CAUSEWAY");
  view.setUint32(OEM_REVISION, 1, true);
  put(CREATOR_ID, "CSWY");
  view.setUint32(CREATOR_REVISION, 1, true);
  table.set(body, HEADER);
  table[CHECKSUM] = checksum(table);
  return table;
}
