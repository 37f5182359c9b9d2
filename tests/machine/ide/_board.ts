/** A board with an IDE controller, and a driver of the tests for its primary channel. */
import { Bus } from "../../../src/machine/bus.ts";
import { PciConfiguration } from "../../../src/machine/devices/pci_configuration.ts";
import { Disk, type DiskImage, diskOfBytes } from "../../../src/machine/disk.ts";
import { addIde } from "../../../src/machine/ide/attach.ts";
import { IDE_PLACES } from "../../../src/machine/ide/drives.ts";
import { StatefulParts } from "../../../src/snapshot/stateful.ts";

/** Ports of the primary channel, and of its bus master. */
export const DATA = 0x1f0, ERROR = 0x1f1, FEATURES = 0x1f1, COUNT = 0x1f2, LBA_LOW = 0x1f3, LBA_MID = 0x1f4;
export const LBA_HIGH = 0x1f5, DEVICE = 0x1f6, STATUS = 0x1f7, COMMAND = 0x1f7, CONTROL = 0x3f6;
export const MASTER = 0xc000, MASTER_STATUS = MASTER + 2, MASTER_TABLE = MASTER + 4;
export const RAM_BYTES = 0x4_0000;
/** The second drive. */
export const DEV = 0x10, LBA = 0x40;

/** A drive of the tests: sectors whose bytes are their number, or an image. */
export interface TestDrive {
  readonly sectors?: number;
  /** A number: an empty disk of so many bytes. */
  readonly image?: DiskImage | number;
  readonly cdrom?: boolean;
}

/** What a driver finds and does. */
export interface Board {
  readonly bus: Bus;
  readonly ram: Uint8Array;
  readonly view: DataView;
  readonly parts: StatefulParts;
  /** The content of each drive. */
  readonly disks: readonly (Disk | undefined)[];
  /** Where the controller wrote. */
  readonly wrote: [at: number, length: number][];
  /** Levels of line 14, in order. */
  readonly levels: boolean[];
  in(port: number): number;
  out(port: number, value: number): void;
  /** Writes registers: Sector Count and LBA (28 bits), or the 16 and 48 bits of EXT commands; then Command. */
  command(code: number, lba?: number, count?: number, device?: number): void;
  commandExt(code: number, lba: number, count: number): void;
  /** Reads words of the data. */
  words(count: number): number[];
  bytes(count: number): number[];
  /** Writes a sector of one value. */
  put(value: number): void;
  configure(register: number, size: 1 | 2 | 4, value: number): void;
  configuration(register: number): number;
}

/** The image of a test's drive. */
export function numbered(sectors: number, bytes = 512): Uint8Array {
  const image = new Uint8Array(sectors * bytes);
  for (let n = 0; n < sectors; n++) image.fill(n, n * bytes, (n + 1) * bytes);
  return image;
}

/** A board with drives at these places. */
export function board(drives: readonly (TestDrive | undefined)[], hasFirmware = false): Board {
  const bus = new Bus(), pci = new PciConfiguration(), parts = new StatefulParts();
  const ram = new Uint8Array(RAM_BYTES), view = new DataView(ram.buffer);
  const levels: boolean[] = [], wrote: [number, number][] = [];
  for (const chip of pci.chips) bus.addPorts(chip);
  const disks = drives.map((drive) => {
    if (drive === undefined) return undefined;
    const { sectors = 256, image, cdrom = false } = drive, sector = cdrom ? 2048 : 512;
    return new Disk(image ?? diskOfBytes(numbered(sectors, sector)), false, sector);
  });
  const content = disks.flatMap((disk, n) =>
    disk === undefined ? [] : [[IDE_PLACES[n]!, { disk, cdrom: drives[n]!.cdrom ?? false }]]
  );
  addIde(Object.fromEntries(content), 9, {
    bus,
    pci,
    parts,
    hasFirmware,
    setLine: (line, level) => {
      if (line === 14) levels.push(level);
    },
    dma: {
      view: (at, length) => at + length <= ram.length ? ram.subarray(at, at + length) : undefined,
      wrote: (at, length) => wrote.push([at, length]),
    },
  });
  const byte = (value: number, n: number): number => Math.floor(value / 2 ** (8 * n)) & 0xff;
  const select = (register: number): void => bus.out(0xcf8, 4, (0x8000_4800 | (register & 0xfc)) >>> 0);
  const self: Board = {
    bus,
    ram,
    view,
    parts,
    disks,
    wrote,
    levels,
    in: (port) => bus.in(port, 1),
    out: (port, value) => bus.out(port, 1, value),
    command(code, lba = 0, count = 1, device = 0) {
      self.out(DEVICE, LBA | device | byte(lba, 3));
      self.out(COUNT, count);
      for (let n = 0; n < 3; n++) self.out(LBA_LOW + n, byte(lba, n));
      self.out(COMMAND, code);
    },
    commandExt(code, lba, count) {
      self.out(DEVICE, LBA);
      for (const half of [1, 0]) {
        self.out(COUNT, byte(count, half));
        for (let n = 0; n < 3; n++) self.out(LBA_LOW + n, byte(lba, 3 * half + n));
      }
      self.out(COMMAND, code);
    },
    words: (count) => Array.from({ length: count }, () => bus.in(DATA, 2)),
    bytes: (count) =>
      self.words(Math.ceil(count / 2)).flatMap((word) => [word & 0xff, word >> 8]).slice(0, count),
    put(value) {
      for (let n = 0; n < 128; n++) bus.out(DATA, 4, value * 0x0101_0101);
    },
    configure(register, size, value) {
      select(register);
      bus.out(0xcfc + (register & 3), size, value);
    },
    configuration(register) {
      select(register);
      return bus.in(0xcfc, 4) >>> 0;
    },
  };
  return self;
}

/** The first byte of each sector, which is its number modulo 256; a sector of several values is NaN. */
export function sectorsIn(bytes: Uint8Array, size = 512): number[] {
  return Array.from({ length: bytes.length / size }, (_, n) => {
    const sector = bytes.subarray(n * size, (n + 1) * size);
    return sector.every((byte) => byte === sector[0]) ? sector[0]! : NaN;
  });
}

/** What is on a disk, by sectors. */
export function content(disk: Disk, first: number, count: number): number[] {
  const bytes = new Uint8Array(count * 512);
  disk.read(first * 512, bytes);
  return sectorsIn(bytes);
}
