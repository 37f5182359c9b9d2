/** Plain values as bytes: the same value gives the same bytes on every host. */
import { StateError, type StateValue } from "./shape.ts";

const Tag = {
  UNDEFINED: 0,
  FALSE: 1,
  TRUE: 2,
  NUMBER: 3,
  POSITIVE: 4,
  NEGATIVE: 5,
  TEXT: 6,
  BYTES: 7,
  LIST: 8,
  FIELDS: 9,
} as const;

/** Values inside values: deeper ones are refused. */
const MOST_NESTED = 32;

/** Encodes a value. Numbers take eight bytes, little-endian; lengths and counts four. */
export function encodeState(value: StateValue): Uint8Array {
  const encoder = new Encoder();
  encoder.value(value);
  return encoder.bytes();
}

/**
 * Decodes a value.
 *
 * @throws {StateError} if the bytes are no encoded value
 */
export function decodeState(bytes: Uint8Array): StateValue {
  const decoder = new Decoder(bytes);
  const value = decoder.value(0);
  if (!decoder.isAtEnd) throw new StateError("The saved state has bytes behind its end");
  return value;
}

class Encoder {
  #buffer = new Uint8Array(0x1000);
  #view = new DataView(this.#buffer.buffer);
  #length = 0;

  bytes(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  value(value: StateValue): void {
    switch (typeof value) {
      case "undefined":
        return this.#byte(Tag.UNDEFINED);
      case "boolean":
        return this.#byte(value ? Tag.TRUE : Tag.FALSE);
      case "number":
        this.#byte(Tag.NUMBER);
        this.#room(8);
        this.#view.setFloat64(this.#length, value, true);
        this.#length += 8;
        return;
      case "bigint":
        this.#byte(value < 0n ? Tag.NEGATIVE : Tag.POSITIVE);
        return this.#sized(new TextEncoder().encode((value < 0n ? -value : value).toString(16)));
      case "string":
        this.#byte(Tag.TEXT);
        return this.#sized(new TextEncoder().encode(value));
      default:
        return this.#compound(value);
    }
  }

  #compound(value: Exclude<StateValue, undefined | boolean | number | bigint | string>): void {
    if (value instanceof Uint8Array) {
      this.#byte(Tag.BYTES);
      this.#sized(value);
    } else if (Array.isArray(value)) {
      this.#byte(Tag.LIST);
      this.#count(value.length);
      for (const item of value) this.value(item);
    } else {
      const entries = Object.entries(value);
      this.#byte(Tag.FIELDS);
      this.#count(entries.length);
      for (const [name, field] of entries) {
        this.#sized(new TextEncoder().encode(name));
        this.value(field);
      }
    }
  }

  #byte(byte: number): void {
    this.#room(1);
    this.#buffer[this.#length++] = byte;
  }

  #count(count: number): void {
    this.#room(4);
    this.#view.setUint32(this.#length, count, true);
    this.#length += 4;
  }

  #sized(bytes: Uint8Array): void {
    this.#count(bytes.length);
    this.#room(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const larger = new Uint8Array(2 * (this.#length + bytes));
    larger.set(this.#buffer);
    this.#buffer = larger;
    this.#view = new DataView(larger.buffer);
  }
}

class Decoder {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  value(depth: number): StateValue {
    if (depth > MOST_NESTED) throw new StateError("The saved state is nested too deeply");
    const tag = this.#bytes[this.#take(1)]!;
    switch (tag) {
      case Tag.UNDEFINED:
        return undefined;
      case Tag.FALSE:
        return false;
      case Tag.TRUE:
        return true;
      case Tag.NUMBER:
        return this.#view.getFloat64(this.#take(8), true);
      case Tag.POSITIVE:
        return this.#bigint();
      case Tag.NEGATIVE:
        return -this.#bigint();
      case Tag.TEXT:
        return this.#text();
      case Tag.BYTES:
        return this.#sized().slice();
      case Tag.LIST:
        return Array.from({ length: this.#count() }, () => this.value(depth + 1));
      case Tag.FIELDS:
        return Object.fromEntries(
          Array.from({ length: this.#count() }, () => [this.#text(), this.value(depth + 1)]),
        );
      default:
        throw new StateError(`The saved state has an unknown tag ${tag}`);
    }
  }

  #bigint(): bigint {
    const digits = this.#text();
    if (!/^[0-9a-f]{1,64}$/.test(digits)) throw new StateError("The saved state has a malformed number");
    return BigInt(`0x${digits}`);
  }

  #text(): string {
    return new TextDecoder().decode(this.#sized());
  }

  #sized(): Uint8Array {
    const length = this.#view.getUint32(this.#take(4), true), at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** A count of values, each of which takes a byte at least. */
  #count(): number {
    const count = this.#view.getUint32(this.#take(4), true);
    if (count > this.#bytes.length - this.#at) throw new StateError("The saved state ends too early");
    return count;
  }

  #take(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) throw new StateError("The saved state ends too early");
    this.#at += length;
    return at;
  }
}
