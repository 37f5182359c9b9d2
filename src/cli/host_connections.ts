/** TCP connections of the host for guests: to ports of this machine that were listed, and to nothing else. */
import { connect, type Socket } from "node:net";
import type { HostConnection, HostConnector, HostPeer } from "../machine/net/host_connector.ts";

const LOOPBACK = "127.0.0.1";

/**
 * Connects guests to listed ports of this host.
 *
 * @example Let a guest reach a web server at port 8080 of this host as port 80 of its gateway
 * ```ts
 * import { bootMachine } from "@causeway/x86";
 * import { LoopbackConnector } from "@causeway/x86/host";
 * import { readFileSync } from "node:fs";
 *
 * const machine = bootMachine({
 *   kernel: readFileSync("src/guests/echo/echo.elf"),
 *   network: true,
 *   hostConnector: new LoopbackConnector([[80, 8080]]),
 * });
 * ```
 */
export class LoopbackConnector implements HostConnector {
  readonly #ports: ReadonlyMap<number, number>;
  #open = 0;

  /** @param ports for each port of the gateway the host's */
  constructor(ports: Iterable<readonly [port: number, hostPort: number]>) {
    this.#ports = new Map(ports);
  }

  /** Whether a connection is open. */
  get isWaiting(): boolean {
    return this.#open > 0;
  }

  connect(port: number, peer: HostPeer): HostConnection | undefined {
    const hostPort = this.#ports.get(port);
    if (hostPort === undefined) return undefined;
    this.#open++;
    return adapt(connect({ host: LOOPBACK, port: hostPort, allowHalfOpen: true }), peer, () => this.#open--);
  }
}

/** A socket as a connection. */
function adapt(socket: Socket, peer: HostPeer, closed: () => void): HostConnection {
  // Guests expect their bytes to go when they are sent.
  socket.setNoDelay(true);
  let isOver = false, hasEnded = false;
  const over = (): boolean => {
    if (isOver) return false;
    isOver = true;
    closed();
    return true;
  };
  socket.on("connect", () => {
    if (!isOver) peer.opened();
  });
  socket.on("data", (bytes: Uint8Array) => {
    if (!isOver) peer.received(new Uint8Array(bytes));
  });
  socket.on("drain", () => {
    if (!isOver) peer.drained();
  });
  socket.on("end", () => {
    hasEnded = true;
    if (!isOver) peer.ended();
  });
  // An error is always followed by "close", which tells the peer: refused, or broken.
  socket.on("error", () => {});
  socket.on("close", () => {
    if (over() && !(hasEnded && socket.writableFinished)) peer.failed();
  });
  return {
    get unsent() {
      return socket.writableLength;
    },
    send: (bytes) => void socket.write(bytes),
    end: () => void socket.end(),
    close: () => {
      // What was sent before still goes.
      if (over() && socket.writableEnded) socket.destroySoon();
      else socket.destroy();
    },
    setFlowing: (flows) => void (flows ? socket.resume() : socket.pause()),
  };
}
