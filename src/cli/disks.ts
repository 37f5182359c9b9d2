/** Disk images in files of the host. */
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { CD_SECTOR, DiskError, type DiskImage, whyNoDisk } from "../machine/disk.ts";
import type { IdeDrive, MachineDisk } from "../machine/expansion.ts";
import { type AtIdePlaces, IDE_PLACES } from "../machine/ide/drives.ts";
import { inputError } from "./exit_codes.ts";
import { reasonOf } from "./input.ts";

/** The first place that `--cdrom` takes. */
const FIRST_OF_CD = IDE_PLACES.indexOf("secondaryMaster");

/**
 * Opens a raw image. It stays open as long as the process lives.
 *
 * @param options whether the guest's writes are to reach the file, and the bytes of a sector, 2048 for a CD-ROM
 * @throws {Error} if it cannot be opened, or is no image
 */
export function openDiskFile(
  path: string,
  { writable = true, sector }: { readonly writable?: boolean; readonly sector?: number | undefined } = {},
): DiskImage {
  const file = openSync(path, writable ? "r+" : "r"), stat = fstatSync(file), { size } = stat;
  const problem = stat.isFile() ? whyNoDisk(size, sector) : "it is no file";
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
  return paths.map((path) => openDisk(path, snapshot));
}

/**
 * The drives at the IDE controller: disks from the first place on, then a CD-ROM at the first free one of the second channel.
 */
export function openIdeDrives(
  disks: readonly string[],
  cdrom: string | undefined,
  snapshot: boolean,
): AtIdePlaces<IdeDrive> {
  const drives = disks.map((path, n) => [IDE_PLACES[n]!, openDisk(path, snapshot)] as const);
  if (cdrom === undefined) return Object.fromEntries(drives);
  const place = IDE_PLACES[Math.max(disks.length, FIRST_OF_CD)]!;
  return Object.fromEntries([...drives, [place, { ...openDisk(cdrom, true, CD_SECTOR), cdrom: true }]]);
}

function openDisk(path: string, snapshot: boolean, sector?: number): MachineDisk {
  try {
    return { image: openDiskFile(path, { writable: !snapshot, sector }), snapshot };
  } catch (error) {
    throw inputError(
      `cannot use ${path} as a ${sector === undefined ? "disk" : "CD-ROM"}: ${reasonOf(error)}`,
    );
  }
}
