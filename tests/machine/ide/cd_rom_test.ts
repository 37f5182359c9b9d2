/** The CD-ROM drive: the packet protocol of ATA/ATAPI-6 (T13/1410D), and the packets of MMC-3. */
import { assertEquals } from "@std/assert";
import { DiskError } from "../../../src/machine/disk.ts";
import {
  type Board,
  board,
  COMMAND,
  CONTROL,
  COUNT,
  DATA,
  DEVICE,
  ERROR,
  FEATURES,
  LBA_HIGH,
  LBA_LOW,
  LBA_MID,
  MASTER,
  MASTER_STATUS,
  MASTER_TABLE,
  sectorsIn,
  STATUS,
  type TestDrive,
} from "./_board.ts";

const READY = 0x50, DRQ = 0x58, FAILED = 0x51, ABRT = 4;
/** Interrupt reasons: the packet is awaited, data come, the command has ended. */
const PACKET = 1, DATA_IN = 2, ENDED = 3;
const SIGNATURE = [1, 1, 0x14, 0xeb];

const drive = (more: TestDrive = {}): Board => board([{ sectors: 200, cdrom: true, ...more }]);
const registers = ({ in: read }: Board): number[] =>
  [COUNT, LBA_LOW, LBA_MID, LBA_HIGH].map((port) => read(port));

/** Sends a packet. */
function send(driver: Board, packet: readonly number[], { limit = 0xfffe, byDma = false } = {}): void {
  const { out, bus, in: read } = driver;
  out(DEVICE, 0);
  out(FEATURES, byDma ? 1 : 0);
  out(LBA_MID, limit & 0xff);
  out(LBA_HIGH, limit >> 8);
  out(COMMAND, 0xa0);
  assertEquals([read(STATUS), read(COUNT) & 7], [DRQ, PACKET]);
  for (let n = 0; n < 12; n += 2) bus.out(DATA, 2, (packet[n] ?? 0) | ((packet[n + 1] ?? 0) << 8));
}

/** Sends a packet, and reads what comes; an error is the sense that REQUEST SENSE tells. */
function ask(driver: Board, packet: readonly number[], options?: { limit?: number }): number[] | string {
  send(driver, packet, options);
  const got: number[] = [], { in: read } = driver;
  while (read(STATUS) === DRQ) {
    assertEquals(read(COUNT) & 7, DATA_IN);
    got.push(...driver.bytes(read(LBA_MID) | (read(LBA_HIGH) << 8)));
  }
  const status = read(STATUS), error = read(ERROR);
  assertEquals(read(COUNT) & 7, ENDED);
  if (status === READY) return got;
  assertEquals(status, FAILED);
  const sense = ask(driver, [3, 0, 0, 0, 18]) as number[];
  assertEquals(error, sense[2]! << 4);
  return [sense[2], sense[12], sense[13]].map((byte) => byte!.toString(16)).join("/");
}

Deno.test("Section 9.12: a packet device's signature, not ready, behind power-on, SRST and DEVICE RESET", () => {
  const driver = drive(), { in: read, out } = driver;
  const all = (): number[] => [...registers(driver), read(ERROR), read(STATUS)];
  assertEquals(all(), [...SIGNATURE, 1, 0]);
  send(driver, [0x25]);
  out(CONTROL, 4);
  out(CONTROL, 0);
  assertEquals(all(), [...SIGNATURE, 1, 0]);
  send(driver, [0x25]);
  const { length } = driver.levels;
  assertEquals(read(CONTROL), DRQ);
  out(COMMAND, 0x08);
  assertEquals([...all(), driver.levels.slice(length)], [...SIGNATURE, 1, 0, [false]], "no interrupt");
});

for (const [name, code] of [["8.15 IDENTIFY DEVICE", 0xec], ["8.34 READ SECTOR(S)", 0x20]] as const) {
  Deno.test(`Section ${name}: a packet device aborts it, with its signature`, () => {
    const driver = drive(), { in: read } = driver;
    driver.command(code, 0x1234);
    assertEquals([read(STATUS), read(ERROR), ...registers(driver)], [FAILED, ABRT, ...SIGNATURE]);
  });
}

Deno.test("Section 8.16: IDENTIFY PACKET DEVICE", () => {
  const driver = drive();
  driver.command(0xa1);
  assertEquals(driver.in(STATUS), DRQ);
  const words = driver.words(256);
  assertEquals([0, 49, 53, 63, 82, 85].map((n) => words[n]), [0x85c0, 0x0b00, 6, 7, 0x4218, 0x4218]);
  assertEquals(driver.in(STATUS), READY);
  driver.out(FEATURES, 3);
  driver.command(0xef, 0, 0x22);
  driver.command(0xa1);
  assertEquals(driver.words(256)[63], 0x407);
});

Deno.test("Section 9.16.1: a packet device does not answer for the second drive", () => {
  const { in: read, out } = drive();
  out(DEVICE, 0xf0);
  assertEquals([ERROR, COUNT, LBA_LOW, LBA_MID, LBA_HIGH, DEVICE, STATUS].map(read), [0, 0, 0, 0, 0, 0, 0]);
});

