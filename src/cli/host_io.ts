/** The host's standard streams and terminal, for the guest. */
import { constants, openSync, readSync } from "node:fs";
import process from "node:process";
import { isatty } from "node:tty";
import type { HostIo } from "../linux/files/host_io.ts";
import { writeBytes } from "./output.ts";

const CTRL_C = 3;

/** Standard streams of the host. */
export class ProcessIo implements HostIo {
  #raw = false;
  /** The terminal, opened so that reading does not wait. */
  #terminal: number | undefined;

  readStdin(target: Uint8Array): number {
    for (;;) {
      try {
        const length = readSync(0, target, 0, target.length, null);
        // Ctrl-C ends the run also where the guest asked for single characters and the host's terminal obeys to the letter.
        if (this.#raw && target.subarray(0, length).includes(CTRL_C)) process.exit(130);
        return length;
      } catch (error) {
        const { code } = error as { code?: string };
        if (code === "EOF") return 0;
        if (code !== "EAGAIN") throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      }
    }
  }

  tryReadStdin(target: Uint8Array): number {
    try {
      this.#terminal ??= openSync("/dev/tty", constants.O_RDONLY | constants.O_NONBLOCK);
      const length = readSync(this.#terminal, target, 0, target.length, null);
      if (this.#raw && target.subarray(0, length).includes(CTRL_C)) process.exit(130);
      return length;
    } catch (error) {
      if ((error as { code?: string }).code === "EAGAIN") return -1;
      throw error;
    }
  }

  writeStdout(bytes: Uint8Array): void {
    writeBytes(1, bytes);
  }

  writeStderr(bytes: Uint8Array): void {
    writeBytes(2, bytes);
  }

  isTerminal(fd: 0 | 1 | 2): boolean {
    return isatty(fd);
  }

  windowSize(): { columns: number; rows: number } {
    const { columns = 80, rows = 25 } = process.stdout;
    return { columns, rows };
  }

  setRaw(raw: boolean): void {
    if (raw === this.#raw || !isatty(0)) return;
    this.#raw = raw;
    process.stdin.setRawMode(raw);
    if (!raw) return;
    process.once("exit", () => this.setRaw(false));
  }
}
