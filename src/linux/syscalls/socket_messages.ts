/** Sending and receiving on sockets: send(2), recv(2), sendmsg(2), cmsg(3). */
import { Errno, fail, SyscallError } from "../abi/errno.ts";
import { Signal } from "../abi/signals.ts";
import type { Outcome } from "../blocked.ts";
import { type OpenFile, WOULD_BLOCK } from "../files/open_file.ts";
import { sendFromItself } from "../limits.ts";
import { parseInet, parseUnix } from "../sockets/address.ts";
import type { Envelope, Received, Sender } from "../sockets/channel.ts";
import { NetlinkSocket } from "../sockets/netlink.ts";
import { Level } from "../sockets/options.ts";
import { senderOf, SocketFile, type SocketKind } from "../sockets/socket.ts";
import type { Task } from "../task.ts";
import { type Extent, gather, readVector, scatter } from "./io.ts";
import type { Row } from "./row.ts";
import { readTimespec } from "./time.ts";

/** Flags of messages. */
const Msg = {
  OOB: 1,
  PEEK: 2,
  CTRUNC: 8,
  TRUNC: 0x20,
  DONTWAIT: 0x40,
  WAITALL: 0x100,
  NOSIGNAL: 0x4000,
  CMSG_CLOEXEC: 0x4000_0000,
} as const;

const SCM_RIGHTS = 1, SCM_CREDENTIALS = 2;
/** Most descriptors in one message. */
const MAX_RIGHTS = 253;
const MAX_BYTES = 0x10_0000;
/** Longest address that is looked at: `struct sockaddr_storage`. */
const MAX_ADDRESS = 128;
const HEADER = 56;

/** The socket of a descriptor. Fails with ENOTSOCK. */
export function socketOf(task: Task, fd: number): SocketFile {
  const file = task.files.get(fd);
  return file instanceof SocketFile ? file : fail(Errno.ENOTSOCK);
}

/** Waits as a socket's options and a call's flags say. */
export function waitForSocket(
  task: Task,
  socket: SocketFile,
  flags: number,
  limit: number,
  attempt: () => number | undefined,
): Outcome {
  const result = attempt();
  if (result !== undefined) return result;
  if (socket.nonBlocking || (flags & Msg.DONTWAIT) !== 0) return -Errno.EAGAIN;
  if (limit === Infinity) return { poll: attempt, interruption: "restarts" };
  const deadline = task.system.clock.now() + limit;
  return { poll: attempt, interruption: "fails", deadline, timeout: -Errno.EAGAIN };
}

/** Reads a `struct sockaddr`. */
export function readAddress(task: Task, address: number, length: number): Uint8Array {
  if (length > MAX_ADDRESS) fail(Errno.EINVAL);
  return task.memory.read(address, length);
}

/** Stores an address, cut to the room there is, and its length. */
export function writeAddress(task: Task, address: number, size: number, name: Uint8Array): void {
  const room = task.memory.i32(size);
  if (room < 0) fail(Errno.EINVAL);
  task.memory.write(address, name.subarray(0, room));
  task.memory.setI32(size, name.length);
}

/** The local socket of this type at an address. */
export function findLocal(task: Task, bytes: Uint8Array, { type }: SocketKind): SocketFile {
  const name = parseUnix(bytes), { sockets, mounts } = task.system;
  if (name.kind === "none") fail(Errno.EINVAL);
  if (name.kind === "abstract") return sockets.local(`${type}@${name.name}`) ?? fail(Errno.ECONNREFUSED);
  const path = new TextDecoder().decode(name.path);
  const place = mounts.existing(task, path, task.paths.cwd, true), { status } = place;
  mounts.checkAccess(task, place, 2, status);
  const found = sockets.local(`${status.dev}:${status.ino}`) ?? fail(Errno.ECONNREFUSED);
  return found.kind.type === type ? found : fail(Errno.EPROTOTYPE);
}

/** What a message is sent with. */
interface Outgoing {
  readonly to: Uint8Array | undefined;
  readonly flags: number;
  readonly files?: readonly OpenFile[];
  readonly sender?: Sender;
}

