/** Writes to the host's streams and files, all of it and in order. */
import { openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { type CommandError, inputError } from "./exit_codes.ts";
import { reasonOf } from "./input.ts";

/** Writes all bytes to a file descriptor; waits where the reader is slow. Throws the host's errors. */
export function writeBytes(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      if ((error as { code?: string }).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

/**
 * Writes our own output. Throws the host's EPIPE where the reader has gone, and an error that says why where it cannot be
 * written otherwise.
 *
 * @param name what that error calls the file
 */
export function writeAll(
  fd: number,
  data: Uint8Array | string,
  name: string = fd === 1 ? "stdout" : "stderr",
): void {
  try {
    writeBytes(fd, typeof data === "string" ? new TextEncoder().encode(data) : data);
  } catch (error) {
    if ((error as { code?: string }).code === "EPIPE") throw error;
    throw cannotWrite(name, error);
  }
}

/** Opens a file for output of ours, empty at first. Throws an error that says why where it cannot be written. */
export function openOutput(path: string): number {
  try {
    return openSync(path, "w");
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/** Why a file cannot be written: what the host's file system threw, in words. */
export function cannotWrite(path: string, error: unknown): CommandError {
  const isMissing = (error as { code?: string }).code === "ENOENT";
  return inputError(
    `cannot write ${path}: ${isMissing ? `there is no folder ${dirname(path)}` : reasonOf(error)}`,
  );
}

/** Writes a line to stdout. */
export function print(line: string): void {
  writeAll(1, `${line}\n`);
}

/** Writes a line to stderr: our own diagnostics. */
export function report(line: string): void {
  writeAll(2, `${line}\n`);
}
