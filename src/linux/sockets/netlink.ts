/** Sockets to the kernel: rtnetlink(7), which tells of the one network interface. netlink(7). */
import { Errno, fail } from "../abi/errno.ts";
import { Family } from "./address.ts";
import { answerRequests } from "./loopback.ts";
import { SocketFile, SocketType } from "./socket.ts";
import type { SocketTable } from "./table.ts";

/** NETLINK_ROUTE. */
const ROUTE = 0;

/** A socket to the kernel's part that knows networks. */
export class NetlinkSocket extends SocketFile {
  /** The port number: 0 until it has one. */
  #port = 0;
  #groups = 0;

  constructor(protocol: number, flags: number, ino: number, table: SocketTable) {
    if (protocol !== ROUTE) fail(Errno.EPROTONOSUPPORT);
    super({ family: Family.NETLINK, type: SocketType.DGRAM, protocol }, flags, ino, table);
  }

  /** bind(2): takes a port, or one that is free. */
  take(bytes: Uint8Array): void {
    if (bytes.length < 12) fail(Errno.EINVAL);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (view.getUint16(0, true) !== Family.NETLINK) fail(Errno.EINVAL);
    this.#port = view.getUint32(4, true) || this.ino;
    this.#groups = view.getUint32(8, true);
  }

  override get isConnected(): boolean {
    return this.#port !== 0;
  }

  override get name(): Uint8Array {
    return kernelAddress(this.#port, this.#groups);
  }

  override get peerName(): Uint8Array {
    return kernelAddress(0, 0);
  }

  /** Asks something: the answers are there at once. */
  request(bytes: Uint8Array): number {
    if (this.#port === 0) this.#port = this.ino;
    const from = kernelAddress(0, 0);
    for (const answer of answerRequests(bytes, this.#port)) this.incoming!.put(answer, { from });
    return bytes.length;
  }

  override write(bytes: Uint8Array): number {
    return this.request(bytes);
  }
}

/** A `struct sockaddr_nl`. */
function kernelAddress(port: number, groups: number): Uint8Array {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, Family.NETLINK, true);
  view.setUint32(4, port, true);
  view.setUint32(8, groups, true);
  return bytes;
}
