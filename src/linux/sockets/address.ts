/** Addresses of sockets, as `struct sockaddr` has them. unix(7), ip(7), ipv6(7). */
import { Errno, fail } from "../abi/errno.ts";

/** Families of addresses. */
export const Family = { UNSPEC: 0, UNIX: 1, INET: 2, INET6: 10, NETLINK: 16 } as const;

/** An IP address and a port. Addresses of IPv4 are there as those of IPv6 that stand for them. */
export interface InetAddress {
  /** 32 hexadecimal digits. */
  readonly host: string;
  readonly port: number;
}

const IPV4_PREFIX = "0".repeat(20) + "ffff";
/** All addresses of this machine, and the one that leads to it, in both families. */
export const ANY_4 = `${IPV4_PREFIX}00000000`;
export const ANY_6 = "0".repeat(32);
const LOOPBACK_4 = `${IPV4_PREFIX}7f000001`;
const LOOPBACK_6 = "1".padStart(32, "0");

/** True for the addresses of IPv4. */
export function isIpv4(host: string): boolean {
  return host.startsWith(IPV4_PREFIX);
}

/** True for addresses that lead to this machine: there is no network but the loopback interface. */
export function isLocal(host: string): boolean {
  return host.startsWith(`${IPV4_PREFIX}7f`) || host === LOOPBACK_6;
}

/** Where a packet to this address goes: "any" means this machine. */
export function destination(host: string): string {
  return host === ANY_4 ? LOOPBACK_4 : host === ANY_6 ? LOOPBACK_6 : host;
}

/** The address that packets from a socket to another one show. */
export function sourceOf({ host, port }: InetAddress, there: InetAddress): InetAddress {
  if (host !== ANY_4 && host !== ANY_6) return { host, port };
  return { host: there.host === LOOPBACK_6 ? LOOPBACK_6 : LOOPBACK_4, port };
}

/** Shortest `struct sockaddr_in`, and `struct sockaddr_in6` without its scope. */
const INET_SIZE = 16, INET6_SIZE = 24;

/** Reads an address of IPv4 or IPv6 for a socket of this family. */
export function parseInet(bytes: Uint8Array, family: number): InetAddress {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < (family === Family.INET ? INET_SIZE : INET6_SIZE)) fail(Errno.EINVAL);
  const given = view.getUint16(0, true);
  if (given !== family) fail(Errno.EAFNOSUPPORT);
  const host = family === Family.INET ? IPV4_PREFIX + hex(bytes.subarray(4, 8)) : hex(bytes.subarray(8, 24));
  return { host, port: view.getUint16(2) };
}

/** The bytes of an address for a socket of this family. */
export function encodeInet({ host, port }: InetAddress, family: number): Uint8Array {
  const bytes = new Uint8Array(family === Family.INET ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, family, true);
  view.setUint16(2, port);
  const digits = family === Family.INET ? host.slice(24) : host;
  const start = family === Family.INET ? 4 : 8;
  for (let i = 0; i < digits.length / 2; i++) {
    bytes[start + i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  }
  return bytes;
}

/** The address of no socket in particular. */
export function anyAddress(family: number): InetAddress {
  return { host: family === Family.INET ? ANY_4 : ANY_6, port: 0 };
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What a local socket's address says: a path in the tree of files, a name outside it, or nothing. */
export type UnixName =
  | { readonly kind: "path"; readonly path: Uint8Array }
  | { readonly kind: "abstract"; readonly name: string }
  | { readonly kind: "none" };

const UNIX_SIZE = 110;

/** Reads the address of a local socket. */
export function parseUnix(bytes: Uint8Array): UnixName {
  if (bytes.length < 2 || bytes.length > UNIX_SIZE) fail(Errno.EINVAL);
  if (bytes[0] !== Family.UNIX || bytes[1] !== 0) fail(Errno.EINVAL);
  if (bytes.length === 2) return { kind: "none" };
  if (bytes[2] === 0) return { kind: "abstract", name: hex(bytes.subarray(3)) };
  const end = bytes.indexOf(0, 2);
  return { kind: "path", path: bytes.slice(2, end < 0 ? undefined : end) };
}

/** The address of a local socket at a path. */
export function encodeUnix(path: Uint8Array): Uint8Array {
  return Uint8Array.of(Family.UNIX, 0, ...path, 0);
}

/** The address of a local socket without a name. */
export const UNNAMED: Uint8Array = Uint8Array.of(Family.UNIX, 0);
