/** Options of sockets. socket(7), tcp(7), ip(7), ipv6(7). */
import { Errno, fail } from "../abi/errno.ts";
import { Family } from "./address.ts";
import type { SocketKind } from "./socket.ts";

/** Levels of options. */
export const Level = { IP: 0, SOCKET: 1, TCP: 6, UDP: 17, IPV6: 41, NETLINK: 270 } as const;

/** Options of the level of sockets that mean something here. */
export const SocketOption = {
  REUSEADDR: 2,
  TYPE: 3,
  ERROR: 4,
  SNDBUF: 7,
  RCVBUF: 8,
  LINGER: 13,
  REUSEPORT: 15,
  PASSCRED: 16,
  PEERCRED: 17,
  RCVTIMEO: 20,
  SNDTIMEO: 21,
  ACCEPTCONN: 30,
  SNDBUFFORCE: 32,
  RCVBUFFORCE: 33,
  PROTOCOL: 38,
  DOMAIN: 39,
} as const;

/** IPV6_V6ONLY. */
const V6ONLY = 26;
const DEFAULT_BUFFER = 212992, MIN_SNDBUF = 4608, MIN_RCVBUF = 2304;

/** Options that are kept and mean nothing here: there is one path, and nothing is lost on it. With what they are at first. */
const KEPT: ReadonlyMap<number, ReadonlyMap<number, number>> = new Map([
  // DEBUG DONTROUTE BROADCAST KEEPALIVE OOBINLINE NO_CHECK PRIORITY RCVLOWAT SNDLOWAT TIMESTAMP MARK RXQ_OVFL BUSY_POLL
  [
    Level.SOCKET,
    new Map([
      [1, 0],
      [SocketOption.REUSEADDR, 0],
      [5, 0],
      [6, 0],
      [9, 0],
      [10, 0],
      [11, 0],
      [12, 0],
      [SocketOption.REUSEPORT, 0],
      [SocketOption.PASSCRED, 0],
      [18, 1],
      [29, 0],
      [35, 0],
      [36, 0],
      [40, 0],
      [46, 0],
    ]),
  ],
  // TOS TTL HDRINCL PKTINFO RECVERR RECVTTL MTU_DISCOVER RECVTOS FREEBIND TRANSPARENT BIND_ADDRESS_NO_PORT MULTICAST_TTL MULTICAST_LOOP
  [
    Level.IP,
    new Map([
      [1, 0],
      [2, 64],
      [3, 0],
      [8, 0],
      [10, 1],
      [11, 0],
      [12, 0],
      [13, 0],
      [15, 0],
      [19, 0],
      [24, 0],
      [33, 1],
      [34, 1],
    ]),
  ],
  // UNICAST_HOPS MULTICAST_HOPS MULTICAST_LOOP MTU_DISCOVER RECVERR V6ONLY RECVPKTINFO RECVHOPLIMIT RECVTCLASS TCLASS
  [
    Level.IPV6,
    new Map([
      [16, 64],
      [18, 1],
      [19, 1],
      [23, 1],
      [25, 0],
      [V6ONLY, 0],
      [49, 0],
      [51, 0],
      [66, 0],
      [67, 0],
    ]),
  ],
  // ADD_MEMBERSHIP DROP_MEMBERSHIP PKTINFO BROADCAST_ERROR NO_ENOBUFS CAP_ACK EXT_ACK GET_STRICT_CHK
  [
    Level.NETLINK,
    new Map([
      [1, 0],
      [2, 0],
      [3, 0],
      [4, 0],
      [5, 0],
      [10, 0],
      [11, 0],
      [12, 0],
    ]),
  ],
  // NODELAY MAXSEG CORK KEEPIDLE KEEPINTVL KEEPCNT SYNCNT LINGER2 DEFER_ACCEPT QUICKACK USER_TIMEOUT FASTOPEN NOTSENT_LOWAT
  [
    Level.TCP,
    new Map([
      [1, 0],
      [2, 65483],
      [3, 0],
      [4, 7200],
      [5, 75],
      [6, 9],
      [7, 6],
      [8, 60],
      [9, 0],
      [12, 1],
      [18, 0],
      [23, 0],
      [25, -1],
      [30, 0],
    ]),
  ],
]);
/** Options of a socket that are on or off. */
const BOOLEAN: readonly number[] = [1, 2, 5, 6, 9, 10, 11, 15, 16, 29, 35, 40];

/** Options as programs have set them. */
export class SocketOptions {
  readonly #values = new Map<string, number>();
  /** Nanoseconds that receiving and sending may wait. */
  receiveTimeout = Infinity;
  sendTimeout = Infinity;
  linger: readonly [number, number] = [0, 0];
  sendBuffer = DEFAULT_BUFFER;
  receiveBuffer = DEFAULT_BUFFER;

  constructor(readonly kind: SocketKind) {}

  /** A value that is kept. Fails with ENOPROTOOPT where there is no such option. */
  get(level: number, option: number): number {
    return this.#values.get(`${level}:${option}`) ?? this.#initial(level, option);
  }

  #initial(level: number, option: number): number {
    const { family, type } = this.kind;
    const isNetlink = family === Family.NETLINK;
    const applies = level === Level.SOCKET ||
      (family !== Family.UNIX && isNetlink === (level === Level.NETLINK) &&
        (level !== Level.IPV6 || family === Family.INET6) && (level !== Level.TCP || type === 1));
    const known = applies ? KEPT.get(level) : undefined;
    return (known ?? fail(Errno.EOPNOTSUPP)).get(option) ?? fail(Errno.ENOPROTOOPT);
  }

  /** Keeps a value. */
  set(level: number, option: number, value: number): void {
    this.#initial(level, option);
    const kept = level === Level.SOCKET && BOOLEAN.includes(option) ? Number(value !== 0) : value;
    this.#values.set(`${level}:${option}`, kept);
  }

  /** Takes over what the socket has that listened. */
  inherit(other: SocketOptions): void {
    for (const [name, value] of other.#values) this.#values.set(name, value);
    this.linger = other.linger;
    this.sendBuffer = other.sendBuffer;
    this.receiveBuffer = other.receiveBuffer;
    this.receiveTimeout = other.receiveTimeout;
    this.sendTimeout = other.sendTimeout;
  }

  setSendBuffer(size: number): void {
    this.sendBuffer = Math.max(MIN_SNDBUF, 2 * Math.min(Math.max(size, 0), DEFAULT_BUFFER));
  }

  setReceiveBuffer(size: number): void {
    this.receiveBuffer = Math.max(MIN_RCVBUF, 2 * Math.min(Math.max(size, 0), DEFAULT_BUFFER));
  }

  get passesCredentials(): boolean {
    return this.get(Level.SOCKET, SocketOption.PASSCRED) !== 0;
  }

  get reusesAddress(): boolean {
    return this.get(Level.SOCKET, SocketOption.REUSEADDR) !== 0;
  }

  get reusesPort(): boolean {
    return this.get(Level.SOCKET, SocketOption.REUSEPORT) !== 0;
  }

  /** Takes no addresses of IPv4. */
  get isIpv6Only(): boolean {
    return this.kind.family === Family.INET6 && this.get(Level.IPV6, V6ONLY) !== 0;
  }
}
