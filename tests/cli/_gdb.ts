/** The command line with `--gdb`, and real gdb or a socket of ours at its port. */
import { type ChildProcess, spawn } from "node:child_process";
import { connect, type Socket } from "node:net";
import process from "node:process";
import { bytesOfText, framePacket, PacketReader, textOfBytes } from "../../src/machine/debug/packets.ts";
import { MAIN } from "./command_line.ts";

/** What a process has come to. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process whose output is collected. */
class Running {
  stdout = "";
  stderr = "";
  readonly finished: Promise<Finished>;
  #noticed: () => void = () => {};

  constructor(readonly child: ChildProcess, input: string | undefined) {
    child.stdout!.on("data", (bytes) => this.stdout += bytes);
    child.stderr!.on("data", (bytes) => {
      this.stderr += bytes;
      this.#noticed();
    });
    if (input !== undefined) child.stdin!.end(input);
    this.finished = new Promise((resolve) =>
      child.on("close", (code) => {
        this.#noticed();
        resolve({ code, stdout: this.stdout, stderr: this.stderr });
      })
    );
  }

  /** Waits until it has said a thing on stderr, or is over. Returns the match's first group. */
  async said(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.stderr) && this.child.exitCode === null) {
      await new Promise<void>((resolve) => this.#noticed = resolve);
    }
    const match = pattern.exec(this.stderr);
    if (match === null) throw new Error(`It did not say ${pattern}: ${this.stderr}`);
    return match[1]!;
  }
}

/** `causeway COMMAND --gdb 0 …`, waiting for a debugger. */
export class Waiting extends Running {
  constructor(command: string, args: readonly string[], input = "") {
    const env = { ...process.env, NO_COLOR: "1" };
    super(spawn(process.execPath, ["run", "-A", MAIN, command, "--gdb", "0", ...args], { env }), input);
  }

  /** The port that it has opened. */
  async port(): Promise<number> {
    return Number(await this.said(/waiting for gdb: target remote 127\.0\.0\.1:(\d+)/));
  }
}

/** Seconds that gdb waits for an answer: by its own 2, on a busy host, it asks again, and takes the late answer for that. */
const PATIENCE = "set remotetimeout 60";

/** Runs gdb in batch mode: each command, after connecting. All that it prints is in `stdout`. */
export async function gdb(port: number, commands: readonly string[], file?: string): Promise<Finished> {
  const all = [
    "set confirm off",
    "set pagination off",
    "set width 0",
    PATIENCE,
    `target remote :${port}`,
    ...commands,
  ];
  const args = [
    "-nx",
    "-batch",
    ...all.flatMap((command) => ["-ex", command]),
    ...file === undefined ? [] : [file],
  ];
  // What monitor commands print goes to stderr: here it comes in its place.
  return await new Running(spawn("sh", ["-c", 'exec gdb "$@" 2>&1', "gdb", ...args]), "").finished;
}

/** A debugger of ours at a port. */
export class SocketClient {
  readonly #reader = new PacketReader();
  readonly #packets: string[] = [];
  #noticed: () => void = () => {};
  #isClosed = false;

  private constructor(readonly socket: Socket) {
    socket.on("data", (bytes: Uint8Array) => {
      for (const incoming of this.#reader.read(bytes)) {
        if (incoming.kind === "packet") this.#packets.push(textOfBytes(incoming.data));
      }
      this.#noticed();
    });
    socket.on("close", () => {
      this.#isClosed = true;
      this.#noticed();
    });
  }

  static async open(port: number): Promise<SocketClient> {
    const socket = connect(port, "127.0.0.1");
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return new SocketClient(socket);
  }

  /** Sends a packet and waits for the next one that comes. */
  async ask(packet: string): Promise<string> {
    this.socket.write(framePacket(bytesOfText(packet)));
    return await this.next();
  }

  /** The next packet; empty once the connection is over. */
  async next(): Promise<string> {
    while (this.#packets.length === 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => this.#noticed = resolve);
    }
    return this.#packets.shift() ?? "";
  }
}
