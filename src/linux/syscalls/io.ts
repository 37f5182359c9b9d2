/** Reading and writing. read(2), readv(2), pread(2), sendfile(2), lseek(2). */
import { Errno, fail, SyscallError } from "../abi/errno.ts";
import { Open } from "../abi/files.ts";
import { Signal } from "../abi/signals.ts";
import type { Outcome } from "../blocked.ts";
import { type OpenFile, WOULD_BLOCK } from "../files/open_file.ts";
import { sendFromItself, withinFileSize } from "../limits.ts";
import type { Task } from "../task.ts";
import type { Row } from "./row.ts";

/** Most bytes one call moves. */
const MAX_COUNT = 0x7fff_f000;
/** Bytes moved at a time. */
const CHUNK = 0x10_0000;
const IOV_MAX = 1024;

let scratch = new Uint8Array(0x1_0000), scratchView = scratch;

/** Room for so many bytes, until the next call of this. */
function buffer(length: number): Uint8Array {
  if (scratchView.length === length) return scratchView;
  if (scratch.length < length) scratch = new Uint8Array(CHUNK);
  return scratchView = scratch.subarray(0, length);
}

/** A piece of a program's memory. */
export interface Extent {
  readonly address: number;
  readonly length: number;
}

/** Reads a struct iovec array. */
export function readVector(task: Task, address: number, count: number): Extent[] {
  if (count < 0 || count > IOV_MAX) fail(Errno.EINVAL);
  const extents: Extent[] = [];
  let total = 0;
  for (let i = 0; i < count; i++) {
    const start = task.memory.u64(address + 16 * i);
    const length = task.memory.i64(address + 16 * i + 8);
    if (length < 0) fail(Errno.EINVAL);
    const part = Math.min(length, MAX_COUNT - total);
    total += part;
    extents.push({ address: start, length: part });
  }
  return extents;
}

/** Copies bytes into the extents, one after another. */
export function scatter(task: Task, extents: readonly Extent[], bytes: Uint8Array): void {
  let done = 0;
  for (const { address, length } of extents) {
    if (done >= bytes.length) return;
    const part = bytes.subarray(done, done + length);
    task.memory.write(address, part);
    done += part.length;
  }
}

/** Collects the bytes of the extents. */
export function gather(task: Task, extents: readonly Extent[]): Uint8Array {
  const bytes = new Uint8Array(extents.reduce((sum, { length }) => sum + length, 0));
  let done = 0;
  for (const { address, length } of extents) {
    task.memory.readInto(address, bytes.subarray(done, done + length));
    done += length;
  }
  return bytes;
}

/** Waits until `attempt` has a result, or fails with EAGAIN if the file does not wait. */
export function waitFor(file: OpenFile, attempt: () => number | undefined): Outcome {
  const result = attempt();
  if (result !== undefined) return result;
  if (file.nonBlocking) return -Errno.EAGAIN;
  return { poll: attempt, interruption: "restarts" };
}

function readable(task: Task, fd: number): OpenFile {
  const file = task.files.get(fd);
  return file.readable ? file : fail(Errno.EBADF);
}

function writable(task: Task, fd: number): OpenFile {
  const file = task.files.get(fd);
  return file.writable ? file : fail(Errno.EBADF);
}

function read(task: Task, fd: number, address: number, count: number): Outcome {
  const file = readable(task, fd);
  const length = Math.min(count, MAX_COUNT);
  return waitFor(file, () => {
    let done = 0;
    do {
      const part = buffer(Math.min(CHUNK, length - done));
      const got = file.read(part, task);
      if (got === WOULD_BLOCK) return done > 0 ? done : undefined;
      task.memory.write(address + done, got === part.length ? part : part.subarray(0, got));
      done += got;
      if (got < part.length) break;
    } while (done < length);
    return done;
  });
}

