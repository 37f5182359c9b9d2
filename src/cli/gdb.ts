/** `--gdb PORT`: lets a debugger connect from this host. */
import { setImmediate } from "node:timers";
import { createServer, type Server, type Socket } from "node:net";
import { DebugSession, type SessionRun } from "../machine/debug/session.ts";
import { DEBUG_VIEWS, type DebugViewChoice } from "../machine/debug/registers.ts";
import type { Debuggee } from "../machine/debug/target.ts";
import { CommandError, ExitCode, inputError } from "./exit_codes.ts";
import { reasonOf } from "./input.ts";
import { choice, type Option, value } from "./options.ts";
import { report } from "./output.ts";
import { parseCount } from "./values.ts";

/** The option. */
export const GDB: Option<number> = value(
  "PORT",
  "Waits for gdb (target remote :PORT) before the first instruction; 0 chooses a port. Only programs of this host can " +
    "connect. Breakpoints cost next to nothing: only the code right around them is interpreted.",
  parsePort,
);

/** What the debugger is shown. */
export const GDB_ARCH: Option<DebugViewChoice> = choice(
  DEBUG_VIEWS,
  "The processor that gdb is shown, which must fit the file it has symbols from. Default: auto, by the code that is " +
    "executed when it connects.",
);

const MAX_PORT = 65535;
const LOOPBACK = "127.0.0.1";
const SIGKILL = 9;

function parsePort(text: string): number {
  const port = parseCount(text);
  if (port > MAX_PORT) throw new RangeError(`must be from 0 to ${MAX_PORT}`);
  return port;
}

/** A target that debuggers of this host can connect to. */
export class GdbServer<End> {
  readonly session: DebugSession<End>;
  readonly #server: Server;
  #socket: Socket | undefined;

  private constructor(target: Debuggee<End>, view: DebugViewChoice | undefined) {
    this.session = new DebugSession(target, view);
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Opens the port and says where it is. */
  static async open<End>(
    port: number,
    target: Debuggee<End>,
    view: DebugViewChoice | undefined,
  ): Promise<GdbServer<End>> {
    const made = new GdbServer(target, view), server = made.#server;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, LOOPBACK, resolve);
      });
    } catch (error) {
      throw inputError(`cannot listen for gdb on port ${port}: ${reasonOf(error)}`);
    }
    const address = server.address();
    const opened = typeof address === "object" && address !== null ? address.port : port;
    report(`causeway: waiting for gdb: target remote ${LOOPBACK}:${opened}`);
    return made;
  }

  /** Goes on as `DebugSession.run` does. Ends the command if the debugger has killed the target. */
  async run(instructions: number): Promise<Exclude<SessionRun<End>, { kind: "killed" }>> {
    // Lets packets arrive.
    await new Promise<void>((resolve) => setImmediate(resolve));
    const outcome = await this.session.run(instructions);
    if (outcome.kind === "killed") {
      throw new CommandError(ExitCode.SIGNAL + SIGKILL, "killed by the debugger");
    }
    return outcome;
  }

  /** Closes the port, and waits until what was sent is on its way: the command may end the process then. */
  async close(): Promise<void> {
    this.#server.close();
    const socket = this.#socket;
    if (socket === undefined || socket.destroyed) return;
    await new Promise<void>((resolve) => {
      socket.once("close", () => resolve());
      socket.end(() => resolve());
    });
  }

  #accept(socket: Socket): void {
    const connection = this.session.connect((bytes) => void socket.write(bytes));
    if (connection === undefined) {
      socket.end();
      return;
    }
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (bytes: Uint8Array) => connection.receive(bytes));
    socket.on("close", () => connection.closed());
    // "close" follows.
    socket.on("error", () => socket.destroy());
  }
}
