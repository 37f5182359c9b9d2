/** The disk's commands and the channel's registers, by ATA/ATAPI-6 (T13/1410D). */
import { assert, assertEquals } from "@std/assert";
import { DiskError } from "../../../src/machine/disk.ts";
import {
  type Board,
  board,
  COMMAND,
  content,
  CONTROL,
  COUNT,
  DATA,
  DEV,
  DEVICE,
  ERROR,
  FEATURES,
  LBA,
  LBA_HIGH,
  LBA_LOW,
  LBA_MID,
  sectorsIn,
  STATUS,
} from "./_board.ts";

/** Status: ready; with data; with an error. */
const READY = 0x50, DRQ = 0x58, FAILED = 0x51;
const ABRT = 4, IDNF = 0x10, UNC = 0x40;
const sector = (driver: Board): number[] => sectorsIn(Uint8Array.from(driver.bytes(512)));
const registers = ({ in: read }: Board): number[] =>
  [ERROR, COUNT, LBA_LOW, LBA_MID, LBA_HIGH].map((port) => read(port));

Deno.test("Section 9.12: power-on, SRST and EXECUTE DEVICE DIAGNOSTIC leave the signature, and select drive 0", () => {
  const driver = board([{}, {}]), { in: read, out } = driver;
  const signature = [1, 1, 1, 0, 0];
  assertEquals([...registers(driver), read(DEVICE), read(STATUS)], [...signature, 0xa0, READY]);
  driver.command(0xff, 0x123456, 7, DEV);
  assertEquals(read(STATUS), FAILED);
  out(CONTROL, 4);
  assertEquals([read(CONTROL), read(STATUS)], [0x80, 0x80], "busy while SRST is set");
  out(COUNT, 9);
  out(CONTROL, 0);
  assertEquals([...registers(driver), read(DEVICE), read(STATUS)], [...signature, 0xa0, READY]);
  driver.command(0x90, 0x123456, 7, DEV);
  assertEquals([...registers(driver), read(DEVICE)], [...signature, 0xa0]);
  assertEquals([driver.levels.at(-1), read(STATUS), driver.levels.at(-1)], [true, READY, false]);
});

Deno.test("Section 9.5: PIO data-in interrupts before each block, and not at the end", () => {
  const driver = board([{}]), { in: read, levels } = driver;
  driver.command(0x20, 7, 2);
  assertEquals(levels.splice(0), [true]);
  assertEquals([read(CONTROL), levels.length], [DRQ, 0], "Alternate Status acknowledges nothing");
  assertEquals([read(STATUS), levels.splice(0)], [DRQ, [false]]);
  assertEquals(sector(driver), [7]);
  assertEquals([levels.splice(0), read(STATUS)], [[true], DRQ]);
  assertEquals(sector(driver), [8]);
  assertEquals([levels.splice(0), read(STATUS), driver.words(1)], [[false], READY, [0]]);
});

Deno.test("Section 9.6: PIO data-out interrupts behind each block, and not before the first", () => {
  const driver = board([{}]), { in: read, levels, disks } = driver;
  driver.command(0x30, 7, 2);
  assertEquals([levels.length, read(CONTROL)], [0, DRQ]);
  driver.put(0x77);
  assertEquals([levels.splice(0), read(STATUS)], [[true], DRQ]);
  driver.put(0x88);
  assertEquals([levels.splice(0), read(STATUS)], [[false, true], READY]);
  assertEquals(content(disks[0]!, 6, 4), [6, 0x77, 0x88, 9]);
});

/** Commands that read, with what comes before; which block has how many sectors. */
const READS: Readonly<Record<string, readonly [code: number, isExt: boolean, block: number]>> = {
  "8.34 READ SECTOR(S)": [0x20, false, 1],
  "8.34 READ SECTOR(S), without retry": [0x21, false, 1],
  "8.35 READ SECTOR(S) EXT": [0x24, true, 1],
  "8.30 READ MULTIPLE": [0xc4, false, 4],
  "8.31 READ MULTIPLE EXT": [0x29, true, 4],
};
for (const [name, [code, isExt, block]] of Object.entries(READS)) {
  Deno.test(`Section ${name}: blocks of ${block}, the last one of what is left`, () => {
    const driver = board([{ sectors: 1000 }]), { in: read, levels } = driver;
    if (block > 1) driver.command(0xc6, 0, block);
    levels.splice(0);
    if (isExt) driver.commandExt(code, 300, 6);
    else driver.command(code, 300, 6);
    const got: number[] = [];
    let interrupts = 0;
    while (read(CONTROL) === DRQ) {
      interrupts += levels.splice(0).includes(true) ? 1 : 0;
      read(STATUS);
      for (let n = 0; n < block && read(CONTROL) === DRQ; n++) got.push(...sector(driver));
    }
    assertEquals(got, [300, 301, 302, 303, 304, 305].map((n) => n & 0xff));
    assertEquals([interrupts, read(STATUS)], [Math.ceil(6 / block), READY]);
  });
}

