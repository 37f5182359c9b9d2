import { assert, assertEquals, assertThrows } from "@std/assert";
import { Disk, DiskError, type DiskImage, diskOfBytes } from "../../../src/machine/disk.ts";
import * as boards from "./_board.ts";
import {
  AVAILABLE,
  BAR,
  DATA,
  type Descriptor,
  INDIRECT,
  ISR,
  NEXT,
  REQUEST,
  STATUS,
  USED,
  WRITE,
} from "./_board.ts";

/** A board with a disk, and a driver that has set it up. */
function board(
  image: DiskImage = diskOfBytes(new Uint8Array(0x2_0000).map((_, n) => n >> 9)),
  features = 0,
) {
  const disk = new Disk(image, false), driver = boards.board({ disks: [disk] }), { ram, view } = driver;
  driver.start(features);
  const request = (type: number, sector: number, data: number, flags: number): number => {
    view.setUint32(REQUEST, type, true);
    view.setUint32(REQUEST + 8, sector, true);
    ram[STATUS] = 0xee;
    driver.send([[REQUEST, 16, NEXT, 1], [DATA, data, NEXT | flags, 2], [STATUS, 1, WRITE, 0]]);
    return ram[STATUS]!;
  };
  return { ...driver, disk, request };
}

Deno.test("VirtioBlock reads and writes sectors, tells what it wrote, and interrupts until ISR is read", () => {
  const { bus, ram, view, disk, wrote, levels, request } = board();
  assertEquals(request(0, 7, 1024, WRITE), 0);
  assertEquals([ram[DATA], ram[DATA + 512]], [7, 8]);
  assertEquals([view.getUint16(USED + 2, true), view.getUint32(USED + 8, true)], [1, 1025]);
  assert(wrote.includes(DATA) && wrote.includes(STATUS), "code there must be forgotten");
  assertEquals(levels.at(-1), true);
  assertEquals([bus.read(ISR, 1), bus.read(ISR, 1), levels.at(-1)], [1, 0, false]);
  ram.fill(0x55, DATA, DATA + 512);
  assertEquals(request(1, 3, 512, 0), 0);
  const sector = new Uint8Array(1024);
  disk.read(3 * 512, sector);
  assertEquals([sector[0], sector[511], sector[512]], [0x55, 0x55, 4]);
});

Deno.test("VirtioBlock answers IOERR behind the end and at parts of sectors, UNSUPP to what it does not know", () => {
  const { request, status } = board();
  assertEquals(request(0, 255, 512, WRITE), 0);
  for (const [sector, length] of [[256, 512], [255, 1024], [0, 100], [0xffff_ffff, 512]] as const) {
    assertEquals(request(0, sector, length, WRITE), 1, `${sector}`);
    assertEquals(request(1, sector, length, 0), 1, `${sector}`);
  }
  assertEquals(request(99, 0, 512, WRITE), 2);
  assertEquals(status(), 0xf);
});

Deno.test("VirtioBlock answers IOERR where the host cannot read", () => {
  const fail = (): never => {
    throw new DiskError("no");
  };
  const { request } = board({ size: 512, read: fail, write: fail, flush: fail });
  assertEquals([request(0, 0, 512, WRITE), request(1, 0, 512, 0), request(4, 0, 0, 0)], [1, 1, 1]);
});

const BAD: Readonly<Record<string, readonly [readonly Descriptor[], head?: number]>> = {
  "a circle": [[[REQUEST, 16, NEXT, 0]]],
  "no such descriptor": [[], 128],
  "a next one that is none": [[[REQUEST, 16, NEXT, 500]]],
  "an address behind RAM": [[[0xffff_0000, 16, NEXT, 1], [STATUS, 1, WRITE, 0]]],
  "an address of 64 bits": [[[2 ** 63, 16, NEXT, 1], [STATUS, 1, WRITE, 0]]],
  "a length behind RAM": [[[REQUEST, 0xffff_ffff, NEXT, 1], [STATUS, 1, WRITE, 0]]],
  "reading behind writing": [[[STATUS, 1, WRITE | NEXT, 1], [REQUEST, 16, 0, 0]]],
  "an indirect table": [[[REQUEST, 16, INDIRECT, 0]]],
  "a short header": [[[REQUEST, 15, NEXT, 1], [STATUS, 1, WRITE, 0]]],
  "no room for the status": [[[REQUEST, 16, 0, 0]]],
};
for (const [name, [descriptors, head]] of Object.entries(BAD)) {
  Deno.test(`VirtioPci needs a reset after ${name}, and works after it`, () => {
    const { bus, status, send, levels } = board();
    send(descriptors, head);
    assertEquals(status(), 0x4f);
    assertEquals([levels.at(-1), bus.read(ISR, 1)], [true, 2]);
    bus.write(BAR + 0x14, 1, 0);
    assertEquals([status(), bus.read(BAR + 0x1c, 2)], [0, 0]);
  });
}

Deno.test("Virtqueue.serve() takes what was there, when a request writes over the ring's index", () => {
  const image = new Uint8Array(512).fill(1), { view, send, status } = board(diskOfBytes(image));
  view.setUint32(REQUEST, 0, true);
  send([[REQUEST, 16, NEXT, 1], [AVAILABLE + 2, 2, NEXT | WRITE, 2], [DATA, 510, NEXT | WRITE, 3], [
    STATUS,
    1,
    WRITE,
    0,
  ]]);
  assertEquals([view.getUint16(USED + 2, true), view.getUint16(AVAILABLE + 2, true), status()], [
    1,
    0x101,
    0xf,
  ]);
});

Deno.test("VirtioPci does not accept features that it did not offer", () => {
  const { bus, status } = board();
  bus.write(BAR + 0x14, 1, 0);
  bus.write(BAR + 0x08, 4, 0);
  bus.write(BAR + 0x0c, 4, 1);
  bus.write(BAR + 0x14, 1, 0xb);
  assertEquals(status(), 3);
});

Deno.test("VirtioPci sizes its BAR, moves it, and shows it through the window of configuration space", () => {
  const { bus } = board();
  const at = (register: number): void => bus.out(0xcf8, 4, (0x8000_0800 | register) >>> 0);
  at(0x10);
  bus.out(0xcfc, 4, -1);
  assertEquals(bus.in(0xcfc, 4), -0x8000);
  bus.out(0xcfc, 4, 0xe123_0000);
  assertEquals([bus.read(0xe123_0014, 1), bus.read(BAR + 0x14, 1)], [0xf, 0xff]);
  at(0x8c);
  bus.out(0xcfc, 4, 0x14);
  at(0x90);
  bus.out(0xcfc, 4, 1);
  at(0x94);
  assertEquals(bus.in(0xcfc, 1), 0xf);
  at(0x04);
  bus.out(0xcfc, 2, 0);
  assertEquals(bus.read(0xe123_0014, 1), 0xff);
});

Deno.test("Disk keeps writes from its image if it is to, and its state is all of it", () => {
  const image = new Uint8Array(0x1_8000).fill(1), disk = new Disk(diskOfBytes(image), true);
  disk.write(0xff00, new Uint8Array(0x200).fill(2));
  assert(image.every((byte) => byte === 1));
  const resumed = new Disk(image.length, false);
  resumed.loadState(resumed.stateFormat.shape.check(disk.saveState(), "disk"));
  const bytes = new Uint8Array(image.length);
  resumed.read(0, bytes);
  assertEquals([bytes[0xfeff], bytes[0xff00], bytes[0x1_00ff], bytes[0x1_0100]], [1, 2, 2, 1]);
  for (const size of [0, 511, 513]) assertThrows(() => new Disk(size, false), RangeError);
});
