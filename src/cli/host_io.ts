/** The host's standard streams and terminal, for the guest. */
import { spawnSync } from "node:child_process";
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
  /** The terminal's settings before what is typed was hidden, as stty writes them. */
  #shown: string | undefined;

  readStdin(target: Uint8Array): number {
    for (;;) {
      try {
        const length = readSync(0, target, 0, target.length, null);
        this.#endAtCtrlC(target.subarray(0, length));
        return length;
      } catch (error) {
        const { code } = error as { code?: string };
        // EIO: the terminal has gone.
        if (code === "EOF" || (code === "EIO" && isatty(0))) return 0;
        if (code !== "EAGAIN") throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      }
    }
  }

  tryReadStdin(target: Uint8Array): number {
    try {
      this.#terminal ??= openSync("/dev/tty", constants.O_RDONLY | constants.O_NONBLOCK);
      const length = readSync(this.#terminal, target, 0, target.length, null);
      this.#endAtCtrlC(target.subarray(0, length));
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
    // The runtimes look at it when they hear of a change, which needs their event loop.
    (process.stdout as { _refreshSize?(): void })._refreshSize?.();
    const { columns = 80, rows = 25 } = process.stdout;
    return { columns, rows };
  }

  setRaw(raw: boolean, echoes = !raw): void {
    if (!isatty(0)) return;
    const hides = !raw && !echoes;
    if (!hides) this.#show();
    if (raw !== this.#raw) {
      this.#raw = raw;
      process.stdin.setRawMode(raw);
      if (raw) process.once("exit", () => this.setRaw(false));
    }
    if (hides) this.#hide();
  }

  /** Ctrl-C ends the run also where the terminal hands it over as a character, so that its settings are restored. */
  #endAtCtrlC(typed: Uint8Array): void {
    if ((this.#raw || this.#shown !== undefined) && typed.includes(CTRL_C)) process.exit(130);
  }

  /** Lines are edited, but not shown: the runtimes cannot have it so, the host's stty can. Ctrl-C ends such a line. */
  #hide(): void {
    if (this.#shown !== undefined) return;
    const { status, stdout } = stty("-g");
    if (status !== 0) return;
    this.#shown = stdout.trim();
    stty("-echo", "intr", "undef", "eol", "^C");
    process.once("exit", () => this.#show());
  }

  #show(): void {
    if (this.#shown === undefined) return;
    stty(this.#shown);
    this.#shown = undefined;
  }
}

/** Runs the host's stty on the terminal. */
function stty(...settings: string[]): { readonly status: number | null; readonly stdout: string } {
  return spawnSync("stty", settings, { encoding: "utf8", stdio: ["inherit", "pipe", "ignore"] });
}
