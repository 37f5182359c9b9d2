/** Sockets and their names and options: socket(2), bind(2), connect(2), accept(2), getsockopt(2). */
import { Errno, fail } from "../abi/errno.ts";
import { Mode, Open } from "../abi/files.ts";
import type { Outcome } from "../blocked.ts";
import {
  anyAddress,
  encodeUnix,
  Family,
  type InetAddress,
  parseInet,
  parseUnix,
  UNNAMED,
} from "../sockets/address.ts";
import { NetlinkSocket } from "../sockets/netlink.ts";
import { Level, SocketOption } from "../sockets/options.ts";
import { senderOf, SocketFile, type SocketKind, SocketType } from "../sockets/socket.ts";
import { isInet } from "../sockets/table.ts";
import type { Task } from "../task.ts";
import { addPair } from "./descriptors.ts";
import type { Row } from "./row.ts";
import {
  findLocal,
  readAddress,
  SOCKET_MESSAGE_CALLS,
  socketOf,
  waitForSocket,
  writeAddress,
} from "./socket_messages.ts";
import { readTimeval } from "./time.ts";

const TYPE_MASK = 0xf;
const IPPROTO_TCP = 6, IPPROTO_UDP = 17;

/** Checks what socket(2) is asked for. */
function kindOf(family: number, type: number, protocol: number): SocketKind {
  if ((type & ~(TYPE_MASK | Open.CLOEXEC | Open.NONBLOCK)) !== 0) fail(Errno.EINVAL);
  const wanted = type & TYPE_MASK;
  if (family === Family.UNIX) {
    if (protocol !== 0 && protocol !== Family.UNIX) fail(Errno.EPROTONOSUPPORT);
    const known = wanted === SocketType.RAW ? SocketType.DGRAM : wanted;
    if (known !== 1 && known !== 2 && known !== 5) fail(Errno.ESOCKTNOSUPPORT);
    return { family, type: known, protocol: 0 };
  }
  if (!isInet(family)) fail(Errno.EAFNOSUPPORT);
  if (wanted === SocketType.RAW) fail(Errno.EPERM);
  if (wanted !== SocketType.STREAM && wanted !== SocketType.DGRAM) fail(Errno.ESOCKTNOSUPPORT);
  const usual = wanted === SocketType.STREAM ? IPPROTO_TCP : IPPROTO_UDP;
  if (protocol !== 0 && protocol !== usual) fail(Errno.EPROTONOSUPPORT);
  return { family, type: wanted, protocol: usual };
}

function socket(task: Task, family: number, type: number, protocol: number): Outcome {
  const { sockets } = task.system;
  const flags = type & Open.NONBLOCK, ino = task.system.nextInode();
  const file = family === Family.NETLINK
    ? new NetlinkSocket(protocol, flags, ino, sockets)
    : new SocketFile(kindOf(family, type, protocol), flags, ino, sockets);
  return task.files.add(file, (type & Open.CLOEXEC) !== 0);
}

function socketpair(task: Task, family: number, type: number, protocol: number, address: number): Outcome {
  const { system } = task;
  const kind = kindOf(family, type, protocol);
  if (family !== Family.UNIX) fail(Errno.EOPNOTSUPP);
  const inodes = [system.nextInode(), system.nextInode()] as const;
  const [first, second] = SocketFile.pair(
    kind,
    type & Open.NONBLOCK,
    inodes,
    system.sockets,
    senderOf(task),
  );
  return addPair(task, first, second, address, (type & Open.CLOEXEC) !== 0);
}

function bind(task: Task, fd: number, address: number, length: number): Outcome {
  const file = socketOf(task, fd), bytes = readAddress(task, address, length);
  if (file instanceof NetlinkSocket) return (file.take(bytes), 0);
  if (file.isLocal) return bindLocal(task, file, bytes);
  const { sockets } = task.system;
  if (file.inetName !== undefined) fail(Errno.EINVAL);
  const name = parseInet(bytes, file.kind.family);
  const here = anyAddress(file.kind.family);
  if (name.host !== here.host) checkOwnAddress(task, file, name);
  if (name.port > 0 && name.port < 1024 && task.group.credentials.euid !== 0) fail(Errno.EACCES);
  sockets.bind(file, name);
  return 0;
}