function sendBytes(task: Task, socket: SocketFile, bytes: Uint8Array, outgoing: Outgoing): Outcome {
  const { flags, files } = outgoing;
  if ((flags & Msg.OOB) !== 0) fail(Errno.EOPNOTSUPP); // urgent data is not there
  if (socket instanceof NetlinkSocket) return socket.request(bytes);
  let envelope: Envelope = {
    ...(files === undefined ? {} : { files }),
    ...(outgoing.sender === undefined ? {} : { sender: outgoing.sender }),
  };
  let done = 0;
  const put = (): number => {
    if (socket.isDatagram) return socket.sendTo(receiverOf(task, socket, outgoing.to), bytes, envelope, task);
    if (outgoing.to !== undefined && outgoing.to.length > 0 && socket.isLocal) {
      fail(socket.isConnected ? Errno.EISCONN : Errno.EOPNOTSUPP);
    }
    return socket.send(bytes.subarray(done), envelope, task);
  };
  const attempt = (): number | undefined => {
    try {
      do {
        const sent = put();
        if (sent === WOULD_BLOCK) {
          return done > 0 && (socket.nonBlocking || (flags & Msg.DONTWAIT) !== 0) ? done : undefined;
        }
        for (const file of envelope.files ?? []) file.references++;
        envelope = {};
        done += sent;
      } while (done < bytes.length && !socket.isDatagram);
    } catch (error) {
      if (!(error instanceof SyscallError) || done === 0) {
        if (error instanceof SyscallError && error.errno === Errno.EPIPE && (flags & Msg.NOSIGNAL) === 0) {
          if (!socket.isDatagram) sendFromItself(task, Signal.PIPE);
        }
        throw error;
      }
    }
    return done;
  };
  const outcome = waitForSocket(task, socket, flags, socket.options.sendTimeout, attempt);
  return typeof outcome === "object" ? { ...outcome, partial: () => done } : outcome;
}

/** Where a datagram goes. */
function receiverOf(task: Task, socket: SocketFile, to: Uint8Array | undefined): SocketFile | undefined {
  const { sockets } = task.system;
  if (to === undefined || to.length === 0) {
    if (!socket.isLocal && socket.inetPeer !== undefined) sockets.bindSource(socket, socket.inetPeer, false);
    return socket.receiver();
  }
  if (socket.isLocal) {
    return findLocal(task, to, socket.kind);
  }
  const there = sockets.route(socket, parseInet(to, socket.kind.family));
  if (there.port === 0) fail(Errno.EINVAL);
  sockets.bindSource(socket, there, false);
  return sockets.receiverOf(socket, there);
}

function sendto(
  task: Task,
  fd: number,
  address: number,
  length: number,
  flags: number,
  to: number,
  size: number,
): Outcome {
  const socket = socketOf(task, fd);
  const name = to === 0 ? undefined : readAddress(task, to, size);
  return sendBytes(task, socket, task.memory.read(address, Math.min(length, MAX_BYTES)), { to: name, flags });
}

/** Reads what a message carries besides bytes. cmsg(3). */
function readControl(
  task: Task,
  address: number,
  length: number,
): { files?: readonly OpenFile[]; sender?: Sender } {
  const { memory } = task;
  let files: OpenFile[] | undefined, sender: Sender | undefined;
  for (let at = address; at + 16 <= address + length;) {
    const size = memory.u64(at), level = memory.i32(at + 8), type = memory.i32(at + 12);
    if (size < 16 || at + size > address + length) fail(Errno.EINVAL);
    if (level === Level.SOCKET && type === SCM_RIGHTS) {
      files ??= [];
      for (let each = at + 16; each + 4 <= at + size; each += 4) files.push(task.files.get(memory.i32(each)));
      if (files.length > MAX_RIGHTS) fail(Errno.EINVAL);
    } else if (level === Level.SOCKET && type === SCM_CREDENTIALS) {
      if (size < 28) fail(Errno.EINVAL);
      sender = { pid: memory.i32(at + 16), uid: memory.i32(at + 20), gid: memory.i32(at + 24) };
      const own = senderOf(task);
      const allowed = own.uid === 0 ||
        (sender.pid === own.pid && sender.uid === own.uid && sender.gid === own.gid);
      if (!allowed) fail(Errno.EPERM);
    } else if (level === Level.SOCKET) fail(Errno.EINVAL);
    at += Math.ceil(size / 8) * 8;
  }
  return {
    ...(files === undefined || files.length === 0 ? {} : { files }),
    ...(sender === undefined ? {} : { sender }),
  };
}

