/** Writes ustar archives (POSIX.1-1988) whose bytes depend on their contents only. */

/** A file, or without `bytes` a directory. */
export interface ArchiveEntry {
  /** Relative, with `/`; at most 100 bytes. */
  readonly path: string;
  readonly bytes?: Uint8Array;
  /** Permission bits. */
  readonly mode: number;
}

const RECORD = 512;
/** Offsets in a header. */
const NAME = 0,
  MODE = 100,
  UID = 108,
  GID = 116,
  SIZE = 124,
  TIME = 136,
  CHECKSUM = 148,
  TYPE = 156,
  MAGIC = 257;
const NAME_BYTES = 100, CHECKSUM_BYTES = 8;
const FILE = "0", DIRECTORY = "5";

/** An archive of these entries, in this order. Owner and time are 0. */
export function ustar(entries: readonly ArchiveEntry[]): Uint8Array {
  const parts = entries.flatMap((entry) => [header(entry), padded(entry.bytes ?? new Uint8Array())]);
  parts.push(new Uint8Array(2 * RECORD));
  const archive = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    archive.set(part, at);
    at += part.length;
  }
  return archive;
}

function padded(bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(Math.ceil(bytes.length / RECORD) * RECORD);
  result.set(bytes);
  return result;
}

function header({ path, bytes, mode }: ArchiveEntry): Uint8Array {
  const result = new Uint8Array(RECORD);
  const put = (at: number, text: string): void => result.set(new TextEncoder().encode(text), at);
  const octal = (at: number, value: number, digits: number): void =>
    put(at, value.toString(8).padStart(digits, "0"));
  const name = bytes === undefined ? `${path}/` : path;
  if (new TextEncoder().encode(name).length > NAME_BYTES) {
    throw new RangeError(`Cannot put ${name} into an archive: it is longer than ${NAME_BYTES} bytes`);
  }
  put(NAME, name);
  octal(MODE, mode, 7);
  octal(UID, 0, 7);
  octal(GID, 0, 7);
  octal(SIZE, bytes?.length ?? 0, 11);
  octal(TIME, 0, 11);
  put(TYPE, bytes === undefined ? DIRECTORY : FILE);
  put(MAGIC, "ustar\x0000");
  // The checksum is taken with spaces in its place.
  put(CHECKSUM, " ".repeat(CHECKSUM_BYTES));
  octal(CHECKSUM, result.reduce((sum, byte) => sum + byte, 0), 6);
  put(CHECKSUM + 6, "\0 ");
  return result;
}