/** Fails with EADDRNOTAVAIL for addresses of other machines. */
function checkOwnAddress(task: Task, file: SocketFile, name: InetAddress): void {
  try {
    task.system.sockets.route(file, name);
  } catch {
    fail(Errno.EADDRNOTAVAIL);
  }
}

function bindLocal(task: Task, file: SocketFile, bytes: Uint8Array): number {
  const { sockets, mounts } = task.system;
  if (file.unixName !== undefined) fail(Errno.EINVAL);
  const name = parseUnix(bytes);
  if (name.kind === "path") {
    const path = new TextDecoder().decode(name.path);
    const place = mounts.resolve(task, path, task.paths.cwd, false);
    if (place.status !== undefined) fail(Errno.EADDRINUSE);
    place.fs.makeNode(place.inner, Mode.IFSOCK | (0o777 & ~task.paths.umask), 0);
    mounts.own(task, place);
    const { dev, ino } = place.fs.status(place.inner, task) ?? fail(Errno.ENOENT);
    sockets.bindLocal(file, `${dev}:${ino}`);
    file.unixName = encodeUnix(name.path);
    return 0;
  }
  const abstract = name.kind === "abstract" ? bytes.slice(3) : new TextEncoder().encode(sockets.freeName());
  const full = Uint8Array.of(...UNNAMED, 0, ...abstract);
  const parsed = parseUnix(full);
  if (parsed.kind === "abstract") sockets.bindLocal(file, `${file.kind.type}@${parsed.name}`);
  file.unixName = full;
  return 0;
}

const MAX_BACKLOG = 4096;

function listen(task: Task, fd: number, backlog: number): Outcome {
  const file = socketOf(task, fd), { sockets } = task.system;
  if (file.isDatagram) fail(Errno.EOPNOTSUPP);
  if (file.isConnected) fail(Errno.EINVAL);
  if (file.isLocal) {
    if (file.unixName === undefined) fail(Errno.EINVAL);
  } else {
    if (file.inetName === undefined) sockets.bind(file, anyAddress(file.kind.family));
    sockets.checkListener(file);
  }
  // A negative number is a large one, as Linux has it.
  file.listen(Math.min(backlog >>> 0, MAX_BACKLOG) + 1);
  file.peerSender = senderOf(task);
  return 0;
}

function connect(task: Task, fd: number, address: number, length: number): Outcome {
  const file = socketOf(task, fd), bytes = readAddress(task, address, length);
  if (length < 2) fail(Errno.EINVAL);
  if (file instanceof NetlinkSocket) return 0;
  const family = bytes[0]! | (bytes[1]! << 8);
  if (file.isDatagram) return connectDatagrams(task, file, family, bytes);
  if (family === Family.UNSPEC) fail(file.isLocal ? Errno.EINVAL : Errno.EAFNOSUPPORT);
  if (file.isLocal) {
    if (file.backlog !== undefined) fail(Errno.EINVAL);
    return connectStream(task, file, () => {
      const listener = findLocal(task, bytes, file.kind);
      return listener.backlog === undefined ? undefined : listener;
    });
  }
  const { sockets } = task.system;
  if (file.wasConnecting) {
    file.wasConnecting = false;
    if (file.error !== 0) return -file.takeError();
    return 0;
  }
  const there = sockets.route(file, parseInet(bytes, file.kind.family));
  if (file.isConnected || file.backlog !== undefined) fail(Errno.EISCONN);
  sockets.bindSource(file, there, true);
  const outcome = connectStream(task, file, () => sockets.listener(there), there);
  if (!file.nonBlocking || typeof outcome !== "number") return outcome;
  // TCP does not wait for the answer, though here it is known already.
  file.wasConnecting = true;
  if (outcome < 0) file.error = -outcome;
  return -Errno.EINPROGRESS;
}

