/** Little-endian bytes written and read one after another. */

/** Grows as it is written to. */
export class ByteWriter {
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** What was written. */
  get written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }
  u8(value: number): void {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
  }
  u16(value: number): void {
    const at = this.#grow(2);
    this.#view.setUint16(at, value, true);
  }
  u32(value: number): void {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, true);
  }
  u64(value: bigint): void {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value, true);
  }
  bytes(values: Uint8Array): void {
    const at = this.#grow(values.length);
    this.#bytes.set(values, at);
  }

  #grow(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}

/** Reads what a ByteWriter wrote. */
export class ByteReader {
  readonly #view: DataView;
  #at = 0;

  constructor(readonly source: Uint8Array<ArrayBuffer>) {
    this.#view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  }
  /** Whether something is left. */
  get more(): boolean {
    return this.#at < this.source.length;
  }
  u8(): number {
    return this.#view.getUint8(this.#skip(1));
  }
  u16(): number {
    return this.#view.getUint16(this.#skip(2), true);
  }
  u32(): number {
    return this.#view.getUint32(this.#skip(4), true);
  }
  u64(): bigint {
    return this.#view.getBigUint64(this.#skip(8), true);
  }
  bytes(count: number): Uint8Array<ArrayBuffer> {
    const at = this.#skip(count);
    return this.source.slice(at, at + count);
  }

  #skip(count: number): number {
    const at = this.#at;
    this.#at += count;
    return at;
  }
}
