/** Reads the files that commands are given. */
import { readFileSync } from "node:fs";
import { inputError } from "./exit_codes.ts";

/** The bytes of a file; a file that cannot be read is an input error that says why. */
export function readInput(path: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    throw inputError(`cannot read ${path}: ${reasonOf(error)}`);
  }
}

/** Why the host's file system refused, in words. */
export function reasonOf(error: unknown): string {
  const code = (error as { code?: string }).code;
  const words: Readonly<Record<string, string>> = {
    ENOENT: "there is no such file",
    EACCES: "permission denied",
    EISDIR: "it is a directory",
    ENOTDIR: "a part of the path is no directory",
    ENAMETOOLONG: "the name is too long",
    ELOOP: "too many symbolic links",
    ENOSPC: "no space is left there",
    EROFS: "the file system is read-only",
  };
  return words[code ?? ""] ?? (error instanceof Error ? error.message : String(error));
}
