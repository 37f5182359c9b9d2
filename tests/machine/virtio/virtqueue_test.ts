import { assertEquals, assertThrows } from "@std/assert";
import { Disk, diskOfBytes } from "../../../src/machine/disk.ts";
import { BadQueue, Virtqueue } from "../../../src/machine/virtio/virtqueue.ts";
import {
  AVAILABLE,
  BAR,
  board,
  DATA,
  type Descriptor,
  ENTRIES,
  EVENT_INDEX_FEATURE,
  INDIRECT,
  INDIRECT_FEATURE,
  ISR,
  NEXT,
  REQUEST,
  STATUS,
  TABLE,
  USED,
  WRITE,
} from "./_board.ts";

/** Where the driver keeps indirect tables. */
const INDIRECT_TABLE = 0x7000;
const READ: readonly Descriptor[] = [
  [REQUEST, 16, NEXT, 1],
  [DATA, 512, NEXT | WRITE, 2],
  [STATUS, 1, WRITE, 0],
];

function disk(features: number) {
  const driver = board({ disks: [new Disk(diskOfBytes(new Uint8Array(0x1_0000).fill(7)), false)] });
  driver.start(features);
  driver.ram[STATUS] = 0xee;
  return driver;
}

/** Section 2.7.5.3: what a chain with an indirect table may look like. */
const GOOD: Readonly<
  Record<string, readonly [direct: readonly Descriptor[], indirect: readonly Descriptor[]]>
> = {
  "all of it": [[[INDIRECT_TABLE, 48, INDIRECT, 0]], READ],
  "all of it, said to be written, which is ignored": [[[INDIRECT_TABLE, 48, INDIRECT | WRITE, 0]], READ],
  "its end": [[[REQUEST, 16, NEXT, 1], [INDIRECT_TABLE, 32, INDIRECT, 0]], [
    [DATA, 512, NEXT | WRITE, 1],
    [STATUS, 1, WRITE, 0],
  ]],
  "entries in another order": [[[INDIRECT_TABLE, 64, INDIRECT, 0]], [
    [REQUEST, 16, NEXT, 3],
    [STATUS, 1, WRITE, 0],
    [0xffff_0000, 1, NEXT, 9],
    [DATA, 512, NEXT | WRITE, 1],
  ]],
};
for (const [name, [direct, indirect]] of Object.entries(GOOD)) {
  Deno.test(`Virtqueue.serve() follows an indirect table: ${name} (virtio 1.2, section 2.7.5.3)`, () => {
    const { describe, send, status, ram, lastLength } = disk(INDIRECT_FEATURE);
    describe(INDIRECT_TABLE, indirect);
    send(direct);
    assertEquals([status(), ram[STATUS], ram[DATA], lastLength()], [0xf, 0, 7, 513]);
  });
}

Deno.test("Virtqueue.serve() takes an indirect table as long as the queue, and none that is longer", () => {
  for (const [length, expected] of [[ENTRIES, 0xf], [ENTRIES + 1, 0x4f]] as const) {
    const { describe, send, status, view } = disk(INDIRECT_FEATURE);
    view.setUint32(REQUEST, 0, true);
    const one = (n: number): Descriptor => [DATA, n === 0 ? 512 : 0, NEXT | WRITE, n + 2];
    const data = Array.from({ length: length - 2 }, (_, n) => one(n));
    describe(INDIRECT_TABLE, [[REQUEST, 16, NEXT, 1], ...data, [STATUS, 1, WRITE, 0]]);
    send([[INDIRECT_TABLE, 16 * length, INDIRECT, 0]]);
    assertEquals(status(), expected);
  }
});

const table: Descriptor = [INDIRECT_TABLE, 48, INDIRECT, 0];
const BAD: Readonly<
  Record<string, { direct: readonly Descriptor[]; indirect?: readonly Descriptor[]; features?: number }>