function sendmsg(task: Task, fd: number, header: number, flags: number): Outcome {
  const { memory } = task;
  const socket = socketOf(task, fd);
  const name = memory.u64(header), size = memory.u32(header + 8);
  const to = name === 0 || size === 0 ? undefined : readAddress(task, name, size);
  const extents = readVector(task, memory.u64(header + 16), memory.i64(header + 24));
  const control = memory.u64(header + 32), controlSize = memory.u64(header + 40);
  const isBare = control === 0 || controlSize === 0 || !socket.isLocal;
  const carried = isBare ? {} : readControl(task, control, controlSize);
  return sendBytes(task, socket, gather(task, extents), { to, flags, ...carried });
}

/** Receives into `length` bytes; `store` takes what has come and answers the call's result. */
function receive(
  task: Task,
  socket: SocketFile,
  length: number,
  flags: number,
  store: (bytes: Uint8Array, received: Received, offset: number) => void,
): Outcome {
  if ((flags & Msg.OOB) !== 0) fail(socket.isLocal ? Errno.EOPNOTSUPP : Errno.EINVAL);
  const peeks = (flags & Msg.PEEK) !== 0;
  const all = (flags & Msg.WAITALL) !== 0 && !peeks && !socket.incoming?.packets;
  const bytes = new Uint8Array(Math.min(length, MAX_BYTES));
  let done = 0;
  const attempt = (): number | undefined => {
    for (;;) {
      let received: Received | undefined;
      try {
        received = socket.receive(bytes.subarray(done), peeks);
      } catch (error) {
        if (done > 0 && error instanceof SyscallError) return done;
        throw error;
      }
      if (received === undefined) {
        return done > 0 && (socket.nonBlocking || (flags & Msg.DONTWAIT) !== 0) ? done : undefined;
      }
      store(bytes.subarray(done, done + received.length), received, done);
      if (!peeks) { for (const file of received.files ?? []) file.release(); }
      done += received.length;
      const isEnd = received.length === 0 && received.whole === 0;
      if (!all || isEnd || done === bytes.length || received.files !== undefined) {
        return (flags & Msg.TRUNC) !== 0 && socket.incoming!.packets ? received.whole : done;
      }
    }
  };
  const outcome = waitForSocket(task, socket, flags, socket.options.receiveTimeout, attempt);
  return typeof outcome === "object" ? { ...outcome, partial: () => done } : outcome;
}

function recvfrom(
  task: Task,
  fd: number,
  address: number,
  length: number,
  flags: number,
  from: number,
  size: number,
): Outcome {
  return receive(task, socketOf(task, fd), length, flags, (bytes, received, offset) => {
    task.memory.write(address + offset, bytes);
    if (from !== 0 && size !== 0) writeAddress(task, from, size, received.from ?? NOBODY);
  });
}

const NOBODY = new Uint8Array(0);

/** The rest of the extents behind so many bytes. */
function behind(extents: readonly Extent[], offset: number): Extent[] {
  let left = offset;
  return extents.map(({ address, length }) => {
    const skipped = Math.min(left, length);
    left -= skipped;
    return { address: address + skipped, length: length - skipped };
  });
}

function receiveMessage(task: Task, socket: SocketFile, header: number, flags: number): Outcome {
  const { memory } = task;
  const extents = readVector(task, memory.u64(header + 16), memory.i64(header + 24));
  const length = extents.reduce((sum, extent) => sum + extent.length, 0);
  return receive(task, socket, length, flags, (bytes, received, offset) => {
    scatter(task, behind(extents, offset), bytes);
    const name = memory.u64(header);
    if (name === 0) memory.setI32(header + 8, 0);
    else writeAddress(task, name, header + 8, received.from ?? NOBODY);
    let told = flags & Msg.CMSG_CLOEXEC;
    if (received.whole > received.length) told |= Msg.TRUNC;
    told |= writeControl(task, socket, header, received, (flags & Msg.CMSG_CLOEXEC) !== 0);
    memory.setI32(header + 48, told);
  });
}

