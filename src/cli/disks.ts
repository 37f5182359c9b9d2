/** Disk images in files of the host. */
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { DiskError, type DiskImage, whyNoDisk } from "../machine/disk.ts";
import type { MachineDisk } from "../machine/expansion.ts";
import { inputError, usageError } from "./exit_codes.ts";
import { reasonOf } from "./input.ts";

/**
 * Opens a raw image. It stays open as long as the process lives.
 *
 * @param writable whether the guest's writes are to reach the file
 * @throws {Error} if it cannot be opened, or is no image
 */
export function openDiskFile(path: string, { writable = true } = {}): DiskImage {
  const file = openSync(path, writable ? "r+" : "r"), stat = fstatSync(file), { size } = stat;
  const problem = stat.isFile() ? whyNoDisk(size) : "it is no file";
  if (problem !== undefined) {
    closeSync(file);
    throw new Error(problem);
  }
  const attempt = <T>(act: () => T): T => {
    try {
      return act();
    } catch (cause) {
      throw new DiskError(`Cannot use ${path}: ${reasonOf(cause)}`, { cause });
    }
  };
  const whole = (move: (done: number) => number, length: number): void => {
    for (let done = 0; done < length;) {
      const moved = attempt(() => move(done));
      if (moved === 0) throw new DiskError(`${path} has become shorter`);
      done += moved;
    }
  };
  return {
    size,
    read: (at, into) =>
      whole((done) => readSync(file, into, done, into.length - done, at + done), into.length),
    write: (at, bytes) =>
      whole((done) => writeSync(file, bytes, done, bytes.length - done, at + done), bytes.length),
    flush: () => attempt(() => fsyncSync(file)),
  };
}

/** The disks of the command line. */
export function openDisks(paths: readonly string[], snapshot: boolean): MachineDisk[] {
  if (snapshot && paths.length === 0) throw usageError("--snapshot needs --disk FILE");
  return paths.map((path) => {
    try {
      return { image: openDiskFile(path, { writable: !snapshot }), snapshot };
    } catch (error) {
      throw inputError(`cannot use ${path} as a disk: ${reasonOf(error)}`);
    }
  });
}
