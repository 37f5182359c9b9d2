/** Reads the files that commands are given. */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { joinBytes } from "../linux/memory/user_memory.ts";
import { inputError } from "./exit_codes.ts";

/** The most that is read of a pipe or a device, which may never end. */
const MOST_UNSIZED = 1 << 29;
/** The most that a file may hold, which is more than guest RAM. */
const MOST_BYTES = 2 ** 32;
const PIECE = 1 << 20;

/** The bytes of a file; a file that cannot be read is an input error that says why. */
export function readInput(path: string): Uint8Array<ArrayBuffer> {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const status = fstatSync(file);
    if (!status.isFile() && !status.isDirectory()) return readUnsized(file);
    if (status.size >= MOST_BYTES) throw new RangeError(`it has ${status.size} bytes; 4 GB are too many`);
    return new Uint8Array(readFileSync(file));
  } catch (error) {
    throw inputError(`cannot read ${path}: ${reasonOf(error)}`);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** What comes out of a pipe or a device until it ends. */
function readUnsized(file: number): Uint8Array<ArrayBuffer> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const piece = new Uint8Array(PIECE), length = readSync(file, piece);
    if (length === 0) break;
    size += length;
    if (size > MOST_UNSIZED) throw new RangeError(`it does not end within ${MOST_UNSIZED >> 20} MB`);
    pieces.push(piece.subarray(0, length));
  }
  return joinBytes(pieces);
}

/** Why the host's file system refused, in words. */
export function reasonOf(error: unknown): string {
  const code = (error as { code?: string }).code;
  const words: Readonly<Record<string, string>> = {
    ENOENT: "there is no such file",
    EACCES: "permission denied",
    EBADF: "it is not open for that",
    EISDIR: "it is a directory",
    ENOTDIR: "a part of the path is no directory",
    ENAMETOOLONG: "the name is too long",
    ELOOP: "too many symbolic links",
    ENOSPC: "no space is left there",
    EROFS: "the file system is read-only",
  };
  return words[code ?? ""] ?? (error instanceof Error ? error.message : String(error));
}