const WRITES: Readonly<Record<string, readonly [code: number, isExt: boolean, multiple: number]>> = {
  "8.62 WRITE SECTOR(S)": [0x30, false, 0],
  "8.62 WRITE SECTOR(S), without retry": [0x31, false, 0],
  "8.63 WRITE SECTOR(S) EXT": [0x34, true, 0],
  "8.60 WRITE MULTIPLE": [0xc5, false, 2],
  "8.61 WRITE MULTIPLE EXT": [0x39, true, 2],
};
for (const [name, [code, isExt, multiple]] of Object.entries(WRITES)) {
  Deno.test(`Section ${name}`, () => {
    const driver = board([{ sectors: 1000 }]);
    if (multiple > 0) driver.command(0xc6, 0, multiple);
    if (isExt) driver.commandExt(code, 300, 3);
    else driver.command(code, 300, 3);
    for (const value of [0x11, 0x22, 0x33]) {
      assertEquals(driver.in(STATUS), DRQ);
      driver.put(value);
    }
    assertEquals([driver.in(STATUS), driver.in(ERROR)], [READY, 0]);
    assertEquals(content(driver.disks[0]!, 299, 5), [299 & 0xff, 0x11, 0x22, 0x33, 303 & 0xff]);
  });
}

Deno.test("Sections 8.34, 8.35: a Sector Count of 0 means 256, or 65536", () => {
  const driver = board([{ image: 0x1_0000 * 512 }]);
  const count = (): number => {
    let sectors = 0;
    for (; driver.in(STATUS) === DRQ; sectors++) driver.words(256);
    return sectors;
  };
  driver.command(0x20, 0, 0);
  assertEquals(count(), 256);
  driver.commandExt(0x24, 0, 0);
  assertEquals(count(), 0x1_0000);
});

Deno.test("Section 6.2: cylinder, head and sector lead to the same sectors; there is no sector 0", () => {
  const driver = board([{ sectors: 63 * 16 * 3 }]), { out, in: read } = driver;
  const chs = (cylinder: number, head: number, sector: number): void => {
    out(DEVICE, 0xa0 | head);
    out(COUNT, 1);
    for (const [n, value] of [sector, cylinder & 0xff, cylinder >> 8].entries()) out(LBA_LOW + n, value);
    out(COMMAND, 0x20);
  };
  chs(2, 5, 7);
  assertEquals(sector(driver), [((2 * 16 + 5) * 63 + 6) & 0xff]);
  for (const [cylinder, number] of [[3, 1], [0, 0], [0, 64], [0xffff, 1]] as const) {
    chs(cylinder, 0, number);
    assertEquals([read(STATUS), read(ERROR)], [FAILED, IDNF], `${cylinder}/${number}`);
  }
  // ATA/ATAPI-5, section 8.16: INITIALIZE DEVICE PARAMETERS, 10 sectors and 4 heads.
  out(DEVICE, 0xa3);
  out(COUNT, 10);
  out(COMMAND, 0x91);
  assertEquals(read(STATUS), READY);
  chs(2, 3, 7);
  assertEquals(sector(driver), [(2 * 4 + 3) * 10 + 6]);
  chs(0, 4, 1);
  assertEquals([read(STATUS), read(ERROR)], [FAILED, IDNF]);
});

/** Commands that address sectors, from the last one on: 28-bit, and EXT. */
const BEYOND = [0x20, 0x30, 0x40, 0xc8, 0xca, 0xc4, 0xc5],
  BEYOND_EXT = [0x24, 0x25, 0x29, 0x34, 0x35, 0x39, 0x42];