> = {
  "that was not negotiated": { direct: [table], indirect: READ, features: 0 },
  "of no entries": { direct: [[INDIRECT_TABLE, 0, INDIRECT, 0]] },
  "with a part of an entry": { direct: [[INDIRECT_TABLE, 47, INDIRECT, 0]], indirect: READ },
  "behind RAM": { direct: [[0xfff0, 48, INDIRECT, 0]] },
  "at an address of 64 bits": { direct: [[2 ** 63, 48, INDIRECT, 0]] },
  "with a next one behind it": { direct: [[INDIRECT_TABLE, 48, INDIRECT | NEXT, 1]], indirect: READ },
  "in an indirect table": { direct: [table], indirect: [[INDIRECT_TABLE, 48, INDIRECT, 0]] },
  "with a circle": { direct: [table], indirect: [[REQUEST, 16, NEXT, 1], [DATA, 512, NEXT | WRITE, 1]] },
  "with a circle to its first entry": { direct: [table], indirect: [[REQUEST, 16, NEXT, 0]] },
  "that leads behind its end": { direct: [table], indirect: [[REQUEST, 16, NEXT, 3]] },
  "with a buffer behind RAM": { direct: [table], indirect: [[0xffff_0000, 16, NEXT, 1]] },
  "with a buffer of 4 GB": { direct: [table], indirect: [[REQUEST, 0xffff_ffff, NEXT, 1]] },
  "that is the queue's own, a circle": { direct: [[TABLE, 16, INDIRECT, 0]] },
};
for (const [name, { direct, indirect = [], features = INDIRECT_FEATURE }] of Object.entries(BAD)) {
  Deno.test(`VirtioPci needs a reset after an indirect table ${name}, and works after it`, () => {
    const { bus, status, describe, send, start, ram } = disk(features);
    describe(INDIRECT_TABLE, indirect);
    send(direct);
    assertEquals([status(), bus.read(ISR, 1), ram[STATUS]], [0x4f, 2, 0xee]);
    start();
    send(READ);
    assertEquals([status(), ram[STATUS]], [0xf, 0]);
  });
}

Deno.test("Virtqueue.serve() takes requests of 4 GB, and none that are longer (section 2.7.5.2)", () => {
  const ram = new Uint8Array(0x1000), view = new DataView(ram.buffer), half = 0x8000_0000;
  // Only lengths are at stake: long buffers have no bytes here.
  const queue = new Virtqueue({
    view: (at, length) => length >= half ? new Uint8Array(0) : ram.subarray(at, at + length),
    wrote: () => {},
  });
  for (const [n, area] of [0, 0x800, 0xc00].entries()) queue.addresses[2 * n] = area;
  for (const [n, length] of [half, half, 0].entries()) {
    view.setUint32(16 * n + 8, length, true);
    view.setUint16(16 * n + 12, n < 2 ? NEXT : 0, true);
    view.setUint16(16 * n + 14, n + 1, true);
  }
  const serve = (): boolean => {
    view.setUint16(0x802, view.getUint16(0x802, true) + 1, true);
    return queue.serve(0, ({ readable }) => readable.length);
  };
  assertEquals(serve(), true);
  view.setUint32(16 + 8, half + 1, true);
  assertThrows(serve, BadQueue, "4 GB");
});

/** Section 2.7.7.2: after how many requests of three the driver wants to be told, and at which it is. */
const EVENTS = [
  { wanted: 0, interrupts: [true, false, false] },
  { wanted: 1, interrupts: [false, true, false] },
  { wanted: 2, interrupts: [false, false, true] },
  { wanted: 3, interrupts: [false, false, false] },
  { wanted: 0xffff, interrupts: [false, false, false] },
] as const;
for (const { wanted, interrupts } of EVENTS) {
  Deno.test(`Virtqueue.serve() interrupts at request ${wanted} with VIRTIO_F_EVENT_IDX, and tells what it waits for`, () => {
    const { bus, view, send } = disk(EVENT_INDEX_FEATURE);
    view.setUint16(AVAILABLE + 4 + 2 * ENTRIES, wanted, true);
    // The flag has no meaning with the feature.
    view.setUint16(AVAILABLE, 1, true);
    const told = interrupts.map((_, n) => {
      send(READ);
      assertEquals(view.getUint16(USED + 4 + 8 * ENTRIES, true), n + 1);
      return bus.read(ISR, 1) === 1;
    });
    assertEquals(told, [...interrupts]);
  });
}

Deno.test("Virtqueue.serve() interrupts once for requests that used_event lies among", () => {
  const { bus, view, describe, offer, notify, used, levels } = disk(EVENT_INDEX_FEATURE);
  describe(TABLE, READ);
  view.setUint16(AVAILABLE + 4 + 2 * ENTRIES, 1, true);
  for (let n = 0; n < 3; n++) offer(0);
  notify();
  assertEquals([used(), bus.read(ISR, 1), levels.filter((level) => level).length], [3, 1, 1]);
});

Deno.test("VirtioPci offers the features of queues with every device, and takes them", () => {
  for (const devices of [{ disks: [new Disk(512, true)] }, { disks: [], entropySeed: 1 }]) {
    const { bus, start, status } = board(devices);
    bus.write(BAR, 4, 0);
    assertEquals((bus.read(BAR + 4, 4) >>> 28) & 3, 3);
    start(INDIRECT_FEATURE | EVENT_INDEX_FEATURE);
    assertEquals(status(), 0xf);
  }
});
