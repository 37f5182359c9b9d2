/**
 * Compression in the LZ4 block format, which is decompressed several times as fast as deflate: a snapshot is read more often
 * than it is written. The same bytes give the same result on every host. LZ4, doc/lz4_Block_format.md.
 *
 * A block is a list of sequences. Each is a token (length of literals, length of the match less four; 15 says that bytes
 * follow that are added, up to one that is not 255), literals, and the match: 16 bits that tell how far back it begins.
 * The last one has literals only.
 */
import { StateError } from "./shape.ts";

/** Bytes that a compressed one becomes at most. */
export const LZ4_RATIO = 255;

const LEAST_MATCH = 4, LONG = 15, MOST_OFFSET = 0xffff;
/** A match begins this far before the end at the latest, and the last bytes are literals: the format asks for it. */
const LAST_MATCH = 12, LAST_LITERALS = 5;
const HASH_BITS = 14, HASH_FACTOR = 0x9e37_79b1;
/** After each 2^6 places without a match the search takes larger steps. */
const PATIENCE = 6;
/** Copies of so many bytes are left to the host; shorter ones go by words, and may write up to the rest of one too much. */
const WORTH_A_CALL = 64, WORD = 4;

/** Compresses bytes. */
export function compressLz4(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const output = new Uint8Array(bytes.length + Math.ceil(bytes.length / 255) + 16);
  /** Place behind the four bytes that were seen last with a hash; 0: none. */
  const seen = new Int32Array(1 << HASH_BITS);
  let to = 0, literals = 0;
  const length = (extra: number): void => {
    for (; extra >= 255; extra -= 255) output[to++] = 255;
    output[to++] = extra;
  };
  const sequence = (end: number, matched: number): void => {
    const count = end - literals, more = matched - LEAST_MATCH;
    output[to++] = (Math.min(count, LONG) << 4) | (matched === 0 ? 0 : Math.min(more, LONG));
    if (count >= LONG) length(count - LONG);
    output.set(bytes.subarray(literals, end), to);
    to += count;
  };
  for (let at = 0, misses = 0; at <= bytes.length - LAST_MATCH;) {
    const word = view.getUint32(at, true), hash = Math.imul(word, HASH_FACTOR) >>> (32 - HASH_BITS);
    const candidate = seen[hash]! - 1;
    seen[hash] = at + 1;
    if (candidate < 0 || at - candidate > MOST_OFFSET || view.getUint32(candidate, true) !== word) {
      at += 1 + (misses++ >> PATIENCE);
      continue;
    }
    misses = 0;
    const last = bytes.length - LAST_LITERALS;
    let end = at + LEAST_MATCH;
    for (let from = candidate + LEAST_MATCH; end < last && bytes[end] === bytes[from]; from++) end++;
    sequence(at, end - at);
    output[to++] = (at - candidate) & 0xff;
    output[to++] = (at - candidate) >> 8;
    if (end - at - LEAST_MATCH >= LONG) length(end - at - LEAST_MATCH - LONG);
    at = literals = end;
  }
  sequence(bytes.length, 0);
  return output.slice(0, to);
}

/**
 * Decompresses bytes into the start of `output`. Returns how many there are.
 *
 * @throws {StateError} if they are damaged, or more than `output` has room for
 */
export function decompressLz4(bytes: Uint8Array, output: Uint8Array): number {
  const { length } = bytes, room = output.length;
  const packed = new DataView(bytes.buffer, bytes.byteOffset, length);
  const view = new DataView(output.buffer, output.byteOffset, room);
  /** Where copies by words must have ended, so that the last word lies inside. */
  const lastPacked = length - WORD + 1, last = room - WORD + 1;
  let from = 0, to = 0;
  while (from < length) {
    const token = bytes[from++]!;
    let literals = token >> 4;
    if (literals === LONG) {
      for (let more = 255; more === 255; literals += more) more = bytes[from++] ?? refuse();
    }
    if (literals > length - from || literals > room - to) refuse();
    if (literals >= WORTH_A_CALL) {
      output.set(bytes.subarray(from, from + literals), to);
      from += literals;
      to += literals;
    } else if (from + literals <= lastPacked && to + literals <= last) {
      for (let at = 0; at < literals; at += WORD) {
        view.setInt32(to + at, packed.getInt32(from + at, true), true);
      }
      from += literals;
      to += literals;
    } else {
      for (const end = from + literals; from < end;) output[to++] = bytes[from++]!;
    }
    if (from === length) return to;
    const offset = bytes[from]! | ((bytes[from + 1] ?? refuse()) << 8);
    from += 2;
    let matched = token & LONG;
    if (matched === LONG) {
      for (let more = 255; more === 255; matched += more) more = bytes[from++] ?? refuse();
    }
    matched += LEAST_MATCH;
    if (offset === 0 || offset > to || matched > room - to) refuse();
    let source = to - offset;
    const end = to + matched;
    if (matched >= WORTH_A_CALL && offset >= matched) {
      output.copyWithin(to, source, source + matched);
      to = end;
    } else if (matched >= WORTH_A_CALL && offset === 1) {
      output.fill(output[source]!, to, end);
      to = end;
    } else if (offset >= WORD && end <= last) {
      for (; to < end; to += WORD, source += WORD) view.setInt32(to, view.getInt32(source, true), true);
      to = end;
    } else {
      while (to < end) output[to++] = output[source++]!;
    }
  }
  return refuse();
}

function refuse(): never {
  throw new StateError("Compressed memory is damaged");
}