Deno.test("Section 7.9: addresses behind the end are not found, and the registers tell the first of them", () => {
  for (
    const [code, isExt] of [
      ...BEYOND.map((code) => [code, false] as const),
      ...BEYOND_EXT.map((code) => [code, true] as const),
    ]
  ) {
    const driver = board([{ sectors: 300 }]), { in: read } = driver;
    driver.command(0xc6, 0, 2);
    if (isExt) driver.commandExt(code, 0x1234_5678_9abc, 1);
    else driver.command(code, 0xabc_def0, 1);
    const address = isExt ? [0xbc, 0x9a, 0x78] : [0xf0, 0xde, 0xbc];
    const name = code.toString(16);
    assertEquals([read(STATUS), ...registers(driver)], [FAILED, IDNF, 1, ...address], name);
    if (isExt) {
      driver.out(CONTROL, 0x80);
      assertEquals([LBA_LOW, LBA_MID, LBA_HIGH].map(read), [0x56, 0x34, 0x12], name);
    } else assertEquals(read(DEVICE) & 0xf, 0xa, name);
  }
  const driver = board([{ sectors: 300 }]);
  driver.command(0x20, 299, 2);
  assertEquals([driver.in(STATUS), sector(driver)], [DRQ, [299 & 0xff]]);
  assertEquals([driver.in(STATUS), ...registers(driver)], [FAILED, IDNF, 2, 300 & 0xff, 1, 0]);
});

Deno.test("Section 8.15: IDENTIFY DEVICE", () => {
  const driver = board([{ image: 0x10_0000 * 512 }]);
  driver.command(0xec);
  assertEquals(driver.in(STATUS), DRQ);
  const words = driver.words(256),
    text = (first: number, count: number): string =>
      String.fromCharCode(...words.slice(first, first + count).flatMap((word) => [word >> 8, word & 0xff]))
        .trim();
  assertEquals([words[0], words[1], words[3], words[6], words[47]], [0x40, 1040, 16, 63, 0x8010]);
  assertEquals([text(10, 10), text(23, 4), text(27, 20)], ["CW000000", "1.0", "CAUSEWAY DISK"]);
  assertEquals([words[49], words[53], words.slice(54, 57)], [0x2b00, 7, [1040, 16, 63]]);
  assertEquals(words[57]! + words[58]! * 0x1_0000, 1040 * 16 * 63);
  assertEquals([words[60], words[61], words.slice(100, 104)], [0, 0x10, [0, 0x10, 0, 0]]);
  assertEquals([words[63], words[88], words[80]! & 0x40], [7, 0x3f, 0x40]);
  assertEquals([...words.slice(82, 88)], [0x4068, 0x7400, 0x4000, 0x4068, 0x3400, 0x4000]);
  assertEquals([driver.in(STATUS), driver.in(ERROR)], [READY, 0]);
});

Deno.test("Section 8.46: SET FEATURES chooses transfer modes, write cache and look-ahead; the identity tells", () => {
  const driver = board([{}]);
  const set = (feature: number, count = 0): number => {
    driver.out(FEATURES, feature);
    driver.command(0xef, 0, count);
    return driver.in(STATUS) === READY ? 0 : driver.in(ERROR);
  };
  const word = (n: number): number => {
    driver.command(0xec);
    return driver.words(256)[n]!;
  };
  assertEquals([0x00, 0x01, 0x08, 0x0c].map((mode) => set(3, mode)), [0, 0, 0, 0]);
  assertEquals([set(3, 0x22), word(63), word(88)], [0, 0x407, 0x3f]);
  assertEquals([set(3, 0x45), word(63), word(88)], [0, 0x007, 0x203f]);
  assertEquals([0x02, 0x0d, 0x10, 0x23, 0x46, 0x80].map((mode) => set(3, mode)), Array(6).fill(ABRT));
  assertEquals([set(0x82), word(85), set(0x55), word(85)], [0, 0x4048, 0, 0x4008]);
  assertEquals([set(0x02), set(0xaa), word(85)], [0, 0, 0x4068]);
  assertEquals([0x05, 0x5d, 0x99].map((feature) => set(feature)), Array(3).fill(ABRT));
  // CCH: a software reset undoes it.
  assertEquals([set(0x82), set(0xcc)], [0, 0]);
  driver.out(CONTROL, 4);
  driver.out(CONTROL, 0);
  assertEquals(word(85), 0x4068);
});

Deno.test("Section 8.49: SET MULTIPLE MODE takes powers of two up to 16; with 0 READ MULTIPLE is aborted", () => {
  const driver = board([{}]), { in: read } = driver;
  driver.command(0xec);
  assertEquals(driver.words(256)[59], 0x110);
  driver.command(0xc6, 0, 0);
  driver.command(0xc4);
  assertEquals([read(STATUS), read(ERROR)], [FAILED, ABRT]);
  for (const [count, status] of [[16, READY], [3, FAILED], [32, FAILED], [2, READY], [0, READY]] as const) {
    driver.command(0xc6, 0, count);
    assertEquals(read(STATUS), status, `${count}`);
    driver.command(0xec);
    assertEquals(driver.words(256)[59], status === READY && count > 0 ? 0x100 | count : 0);
  }
});

