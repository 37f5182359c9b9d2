/** GDB's remote serial protocol: framing, checksums and the texts of packets. GDB manual, appendix E.1. */

/** What a stream of bytes from GDB holds. */
export type Incoming =
  | { readonly kind: "packet"; readonly data: Uint8Array }
  /** A packet whose checksum is wrong, or which is longer than any that we ask for. */
  | { readonly kind: "damaged" }
  /** The last packet of ours was received, or has to be sent again. */
  | { readonly kind: "acknowledged" | "repeat" }
  /** Ctrl-C. */
  | { readonly kind: "interrupt" };

/** Most bytes of a packet, as qSupported tells GDB. */
export const PACKET_BYTES = 0x4000;

const START = 0x24, END = 0x23, ESCAPE = 0x7d, RUN = 0x2a, PLUS = 0x2b, MINUS = 0x2d, CTRL_C = 3;
const ESCAPE_BIT = 0x20;
/** Room for escapes: each byte of a packet may take two. */
const MOST_RAW = 2 * PACKET_BYTES;

/** Takes a stream of bytes apart. */
export class PacketReader {
  #state: "outside" | "data" | "checksum" = "outside";
  #data: number[] = [];
  #checksum = "";

  /** What has been completed with these bytes. */
  read(bytes: Uint8Array): readonly Incoming[] {
    const found: Incoming[] = [];
    for (const byte of bytes) {
      const one = this.#next(byte);
      if (one !== undefined) found.push(one);
    }
    return found;
  }

  #next(byte: number): Incoming | undefined {
    switch (this.#state) {
      case "outside":
        return this.#outside(byte);
      case "data":
        if (byte === START) this.#data = []; // the one before was cut off
        else if (byte === END) this.#state = "checksum";
        else if (this.#data.length <= MOST_RAW) this.#data.push(byte);
        return undefined;
      case "checksum":
        this.#checksum += String.fromCharCode(byte);
        return this.#checksum.length < 2 ? undefined : this.#complete();
    }
  }

  #outside(byte: number): Incoming | undefined {
    if (byte === START) {
      this.#state = "data";
      this.#data = [];
      this.#checksum = "";
      return undefined;
    }
    if (byte === CTRL_C) return { kind: "interrupt" };
    if (byte === PLUS) return { kind: "acknowledged" };
    return byte === MINUS ? { kind: "repeat" } : undefined;
  }

  #complete(): Incoming {
    this.#state = "outside";
    const raw = this.#data, given = this.#checksum;
    const isWhole = raw.length <= MOST_RAW && /^[0-9a-f]{2}$/i.test(given) &&
      parseInt(given, 16) === checksumOf(raw);
    return isWhole ? { kind: "packet", data: unescape(raw) } : { kind: "damaged" };
  }
}

/** The bytes that a packet is sent as. */
export function framePacket(data: Uint8Array): Uint8Array {
  const raw: number[] = [];
  for (const byte of data) {
    if (byte === START || byte === END || byte === ESCAPE || byte === RUN) {
      raw.push(ESCAPE, byte ^ ESCAPE_BIT);
    } else raw.push(byte);
  }
  const checksum = checksumOf(raw).toString(16).padStart(2, "0");
  return Uint8Array.from([START, ...raw, END, ...bytesOfText(checksum)]);
}

function unescape(raw: readonly number[]): Uint8Array {
  const data: number[] = [];
  for (let at = 0; at < raw.length; at++) {
    const byte = raw[at]!;
    data.push(byte === ESCAPE ? (raw[++at] ?? 0) ^ ESCAPE_BIT : byte);
  }
  return Uint8Array.from(data);
}

function checksumOf(raw: readonly number[]): number {
  return raw.reduce((sum, byte) => (sum + byte) & 0xff, 0);
}

/** A character for each byte. */
export function textOfBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** A byte for each character. */
export function bytesOfText(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Two digits for each byte. */
export function hexOfBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Bytes of hexadecimal text; undefined if it is none. */
export function bytesOfHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) return undefined;
  return Uint8Array.from({ length: text.length / 2 }, (_, n) => parseInt(text.slice(2 * n, 2 * n + 2), 16));
}

/** A number of at most 64 bits; undefined if it is none. */
export function numberOfHex(text: string | undefined): bigint | undefined {
  return text !== undefined && /^[0-9a-f]{1,16}$/i.test(text) ? BigInt(`0x${text}`) : undefined;
}

/** UTF-8 text as hexadecimal digits. */
export function hexOfText(text: string): string {
  return hexOfBytes(new TextEncoder().encode(text));
}