Deno.test("Section 9.8: blocks of at most as many bytes as the host says, each with an interrupt, and one at the end", () => {
  const driver = drive(), { in: read, levels } = driver;
  send(driver, [0x28, 0, 0, 0, 0, 7, 0, 0, 2], { limit: 1501 });
  const sizes: number[] = [], got: number[] = [];
  while (read(CONTROL) === DRQ) {
    assertEquals(levels.splice(0), [true]);
    assertEquals([read(STATUS), read(COUNT), levels.splice(0)], [DRQ, DATA_IN, [false]]);
    sizes.push(read(LBA_MID) | (read(LBA_HIGH) << 8));
    got.push(...driver.bytes(sizes.at(-1)!));
  }
  assertEquals(sizes, [1500, 1500, 1096]);
  assertEquals([levels.splice(0), read(STATUS), read(COUNT)], [[true], READY, ENDED]);
  assertEquals(sectorsIn(Uint8Array.from(got), 2048), [7, 8]);
});

Deno.test("Section 8.23: PACKET without room for a byte of the data is aborted; overlapped ones are, too", () => {
  const driver = drive(), { in: read, out } = driver;
  send(driver, [0x25], { limit: 0 });
  assertEquals([read(STATUS), read(ERROR)], [FAILED, ABRT]);
  assertEquals(ask(driver, [0x00], { limit: 0 }), []);
  out(FEATURES, 2);
  out(COMMAND, 0xa0);
  assertEquals([read(STATUS), read(ERROR)], [FAILED, ABRT]);
});

Deno.test("READ(10) by DMA", () => {
  const driver = drive(), { in: read, out, bus, view, ram } = driver;
  view.setUint32(0x1000, 0x2000, true);
  view.setUint32(0x1004, 0x8000_0000 | 4096, true);
  bus.out(MASTER_TABLE, 4, 0x1000);
  send(driver, [0x28, 0, 0, 0, 0, 7, 0, 0, 2], { byDma: true });
  assertEquals(driver.levels.splice(0), []);
  out(MASTER, 9);
  assertEquals([driver.levels.splice(0), read(MASTER_STATUS)], [[true], 4]);
  assertEquals([read(STATUS), read(COUNT)], [READY, ENDED]);
  assertEquals(sectorsIn(ram.subarray(0x2000, 0x3000), 2048), [7, 8]);
});

/** Packets and their answers: bytes, the sectors that are read, or the sense key, code and qualifier of an error. */
const ANSWERS: Readonly<
  Record<string, readonly [packet: readonly number[], answer: readonly number[] | string]>
> = {
  "TEST UNIT READY": [[0x00], []],
  "REQUEST SENSE, with nothing to tell": [[0x03, 0, 0, 0, 18], [
    0x70,
    ...Array(6).fill(0),
    10,
    ...Array(10).fill(0),
  ]],
  "INQUIRY, the first 5 bytes": [[0x12, 0, 0, 0, 5], [5, 0x80, 0, 0x21, 31]],
  "INQUIRY of vital product data": [[0x12, 1, 0, 0, 36], "5/24/0"],
  "READ CAPACITY": [[0x25], [0, 0, 0, 199, 0, 0, 8, 0]],
  "READ(10) behind the end": [[0x28, 0, 0, 0, 0, 199, 0, 0, 2], "5/21/0"],
  "READ(10) of nothing": [[0x28, 0, 0, 0, 0, 199, 0, 0, 0], []],
  "READ(12) far behind the end": [[0xa8, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1], "5/21/0"],
  "SEEK(10)": [[0x2b, 0, 0, 0, 0, 199], []],
  "SEEK(10) behind the end": [[0x2b, 0, 0, 0, 0, 200], "5/21/0"],
  "READ TOC": [[0x43, 0, 0, 0, 0, 0, 0, 0, 99], [
    0,
    18,
    1,
    1,
    0,
    0x14,
    1,
    0,
    0,
    0,
    0,
    0,
    0,
    0x14,
    0xaa,
    0,
    0,
    0,
    0,
    200,
  ]],
  "READ TOC in minutes, of the lead-out": [
    [0x43, 2, 0, 0, 0, 0, 0xaa, 0, 99],
    [0, 10, 1, 1, 0, 0x14, 0xaa, 0, 0, 0, 4, 50],
  ],
  "READ TOC, the sessions": [[0x43, 0, 1, 0, 0, 0, 0, 0, 99], [0, 10, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0]],
  "READ TOC of a track that there is not": [[0x43, 0, 0, 0, 0, 0, 2, 0, 99], "5/24/0"],
  "GET CONFIGURATION, the current profile": [[0x46, 2, 0, 0, 0, 0, 0, 0, 8], [0, 0, 0, 16, 0, 0, 0, 8]],
  "GET CONFIGURATION, one feature": [
    [0x46, 2, 0, 3, 0, 0, 0, 0, 99],
    [0, 0, 0, 12, 0, 0, 0, 8, 0, 3, 3, 4, 0x29, 0, 0, 0],
  ],
  "GET EVENT STATUS NOTIFICATION": [[0x4a, 1, 0, 0, 0x10, 0, 0, 0, 99], [0, 4, 4, 16, 0, 2, 0, 0]],
  "GET EVENT STATUS NOTIFICATION of another class": [[0x4a, 1, 0, 0, 2, 0, 0, 0, 99], [0, 0, 0x80, 16]],
  "GET EVENT STATUS NOTIFICATION that waits": [[0x4a, 0, 0, 0, 0x10, 0, 0, 0, 99], "5/24/0"],
  "MODE SENSE(10), error recovery": [
    [0x5a, 0, 1, 0, 0, 0, 0, 0, 99],
    [0, 14, 0, 0, 0, 0, 0, 0, 1, 6, 0, 5, 0, 0, 0, 0],
  ],
  "MODE SENSE(10), a page that there is not": [[0x5a, 0, 0x0e, 0, 0, 0, 0, 0, 99], "5/24/0"],
  "SET CD SPEED": [[0xbb, 0, 0xff, 0xff], []],
  "MECHANISM STATUS": [[0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8], [0, 0, 0, 0, 0, 0, 0, 0]],
  "READ CD of nothing": [[0xbe, 0, 0, 0, 0, 7, 0, 0, 1, 0], []],
  "READ CD of more than user data": [[0xbe, 0, 0, 0, 0, 7, 0, 0, 1, 0xf8], "5/24/0"],
  "WRITE(10), which it does not know": [[0x2a, 0, 0, 0, 0, 7, 0, 0, 1], "5/20/0"],
};
for (const [name, [packet, answer]] of Object.entries(ANSWERS)) {
  Deno.test(`CdRom answers ${name}`, () => assertEquals(ask(drive(), packet), answer));
}