/** Commands without data: what is written, and what Sector Count, LBA and Device have then. */
const WITHOUT_DATA: Readonly<
  Record<
    string,
    { code: number; lba?: number; count?: number; error?: number; count2?: number; lba2?: number }
  >
> = {
  "8.22 NOP": { code: 0x00, error: ABRT },
  "8.9 DEVICE RESET, of packet devices": { code: 0x08, error: ABRT },
  "8.16 IDENTIFY PACKET DEVICE, of packet devices": { code: 0xa1, error: ABRT },
  "8.23 PACKET, of packet devices": { code: 0xa0, error: ABRT },
  "8.51 SMART, which is not there": { code: 0xb0, error: ABRT },
  "8.44 SEEK": { code: 0x70, lba: 299 },
  "8.44 SEEK behind the end": { code: 0x70, lba: 300, error: IDNF },
  "RECALIBRATE, of ATA-3": { code: 0x10 },
  "8.36 READ VERIFY SECTOR(S)": { code: 0x40, lba: 290, count: 10 },
  "8.36 READ VERIFY SECTOR(S) behind the end": { code: 0x40, lba: 290, count: 11, error: IDNF, lba2: 300 },
  "8.12 FLUSH CACHE": { code: 0xe7 },
  "8.13 FLUSH CACHE EXT": { code: 0xea },
  "8.32 READ NATIVE MAX ADDRESS": { code: 0xf8, lba2: 299 },
  "8.33 READ NATIVE MAX ADDRESS EXT": { code: 0x27, lba2: 299 },
  "8.7 CHECK POWER MODE": { code: 0xe5, count2: 0xff },
};
for (
  const [name, { code, lba = 0, count = 1, error = 0, count2 = count, lba2 = lba }] of Object.entries(
    WITHOUT_DATA,
  )
) {
  Deno.test(`Section ${name}`, () => {
    const driver = board([{ sectors: 300 }]), { in: read, levels } = driver;
    driver.command(code, lba, count);
    assertEquals(levels, [true]);
    assertEquals([read(STATUS), read(ERROR)], [error === 0 ? READY : FAILED, error]);
    assertEquals([COUNT, LBA_LOW, LBA_MID, LBA_HIGH].map(read), [count2, lba2 & 0xff, lba2 >> 8, 0]);
  });
}

Deno.test("Section 6.9: power modes; a disk that sleeps hears nothing but a reset", () => {
  const driver = board([{}]), { in: read, out } = driver;
  const mode = (): number => {
    driver.command(0xe5);
    return read(COUNT);
  };
  for (const [code, expected] of [[0xe0, 0], [0xe1, 0x80], [0xe2, 0], [0xe3, 0x80]] as const) {
    driver.command(code);
    assertEquals([read(STATUS), mode()], [READY, expected]);
    driver.command(0x40);
    assertEquals(mode(), 0xff);
  }
  driver.command(0xe6);
  read(STATUS);
  const { length } = driver.levels;
  driver.command(0x20);
  assertEquals([read(STATUS), driver.levels.length], [READY, length]);
  out(CONTROL, 4);
  out(CONTROL, 0);
  assertEquals(mode(), 0xff);
});

Deno.test("Section 6.20: HOB shows what was written before the last value; a write to the command block ends that", () => {
  const { in: read, out } = board([{}]);
  for (const value of [0x11, 0x22]) for (const port of [COUNT, LBA_LOW, LBA_MID, LBA_HIGH]) out(port, value);
  const all = (): number[] => [COUNT, LBA_LOW, LBA_MID, LBA_HIGH].map(read);
  assertEquals(all(), [0x22, 0x22, 0x22, 0x22]);
  out(CONTROL, 0x80);
  assertEquals(all(), [0x11, 0x11, 0x11, 0x11]);
  out(COUNT, 0x33);
  assertEquals(all(), [0x33, 0x22, 0x22, 0x22]);
});

Deno.test("Section 9.16.1: a disk answers for the second one that is not there, with a Status of 00H", () => {
  const driver = board([{}]), { in: read, out, levels } = driver;
  out(DEVICE, 0xf0);
  out(COUNT, 0x55);
  assertEquals([read(COUNT), read(DEVICE), read(STATUS), read(CONTROL)], [0x55, 0xf0, 0, 0]);
  out(COMMAND, 0xec);
  assertEquals([read(STATUS), levels], [0, []], "ignored");
  out(DEVICE, 0xe0);
  assertEquals([read(COUNT), read(STATUS)], [0x55, READY]);
});