function connectStream(
  task: Task,
  file: SocketFile,
  find: () => SocketFile | undefined,
  there?: InetAddress,
): Outcome {
  if (file.isConnected) fail(Errno.EISCONN);
  const { system } = task;
  return waitForSocket(task, file, 0, file.options.sendTimeout, () => {
    const listener = find();
    if (listener?.backlog === undefined) return -Errno.ECONNREFUSED;
    const { limit, sockets } = listener.backlog;
    if (sockets.length >= limit) return undefined;
    const other = new SocketFile(listener.kind, 0, system.nextInode(), system.sockets);
    other.references = 1; // until it is accepted
    file.join(other);
    file.peerSender = listener.peerSender;
    other.peerSender = senderOf(task);
    other.unixName = listener.unixName;
    other.options.inherit(listener.options);
    if (there !== undefined) {
      file.inetPeer = there;
      other.inetName = there;
      other.inetPeer = file.inetName;
    }
    listener.enqueue(other);
    return 0;
  });
}

function connectDatagrams(task: Task, file: SocketFile, family: number, bytes: Uint8Array): number {
  const { sockets } = task.system;
  if (family === Family.UNSPEC) {
    file.peer = file.inetPeer = undefined;
    return 0;
  }
  if (file.isLocal) {
    file.peer = findLocal(task, bytes, file.kind);
    return 0;
  }
  const there = sockets.route(file, parseInet(bytes, file.kind.family));
  sockets.bindSource(file, there, true);
  file.inetPeer = there;
  return 0;
}

function accept4(task: Task, fd: number, address: number, size: number, flags: number): Outcome {
  if ((flags & ~(Open.CLOEXEC | Open.NONBLOCK)) !== 0) fail(Errno.EINVAL);
  const file = socketOf(task, fd);
  if (file.isDatagram) fail(Errno.EOPNOTSUPP);
  return waitForSocket(task, file, 0, file.options.receiveTimeout, () => {
    const waiting = (file.backlog ?? fail(Errno.EINVAL)).sockets;
    const accepted = waiting[0];
    if (accepted === undefined) return undefined;
    if (address !== 0) writeAddress(task, address, size, accepted.peerName);
    waiting.shift();
    accepted.flags |= flags & Open.NONBLOCK;
    accepted.references = 0;
    return task.files.add(accepted, (flags & Open.CLOEXEC) !== 0);
  });
}

function shutdown(task: Task, fd: number, how: number): Outcome {
  if (how < 0 || how > 2) fail(Errno.EINVAL);
  socketOf(task, fd).shutdown(how);
  return 0;
}

function setsockopt(
  task: Task,
  fd: number,
  level: number,
  option: number,
  address: number,
  size: number,
): Outcome {
  const file = socketOf(task, fd), { options } = file;
  const pair = level === Level.SOCKET && (option === SocketOption.LINGER || isTimeout(option));
  if (size < 0) fail(Errno.EINVAL);
  if (pair) {
    if (size < (option === SocketOption.LINGER ? 8 : 16)) fail(Errno.EINVAL);
    if (option === SocketOption.LINGER) {
      options.linger = [Number(task.memory.i32(address) !== 0), task.memory.i32(address + 4)];
      return 0;
    }
    const limit = readTimeval(task, address) || Infinity;
    if (option === SocketOption.RCVTIMEO) options.receiveTimeout = limit;
    else options.sendTimeout = limit;
    return 0;
  }
  // Some options may be a byte.
  const isByte = size >= 1 && size < 4 && (level === Level.IP || level === Level.IPV6);
  if (size < 4 && !isByte) fail(Errno.EINVAL);
  const value = isByte ? task.memory.u8(address) : task.memory.i32(address);
  if (level === Level.SOCKET) {
    switch (option) {
      case SocketOption.SNDBUF:
      case SocketOption.SNDBUFFORCE:
        return (options.setSendBuffer(value), 0);
      case SocketOption.RCVBUF:
      case SocketOption.RCVBUFFORCE:
        return (options.setReceiveBuffer(value), 0);
    }
  }
  options.set(level, option, value);
  return 0;
}

function isTimeout(option: number): boolean {
  return option === SocketOption.RCVTIMEO || option === SocketOption.SNDTIMEO;
}