function readv(task: Task, fd: number, vector: number, count: number): Outcome {
  const file = readable(task, fd);
  const extents = readVector(task, vector, count);
  const length = Math.min(CHUNK, extents.reduce((sum, extent) => sum + extent.length, 0));
  return waitFor(file, () => {
    const part = buffer(length);
    const got = file.read(part, task);
    if (got === WOULD_BLOCK) return undefined;
    scatter(task, extents, part.subarray(0, got));
    return got;
  });
}

/**
 * Writes all bytes, waiting as long as it takes.
 *
 * @param lent the bytes are the caller's again when this returns
 */
export function writeAll(task: Task, file: OpenFile, given: Uint8Array, lent = false): Outcome {
  let done = 0, bytes = withinFileSize(task, file, given);
  const attempt = (): number | undefined => {
    try {
      do {
        const wrote = file.write(done === 0 ? bytes : bytes.subarray(done), task);
        if (wrote === WOULD_BLOCK) return done > 0 && file.nonBlocking ? done : undefined;
        done += wrote;
      } while (done < bytes.length);
    } catch (error) {
      if (error instanceof SyscallError && error.errno === Errno.EPIPE) sendFromItself(task, Signal.PIPE);
      if (done === 0) throw error;
    }
    return done;
  };
  const outcome = waitFor(file, attempt);
  if (typeof outcome !== "object") return outcome;
  if (lent) bytes = bytes.slice();
  return { ...outcome, partial: () => done };
}

function write(task: Task, fd: number, address: number, count: number): Outcome {
  const file = writable(task, fd);
  if (count > scratch.length || !file.copiesWrites) {
    return writeAll(task, file, task.memory.read(address, Math.min(count, MAX_COUNT)));
  }
  const bytes = buffer(count);
  task.memory.readInto(address, bytes);
  return writeAll(task, file, bytes, true);
}

function writev(task: Task, fd: number, vector: number, count: number): Outcome {
  const file = writable(task, fd);
  return writeAll(task, file, gather(task, readVector(task, vector, count)));
}

function writeAt(task: Task, file: OpenFile, bytes: Uint8Array, position: number): number {
  return file.writeAt(withinFileSize(task, file, bytes, position), position);
}

function pread64(task: Task, fd: number, address: number, count: number, position: number): Outcome {
  return preadv(task, readable(task, fd), [{ address, length: Math.min(count, MAX_COUNT) }], position);
}

function preadv(task: Task, file: OpenFile, extents: readonly Extent[], position: number): number {
  if (position < 0) fail(Errno.EINVAL);
  let done = 0;
  for (const { address, length } of extents) {
    for (let inExtent = 0; inExtent < length;) {
      const part = buffer(Math.min(CHUNK, length - inExtent));
      const got = file.readAt(part, position + done);
      task.memory.write(address + inExtent, part.subarray(0, got));
      done += got;
      inExtent += got;
      if (got < part.length) return done;
    }
  }
  return done;
}

function pwrite64(task: Task, fd: number, address: number, count: number, position: number): Outcome {
  if (position < 0) fail(Errno.EINVAL);
  return writeAt(task, writable(task, fd), task.memory.read(address, Math.min(count, MAX_COUNT)), position);
}

function preadvCall(task: Task, fd: number, vector: number, count: number, position: number): Outcome {
  return preadv(task, readable(task, fd), readVector(task, vector, count), position);
}

function pwritevCall(task: Task, fd: number, vector: number, count: number, position: number): Outcome {
  if (position < 0) fail(Errno.EINVAL);
  return writeAt(task, writable(task, fd), gather(task, readVector(task, vector, count)), position);
}

function preadv2(task: Task, fd: number, vector: number, count: number, position: number): Outcome {
  if (position === -1) return readv(task, fd, vector, count);
  return preadvCall(task, fd, vector, count, position);
}

function pwritev2(task: Task, fd: number, vector: number, count: number, position: number): Outcome {
  if (position === -1) return writev(task, fd, vector, count);
  return pwritevCall(task, fd, vector, count, position);
}

function lseek(task: Task, fd: number, offset: number, whence: number): Outcome {
  return task.files.get(fd).seek(offset, whence);
}