/** Stores what a message carries besides bytes. Answers MSG_CTRUNC if there is no room for it. */
function writeControl(
  task: Task,
  socket: SocketFile,
  header: number,
  { files, sender }: Received,
  closeOnExec: boolean,
): number {
  const { memory } = task;
  const start = memory.u64(header + 32), size = start === 0 ? 0 : memory.u64(header + 40);
  let at = start, told = 0;
  const end = start + size;
  const put = (type: number, words: readonly number[]): void => {
    memory.setI64(at, 16 + 4 * words.length);
    memory.setI32(at + 8, Level.SOCKET);
    memory.setI32(at + 12, type);
    words.forEach((word, i) => memory.setI32(at + 16 + 4 * i, word));
    at = Math.min(end, at + 16 + Math.ceil(words.length / 2) * 8);
  };
  if (socket.options.passesCredentials) {
    const { pid, uid, gid } = sender ?? { pid: 0, uid: 65534, gid: 65534 };
    if (end - at >= 28) put(SCM_CREDENTIALS, [pid, uid, gid]);
    else told = Msg.CTRUNC;
  }
  if (files !== undefined) {
    const room = Math.max(0, Math.floor((end - at - 16) / 4));
    const taken = files.slice(0, room).map((file) => task.files.add(file, closeOnExec));
    if (taken.length > 0) put(SCM_RIGHTS, taken);
    if (taken.length < files.length) told = Msg.CTRUNC;
  }
  memory.setI64(header + 40, at - start);
  return told;
}

function recvmsg(task: Task, fd: number, header: number, flags: number): Outcome {
  return receiveMessage(task, socketOf(task, fd), header, flags);
}

const MAX_MESSAGES = 1024;

/** Calls for several messages: `one` handles each; its length goes behind its header. */
function several(
  task: Task,
  vector: number,
  given: number,
  one: (header: number, first: boolean) => Outcome,
): Outcome {
  const count = Math.min(given, MAX_MESSAGES);
  const next = (index: number): Outcome => {
    for (let i = index; i < count; i++) {
      const header = vector + i * (HEADER + 8);
      let outcome: Outcome;
      try {
        outcome = one(header, i === 0);
      } catch (error) {
        if (i === 0 || !(error instanceof SyscallError)) throw error;
        return i;
      }
      if (outcome === undefined) return i;
      if (typeof outcome === "object") {
        // Only the first message is waited for.
        const { poll } = outcome;
        return {
          ...outcome,
          poll: () => {
            const result = poll();
            if (result === undefined || result < 0) return result;
            task.memory.setI32(header + HEADER, result);
            const rest = next(i + 1);
            return typeof rest === "number" ? rest : i + 1;
          },
          partial: () => 0,
        };
      }
      if (outcome < 0) return i === 0 ? outcome : i;
      task.memory.setI32(header + HEADER, outcome);
    }
    return count;
  };
  return next(0);
}

function sendmmsg(task: Task, fd: number, vector: number, count: number, flags: number): Outcome {
  return several(
    task,
    vector,
    count,
    (header, first) => sendmsg(task, fd, header, first ? flags : flags | Msg.DONTWAIT),
  );
}

function recvmmsg(
  task: Task,
  fd: number,
  vector: number,
  count: number,
  flags: number,
  timeout: number,
): Outcome {
  const socket = socketOf(task, fd);
  if (timeout !== 0) readTimespec(task, timeout);
  return several(
    task,
    vector,
    count,
    (header, first) => receiveMessage(task, socket, header, first ? flags : flags | Msg.DONTWAIT),
  );
}

/** Calls of this file. */
// deno-fmt-ignore
export const SOCKET_MESSAGE_CALLS: readonly Row[] = [
  [44, "sendto", "fd in:2 size hex ptr uint", sendto],
  [45, "recvfrom", "fd out size hex ptr ptr", recvfrom],
  [46, "sendmsg", "fd ptr hex", sendmsg],
  [47, "recvmsg", "fd ptr hex", recvmsg],
  [299, "recvmmsg", "fd ptr uint hex timespec", recvmmsg],
  [307, "sendmmsg", "fd ptr uint hex", sendmmsg],
];
