/** Local sockets as far as programs on their own use them: pairs. There is no network. socket(2), socketpair(2). */
import { Errno, fail } from "../abi/errno.ts";
import { Open } from "../abi/files.ts";
import type { Outcome } from "../blocked.ts";
import { WOULD_BLOCK } from "../files/open_file.ts";
import { SocketFile } from "../files/pipe.ts";
import type { Task } from "../task.ts";
import { addPair } from "./descriptors.ts";
import { gather, readVector, waitFor, writeAll } from "./io.ts";
import type { Row } from "./row.ts";

const AF_UNIX = 1;
const TYPE_MASK = 0xf;
const MSG_PEEK = 2, MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000;

function checkType(domain: number, type: number): number {
  if (domain !== AF_UNIX) fail(Errno.EAFNOSUPPORT);
  const kind = type & TYPE_MASK;
  return kind === 1 || kind === 2 || kind === 5 ? kind : fail(Errno.ESOCKTNOSUPPORT);
}

function socket(task: Task, domain: number, type: number): Outcome {
  const kind = checkType(domain, type);
  const file = new SocketFile(undefined, undefined, type & Open.NONBLOCK, kind, task.system.nextInode());
  return task.files.add(file, (type & Open.CLOEXEC) !== 0);
}

function socketpair(task: Task, domain: number, type: number, _protocol: number, address: number): Outcome {
  const [first, second] = SocketFile.pair(type & Open.NONBLOCK, checkType(domain, type), [
    task.system.nextInode(),
    task.system.nextInode(),
  ]);
  return addPair(task, first, second, address, (type & Open.CLOEXEC) !== 0);
}

function socketOf(task: Task, fd: number): SocketFile {
  const file = task.files.get(fd);
  return file instanceof SocketFile ? file : fail(Errno.ENOTSOCK);
}

/** There is nobody to connect to. */
function connect(task: Task, fd: number, address: number, length: number): Outcome {
  const file = socketOf(task, fd);
  if (file.incoming !== undefined) fail(Errno.EISCONN);
  if (length < 2) fail(Errno.EINVAL);
  const path = length > 3 && task.memory.u8(address + 2) !== 0
    ? task.memory.string(address + 2, length - 2)
    : "";
  if (path === "") fail(Errno.ECONNREFUSED);
  const place = task.system.mounts.resolve(task, path, task.paths.cwd, true);
  return fail(place.status === undefined ? Errno.ENOENT : Errno.ECONNREFUSED);
}

function receive(
  file: SocketFile,
  length: number,
  flags: number,
  store: (bytes: Uint8Array) => void,
): Outcome {
  const bytes = new Uint8Array(Math.min(length, 0x10_0000));
  const attempt = (): number | undefined => {
    const peeked = (flags & MSG_PEEK) !== 0 && file.incoming?.empty === false;
    const got = peeked ? file.incoming!.peek(bytes) : file.read(bytes);
    if (got === WOULD_BLOCK) return undefined;
    store(bytes.subarray(0, got));
    return got;
  };
  if ((flags & MSG_DONTWAIT) !== 0) return attempt() ?? -Errno.EAGAIN;
  return waitFor(file, attempt);
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
  if (from !== 0 && size !== 0) task.memory.setI32(size, 0);
  return receive(socketOf(task, fd), length, flags, (bytes) => task.memory.write(address, bytes));
}

function recvmsg(task: Task, fd: number, header: number, flags: number): Outcome {
  const { memory } = task;
  const extents = readVector(task, memory.u64(header + 16), memory.i64(header + 24));
  const length = extents.reduce((sum, extent) => sum + extent.length, 0);
  return receive(socketOf(task, fd), length, flags, (bytes) => {
    let done = 0;
    for (const extent of extents) {
      const part = bytes.subarray(done, done + extent.length);
      memory.write(extent.address, part);
      done += part.length;
    }
    memory.setI32(header + 8, 0);
    memory.setI64(header + 40, 0);
    memory.setI32(header + 48, 0);
  });
}

function send(task: Task, file: SocketFile, bytes: Uint8Array, flags: number): Outcome {
  if ((flags & MSG_NOSIGNAL) !== 0 && file.outgoing?.readers === 0) return -Errno.EPIPE;
  if ((flags & MSG_DONTWAIT) !== 0) return file.write(bytes);
  return writeAll(task, file, bytes);
}

function sendto(task: Task, fd: number, address: number, length: number, flags: number): Outcome {
  return send(task, socketOf(task, fd), task.memory.read(address, Math.min(length, 0x10_0000)), flags);
}

function sendmsg(task: Task, fd: number, header: number, flags: number): Outcome {
  const { memory } = task;
  // Descriptors in flight (SCM_RIGHTS) are not carried.
  if (memory.u64(header + 40) !== 0) fail(Errno.EOPNOTSUPP);
  const extents = readVector(task, memory.u64(header + 16), memory.i64(header + 24));
  return send(task, socketOf(task, fd), gather(task, extents), flags);
}

function shutdown(task: Task, fd: number, how: number): Outcome {
  if (how < 0 || how > 2) fail(Errno.EINVAL);
  socketOf(task, fd).shutdown(how);
  return 0;
}

function getsockopt(
  task: Task,
  fd: number,
  level: number,
  option: number,
  value: number,
  size: number,
): Outcome {
  const file = socketOf(task, fd);
  if (level !== 1) fail(Errno.EOPNOTSUPP);
  const known: Readonly<Record<number, number>> = { 3: file.type, 4: 0, 7: 212992, 8: 212992, 39: AF_UNIX };
  const answer = known[option] ?? fail(Errno.ENOPROTOOPT);
  task.memory.setI32(value, answer);
  task.memory.setI32(size, 4);
  return 0;
}

function getsockname(task: Task, fd: number, address: number, size: number): Outcome {
  socketOf(task, fd);
  task.memory.setU8(address, AF_UNIX);
  task.memory.setU8(address + 1, 0);
  task.memory.setI32(size, 2);
  return 0;
}

/** Calls of this file. */
// deno-fmt-ignore
export const SOCKET_CALLS: readonly Row[] = [
  [41, "socket", "int hex int", socket],
  [42, "connect", "fd ptr uint", connect],
  [43, "accept", "fd ptr ptr", (task, fd) => (socketOf(task, fd), -Errno.EINVAL)],
  [44, "sendto", "fd in:2 size hex ptr uint", sendto],
  [45, "recvfrom", "fd out size hex ptr ptr", recvfrom],
  [46, "sendmsg", "fd ptr hex", sendmsg],
  [47, "recvmsg", "fd ptr hex", recvmsg],
  [48, "shutdown", "fd int", shutdown],
  [49, "bind", "fd ptr uint", (task, fd) => (socketOf(task, fd), -Errno.EACCES)],
  [50, "listen", "fd int", (task, fd) => (socketOf(task, fd), -Errno.EINVAL)],
  [51, "getsockname", "fd ptr ptr", getsockname],
  [52, "getpeername", "fd ptr ptr", (task, fd) => (socketOf(task, fd), -Errno.ENOTCONN)],
  [53, "socketpair", "int hex int outfds", socketpair],
  [54, "setsockopt", "fd int int ptr uint", (task, fd) => (socketOf(task, fd), 0)],
  [55, "getsockopt", "fd int int ptr ptr", getsockopt],
  [288, "accept4", "fd ptr ptr hex", (task, fd) => (socketOf(task, fd), -Errno.EINVAL)],
];
