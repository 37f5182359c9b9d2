/** Writes to the host's standard output and error, at once and in full. */
import { writeSync } from "node:fs";

/** Writes all bytes to a file descriptor; waits where the reader is slow. Throws the host's EPIPE where it has gone. */
export function writeAll(fd: number, data: Uint8Array | string): void {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      if ((error as { code?: string }).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

/** Writes a line to stdout. */
export function print(line: string): void {
  writeAll(1, `${line}\n`);
}

/** Writes a line to stderr: our own diagnostics. */
export function report(line: string): void {
  writeAll(2, `${line}\n`);
}