for (
  const [name, packet] of Object.entries({
    "READ(10)": [0x28, 0, 0, 0, 0, 7, 0, 0, 2],
    "READ(12)": [0xa8, 0, 0, 0, 0, 7, 0, 0, 0, 2],
    "READ CD": [0xbe, 0, 0, 0, 0, 7, 0, 0, 2, 0x10],
  })
) {
  Deno.test(`CdRom reads sectors of 2048 bytes by ${name}`, () => {
    assertEquals(sectorsIn(Uint8Array.from(ask(drive(), packet) as number[]), 2048), [7, 8]);
  });
}

Deno.test("CdRom ejects its disc unless that is prevented, and tells when it is back", () => {
  const driver = drive(), ready = [0x00], eject = [0x1b, 0, 0, 0, 2], load = [0x1b, 0, 0, 0, 3];
  const event = (): unknown => (ask(driver, [0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8]) as number[]).slice(4, 6);
  assertEquals([ask(driver, [0x1e, 0, 0, 0, 1]), ask(driver, eject), ask(driver, ready)], [[], "5/53/2", []]);
  assertEquals([ask(driver, [0x1e, 0, 0, 0, 0]), ask(driver, eject), ask(driver, ready)], [[], [], "2/3a/2"]);
  assertEquals([event(), ask(driver, [0x28, 0, 0, 0, 0, 7, 0, 0, 1])], [[0, 1], "2/3a/2"]);
  assertEquals([ask(driver, load), event(), ask(driver, ready), ask(driver, ready)], [
    [],
    [2, 2],
    "6/28/0",
    [],
  ]);
  assertEquals(event(), [0, 2]);
});

Deno.test("CdRom takes a large disc for a DVD", () => {
  const driver = drive({ image: 400_000 * 2048 });
  assertEquals((ask(driver, [0x46, 0, 0, 0, 0, 0, 0, 0, 8]) as number[]).slice(6), [0, 0x10]);
});

Deno.test("CdRom tells what the host cannot read", () => {
  const refuse = (): never => {
    throw new DiskError("no");
  };
  const driver = drive({ image: { size: 0x2000, read: refuse, write: refuse, flush: refuse } });
  assertEquals(ask(driver, [0x28, 0, 0, 0, 0, 1, 0, 0, 1]), "3/11/0");
});

Deno.test("CdRom goes on from a snapshot in each phase of a packet", () => {
  const resume = (driver: Board): Board => {
    const other = drive();
    other.parts.check(driver.parts.save())();
    return other;
  };
  let driver = resume(drive());
  driver.out(LBA_MID, 0xe8);
  driver.out(LBA_HIGH, 3);
  driver.out(COMMAND, 0xa0);
  const got: number[] = [], packet = [0x28, 0, 0, 0, 0, 7, 0, 0, 1, 0, 0, 0];
  for (let n = 0; n < 12; n += 2) {
    driver = resume(driver);
    driver.bus.out(DATA, 2, packet[n]! | (packet[n + 1]! << 8));
  }
  while (driver.in(CONTROL) === DRQ) {
    for (let left = driver.in(LBA_MID) | (driver.in(LBA_HIGH) << 8); left > 0; left -= 100) {
      driver = resume(driver);
      got.push(...driver.bytes(Math.min(100, left)));
    }
  }
  driver = resume(driver);
  assertEquals([driver.in(STATUS), driver.in(COUNT), driver.levels], [READY, ENDED, [false]]);
  assertEquals(sectorsIn(Uint8Array.from(got), 2048), [7]);
});
