/** Sockets by their names: who is at an address. bind(2), ip(7). */
import { Errno, fail } from "../abi/errno.ts";
import {
  ANY_4,
  ANY_6,
  anyAddress,
  destination,
  Family,
  type InetAddress,
  isIpv4,
  isLocal,
} from "./address.ts";
import type { SocketFile } from "./socket.ts";

/** Ports that sockets get which have not asked for one. */
const FIRST_PORT = 32768, LAST_PORT = 60999;

/** Who is where. */
export class SocketTable {
  /** Local sockets: by the file that stands for them, or by their abstract name. */
  readonly #local = new Map<string, SocketFile>();
  /** Sockets of TCP and UDP by port. */
  readonly #streams = new Map<number, SocketFile[]>();
  readonly #datagrams = new Map<number, SocketFile[]>();
  #nextPort = FIRST_PORT;
  #nextName = 0;

  /** Gives a local socket its name. Fails with EADDRINUSE. */
  bindLocal(socket: SocketFile, key: string): void {
    if (this.#local.has(key)) fail(Errno.EADDRINUSE);
    this.#local.set(key, socket);
    socket.key = key;
  }

  /** The local socket of this name. */
  local(key: string): SocketFile | undefined {
    return this.#local.get(key);
  }

  /** Local sockets with a name, as /proc/net/unix has them. */
  describeLocal(): string {
    return [...this.#local.values()].map((socket, i) => {
      const listens = socket.backlog !== undefined, name = socket.unixName ?? new Uint8Array(0);
      const path = new TextDecoder().decode(name.subarray(2)).replace(/\0$/, "").replaceAll("\0", "@");
      return `${hex(i, 16)}: ${hex(socket.references + 1, 8)} 00000000 ${hex(listens ? 0x1_0000 : 0, 8)} ${
        hex(socket.kind.type, 4)
      } 01 ${socket.ino} ${path}\n`;
    }).join("");
  }

  /** A name that nobody has: five hexadecimal digits. */
  freeName(): string {
    return (this.#nextName++).toString(16).padStart(5, "0");
  }

  #ports(socket: SocketFile): Map<number, SocketFile[]> {
    return socket.isDatagram ? this.#datagrams : this.#streams;
  }

  /** Gives a socket an address, with a free port where it asks for port 0. Fails with EADDRINUSE. */
  bind(socket: SocketFile, { host, port }: InetAddress): void {
    const ports = this.#ports(socket);
    const chosen = port === 0 ? this.#freePort(ports) : port;
    const others = ports.get(chosen) ?? [];
    if (others.some((other) => collides(socket, host, other))) fail(Errno.EADDRINUSE);
    ports.set(chosen, [...others, socket]);
    socket.inetName = { host, port: chosen };
  }

  /** Fails with EADDRINUSE if somebody else listens where this socket is to listen. */
  checkListener(socket: SocketFile): void {
    const { host, port } = socket.inetName!;
    const others = this.#streams.get(port) ?? [];
    if (others.some((other) => other !== socket && collides(socket, host, other, true))) {
      fail(Errno.EADDRINUSE);
    }
  }

  #freePort(ports: ReadonlyMap<number, SocketFile[]>): number {
    for (let tries = FIRST_PORT; tries <= LAST_PORT; tries++) {
      const port = this.#nextPort++;
      if (this.#nextPort > LAST_PORT) this.#nextPort = FIRST_PORT;
      if (!ports.has(port)) return port;
    }
    return fail(Errno.EADDRINUSE);
  }

  /** Where a socket's packets to this address go. Fails where nothing but this machine would be reached. */
  route(socket: SocketFile, { host, port }: InetAddress): InetAddress {
    const there = destination(host);
    if (!isLocal(there) || (socket.options.isIpv6Only && isIpv4(there))) fail(Errno.ENETUNREACH);
    return { host: there, port };
  }

  /** Gives a socket that is about to send an address of its own. */
  bindSource(socket: SocketFile, there: InetAddress, fixes: boolean): void {
    if (socket.inetName === undefined) {
      this.bind(socket, { host: anyAddress(socket.kind.family).host, port: 0 });
    }
    const { host, port } = socket.inetName!;
    if (fixes && (host === ANY_4 || host === ANY_6)) {
      socket.inetName = { host: destination(isIpv4(there.host) ? ANY_4 : ANY_6), port };
    }
  }

  /** Who listens for connections to this address. */
  listener(there: InetAddress): SocketFile | undefined {
    return this.#best(this.#streams, there, (socket) => socket.backlog !== undefined);
  }

  /** Who gets a socket's datagrams to this address; undefined if nobody does. */
  receiverOf(socket: SocketFile, there: InetAddress): SocketFile | undefined {
    const from = socket.inetName;
    return this.#best(
      this.#datagrams,
      there,
      ({ inetPeer }) =>
        inetPeer === undefined || (inetPeer.port === from?.port && inetPeer.host === from.host),
    );
  }

  #best(
    ports: ReadonlyMap<number, SocketFile[]>,
    there: InetAddress,
    fits: (socket: SocketFile) => boolean,
  ): SocketFile | undefined {
    const found = (ports.get(there.port) ?? []).filter((socket) =>
      fits(socket) && covers(socket, socket.inetName!.host, there.host)
    );
    return found.find((socket) => socket.inetName!.host === there.host && socket.inetPeer !== undefined) ??
      found.find((socket) => socket.inetName!.host === there.host) ?? found[0];
  }

  /** A socket gives up its name. */
  forget(socket: SocketFile): void {
    if (socket.key !== undefined && this.#local.get(socket.key) === socket) this.#local.delete(socket.key);
    if (socket.inetName === undefined) return;
    const { port } = socket.inetName;
    const ports = this.#ports(socket);
    const left = (ports.get(port) ?? []).filter((other) => other !== socket);
    if (left.length === 0) ports.delete(port);
    else ports.set(port, left);
  }
}

/** Whether a socket at `host` gets what is sent to `there`. */
function covers(socket: SocketFile, host: string, there: string): boolean {
  if (host === there) return true;
  if (host === ANY_4) return isIpv4(there);
  return host === ANY_6 && (!isIpv4(there) || !socket.options.isIpv6Only);
}

function collides(socket: SocketFile, host: string, other: SocketFile, listens = false): boolean {
  const taken = other.inetName!.host;
  if (!covers(socket, host, taken) && !covers(other, taken, host)) return false;
  if (socket.options.reusesPort && other.options.reusesPort) return false;
  if (listens) return other.backlog !== undefined;
  return !(socket.options.reusesAddress && other.options.reusesAddress && other.backlog === undefined);
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

/** Families of IP. */
export function isInet(family: number): boolean {
  return family === Family.INET || family === Family.INET6;
}