Deno.test("IdeChannel without drives reads as zeros, as QEMU's does", () => {
  const { in: read, out } = board([{}]);
  out(0x172, 0x55);
  assertEquals([0x171, 0x172, 0x176, 0x177, 0x376].map(read), [0, 0, 0, 0, 0]);
});

Deno.test("Section 5.2.9: INTRQ is that of the selected drive, and nIEN holds it back", () => {
  const driver = board([{}, {}]), { out, in: read, levels } = driver;
  driver.command(0x40);
  assertEquals(levels.splice(0), [true]);
  out(DEVICE, 0xf0);
  assertEquals(levels.splice(0), [false]);
  read(STATUS);
  out(DEVICE, 0xe0);
  assertEquals(levels.splice(0), [true], "it still waits");
  out(CONTROL, 2);
  assertEquals(levels.splice(0), [false]);
  out(CONTROL, 0);
  assertEquals(levels.splice(0), [true]);
  read(STATUS);
  out(CONTROL, 2);
  driver.command(0x40);
  assertEquals([read(STATUS), levels.splice(0)], [READY, [false]]);
});

Deno.test("Clause 7: what is written while data are asked for changes nothing, and bytes are no data", () => {
  const driver = board([{}]), { in: read, out, bus } = driver;
  driver.command(0x20, 3);
  for (const port of [COUNT, LBA_LOW, DEVICE, COMMAND]) out(port, 0xff);
  assertEquals([read(COUNT), read(DEVICE)], [1, 0xe0]);
  assertEquals([bus.in(DATA, 1), sector(driver), read(STATUS)], [0xff, [3], READY]);
  driver.command(0x30, 3);
  bus.out(DATA, 1, 0x55);
  driver.put(4);
  assertEquals([read(STATUS), content(driver.disks[0]!, 3, 1)], [READY, [4]]);
});

Deno.test("AtaDisk moves 16 and 32 bits at once, also over the end of a block", () => {
  const driver = board([{}]), { bus } = driver;
  driver.command(0x20, 3, 2);
  assertEquals(bus.in(DATA, 4), 0x0303_0303);
  driver.words(253);
  assertEquals([bus.in(DATA, 4), bus.in(DATA, 2)], [0x0404_0303, 0x0404]);
});

Deno.test("AtaDisk tells what the host cannot read or write", () => {
  const refuse = (): never => {
    throw new DiskError("no");
  };
  const driver = board([{ image: { size: 0x2000, read: refuse, write: refuse, flush: refuse } }]),
    { in: read } = driver;
  driver.command(0x20, 5);
  assertEquals([read(STATUS), read(ERROR), read(LBA_LOW)], [FAILED, UNC, 5]);
  driver.command(0x30, 6);
  driver.put(1);
  assertEquals([read(STATUS), read(ERROR), read(LBA_LOW)], [FAILED | 0x20, ABRT, 6]);
  driver.command(0xe7);
  assertEquals([read(STATUS), read(ERROR)], [FAILED | 0x20, ABRT]);
});

Deno.test("AtaDisk writes through to the image where its cache is off", () => {
  let flushes = 0;
  const bytes = new Uint8Array(0x2000);
  const image = {
    size: bytes.length,
    read: (at: number, into: Uint8Array) => into.set(bytes.subarray(at, at + into.length)),
    write: (at: number, from: Uint8Array) => bytes.set(from, at),
    flush: () => void flushes++,
  };
  const driver = board([{ image }]);
  const write = (): void => {
    driver.command(0x30, 1);
    driver.put(1);
  };
  write();
  assertEquals(flushes, 0);
  driver.out(FEATURES, 0x82);
  driver.command(0xef);
  write();
  assertEquals(flushes, 2);
  assert(bytes.subarray(512, 1024).every((byte) => byte === 1));
});

Deno.test("Both drives of a channel keep their own data", () => {
  const driver = board([{ sectors: 100 }, { sectors: 200 }]);
  driver.command(0x20, 150, 1, DEV);
  assertEquals([driver.in(STATUS), sector(driver)], [DRQ, [150]]);
  driver.command(0x20, 150, 1);
  assertEquals([driver.in(STATUS), driver.in(ERROR)], [FAILED, IDNF]);
  driver.out(DEVICE, LBA | DEV);
  assertEquals(driver.in(STATUS), READY);
});