const TCP_INFO = 11,
  TCP_CONGESTION = 13,
  TCP_INFO_SIZE = 232,
  TCP_ESTABLISHED = 1,
  TCP_CLOSE = 7,
  TCP_LISTEN = 10;

function getsockopt(
  task: Task,
  fd: number,
  level: number,
  option: number,
  address: number,
  size: number,
): Outcome {
  const file = socketOf(task, fd);
  const room = task.memory.i32(size);
  if (room < 0) fail(Errno.EINVAL);
  const bytes = optionBytes(file, level, option);
  const length = Math.min(room, bytes.length);
  task.memory.write(address, bytes.subarray(0, length));
  task.memory.setI32(size, length);
  return 0;
}

function optionBytes(file: SocketFile, level: number, option: number): Uint8Array {
  const { options, kind } = file;
  if (level === Level.TCP && kind.type === SocketType.STREAM && !file.isLocal) {
    if (option === TCP_CONGESTION) return new TextEncoder().encode("cubic".padEnd(16, "\0"));
    if (option === TCP_INFO) {
      const info = new Uint8Array(TCP_INFO_SIZE);
      info[0] = file.isConnected ? TCP_ESTABLISHED : file.backlog === undefined ? TCP_CLOSE : TCP_LISTEN;
      return info;
    }
  }
  if (level === Level.SOCKET) {
    switch (option) {
      case SocketOption.TYPE:
        return words(kind.type);
      case SocketOption.ERROR:
        return words(file.takeError());
      case SocketOption.SNDBUF:
        return words(options.sendBuffer);
      case SocketOption.RCVBUF:
        return words(options.receiveBuffer);
      case SocketOption.LINGER:
        return words(...options.linger);
      case SocketOption.ACCEPTCONN:
        return words(Number(file.backlog !== undefined));
      case SocketOption.PROTOCOL:
        return words(kind.protocol);
      case SocketOption.DOMAIN:
        return words(kind.family);
      case SocketOption.RCVTIMEO:
        return timeBytes(options.receiveTimeout);
      case SocketOption.SNDTIMEO:
        return timeBytes(options.sendTimeout);
      case SocketOption.PEERCRED: {
        const { pid, uid, gid } = file.peerSender ?? { pid: 0, uid: -1, gid: -1 };
        return words(pid, uid, gid);
      }
    }
  }
  return words(options.get(level, option));
}

function words(...values: number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(values).buffer);
}

/** A timeout as `struct timeval`: none is 0. */
function timeBytes(limit: number): Uint8Array {
  const nanoseconds = limit === Infinity ? 0 : limit;
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigInt64(0, BigInt(Math.floor(nanoseconds / 1e9)), true);
  view.setBigInt64(8, BigInt(Math.floor(nanoseconds % 1e9 / 1e3)), true);
  return bytes;
}

function getsockname(task: Task, fd: number, address: number, size: number): Outcome {
  writeAddress(task, address, size, socketOf(task, fd).name);
  return 0;
}

function getpeername(task: Task, fd: number, address: number, size: number): Outcome {
  writeAddress(task, address, size, socketOf(task, fd).peerName);
  return 0;
}

/** Calls of this file. */
// deno-fmt-ignore
export const SOCKET_CALLS: readonly Row[] = [
  [41, "socket", "int hex int", socket],
  [42, "connect", "fd ptr uint", connect],
  [43, "accept", "fd ptr ptr", (task, fd, address, size) => accept4(task, fd, address, size, 0)],
  [48, "shutdown", "fd int", shutdown],
  [49, "bind", "fd ptr uint", bind],
  [50, "listen", "fd int", listen],
  [51, "getsockname", "fd ptr ptr", getsockname],
  [52, "getpeername", "fd ptr ptr", getpeername],
  [53, "socketpair", "int hex int outfds", socketpair],
  [54, "setsockopt", "fd int int ptr int", setsockopt],
  [55, "getsockopt", "fd int int ptr ptr", getsockopt],
  [288, "accept4", "fd ptr ptr open", accept4],
  ...SOCKET_MESSAGE_CALLS,
];