/** Moves bytes between files; a position of undefined is the file's own. */
function transfer(
  task: Task,
  input: OpenFile,
  from: number | undefined,
  output: OpenFile,
  to: number | undefined,
  count: number,
): Outcome {
  const bytes = new Uint8Array(Math.min(count, CHUNK));
  const send = (got: number): Outcome => {
    const part = bytes.subarray(0, got);
    return to === undefined ? writeAll(task, output, part) : writeAt(task, output, part, to);
  };
  const got = from === undefined ? input.read(bytes, task) : input.readAt(bytes, from);
  if (got !== WOULD_BLOCK) return got === 0 ? 0 : send(got);
  if (input.nonBlocking) return -Errno.EAGAIN;
  let sending: Outcome;
  return {
    interruption: "restarts",
    poll: () => {
      if (sending === undefined) {
        const late = input.read(bytes, task);
        if (late === WOULD_BLOCK) return undefined;
        if (late === 0) return 0;
        sending = send(late);
      }
      return typeof sending === "number" ? sending : sending?.poll();
    },
  };
}

function sendfile(task: Task, outFd: number, inFd: number, offsetAddress: number, count: number): Outcome {
  const input = readable(task, inFd), output = writable(task, outFd);
  if (!("node" in input) || (output.flags & Open.APPEND) !== 0) fail(Errno.EINVAL);
  if (offsetAddress === 0) return transfer(task, input, undefined, output, undefined, count);
  const offset = task.memory.i64(offsetAddress);
  if (offset < 0) fail(Errno.EINVAL);
  const result = transfer(task, input, offset, output, undefined, count);
  if (typeof result === "number" && result > 0) task.memory.setI64(offsetAddress, offset + result);
  return result;
}

function copyFileRange(
  task: Task,
  inFd: number,
  fromAddress: number,
  outFd: number,
  toAddress: number,
  count: number,
): Outcome {
  const input = readable(task, inFd), output = writable(task, outFd);
  if (!("node" in input) || !("node" in output)) fail(Errno.EINVAL);
  if ((output.flags & Open.APPEND) !== 0) fail(Errno.EBADF);
  const from = fromAddress === 0 ? undefined : task.memory.i64(fromAddress);
  const to = toAddress === 0 ? undefined : task.memory.i64(toAddress);
  const result = transfer(task, input, from, output, to, count);
  if (typeof result === "number" && result > 0) {
    if (from !== undefined) task.memory.setI64(fromAddress, from + result);
    if (to !== undefined) task.memory.setI64(toAddress, to + result);
  }
  return result;
}

function splice(
  task: Task,
  inFd: number,
  fromAddress: number,
  outFd: number,
  toAddress: number,
  count: number,
): Outcome {
  const input = readable(task, inFd), output = writable(task, outFd);
  if (!("buffer" in input) && !("buffer" in output)) fail(Errno.EINVAL);
  const from = fromAddress === 0 ? undefined : task.memory.i64(fromAddress);
  const to = toAddress === 0 ? undefined : task.memory.i64(toAddress);
  return transfer(task, input, from, output, to, Math.min(count, 0x1_0000));
}

/** Calls of this file. */
// deno-fmt-ignore
export const IO_CALLS: readonly Row[] = [
  [0, "read", "fd out size", read],
  [1, "write", "fd in:2 size", write],
  [8, "lseek", "fd off whence", lseek],
  [17, "pread64", "fd out size off", pread64],
  [18, "pwrite64", "fd in:2 size off", pwrite64],
  [19, "readv", "fd iov:2 int", readv],
  [20, "writev", "fd iov:2 int", writev],
  [40, "sendfile", "fd fd ptr size", sendfile],
  [275, "splice", "fd ptr fd ptr size hex", splice],
  [295, "preadv", "fd iov:2 int off", preadvCall],
  [296, "pwritev", "fd iov:2 int off", pwritevCall],
  [326, "copy_file_range", "fd ptr fd ptr size hex", copyFileRange],
  [327, "preadv2", "fd iov:2 int off ptr hex", preadv2],
  [328, "pwritev2", "fd iov:2 int off ptr hex", pwritev2],
];
