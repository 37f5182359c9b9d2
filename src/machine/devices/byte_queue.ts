/** Bytes that wait, oldest first. */
export class ByteQueue {
  #bytes: Uint8Array = new Uint8Array(64);
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  /** Adds bytes behind the others. */
  push(bytes: Uint8Array): void {
    if (this.#end + bytes.length > this.#bytes.length) {
      const waiting = this.view, needed = waiting.length + bytes.length;
      const room = new Uint8Array(Math.max(this.#bytes.length, 2 * needed));
      room.set(waiting);
      this.#bytes = room;
      this.#start = 0;
      this.#end = waiting.length;
    }
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** Takes the oldest; undefined: there is none. */
  shift(): number | undefined {
    return this.#start < this.#end ? this.#bytes[this.#start++] : undefined;
  }

  /** Takes so many of the oldest. */
  drop(count: number): void {
    this.#start += count;
  }

  /** All that wait, until more are added. */
  get view(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  /** All that wait, as a copy. */
  slice(): Uint8Array {
    return this.view.slice();
  }

  clear(): void {
    this.#start = this.#end = 0;
  }
}
