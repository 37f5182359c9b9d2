import { assert, assertEquals } from "@std/assert";
import { VirtioNet } from "../../../src/machine/virtio/net.ts";
import { StatefulParts } from "../../../src/snapshot/stateful.ts";
import { type Board, board, DATA, type Descriptor, DEVICE, ISR, NEXT, REQUEST, WRITE } from "./_board.ts";

const RECEIVE = 0, TRANSMIT = 1, HEADER = 12;

/** A card on a board, with a driver that has set it up. The card needs RAM that only the board has. */
function card(): Board & { card: VirtioNet; sent: Uint8Array[] } {
  const sent: Uint8Array[] = [], wrote: number[] = [];
  const device = new VirtioNet({ view: () => undefined, wrote: (at) => wrote.push(at) });
  device.onFrame = (frame) => void sent.push(frame.slice());
  const driver = board({ disks: [], card: device });
  driver.start(1 << 5, 2);
  return { ...driver, wrote, card: device, sent };
}
const frame = (length: number, first = 1): Uint8Array => new Uint8Array(length).map((_, n) => n + first);

Deno.test("VirtioNet tells its address, and offers no offloads (virtio 1.2, section 5.1)", () => {
  const { bus } = card();
  assertEquals(Array.from({ length: 6 }, (_, n) => bus.read(DEVICE + n, 1)), [
    0x52,
    0x54,
    0,
    0x12,
    0x34,
    0x56,
  ]);
  bus.write(0xe000_0000, 4, 0);
  assertEquals(bus.read(0xe000_0004, 4) & 0xff_ffff, 1 << 5);
});

/** Section 5.1.6.2: the header and the frame may be cut into descriptors anywhere. */
const SENT: readonly (readonly Descriptor[])[] = [
  [[REQUEST, HEADER + 60, 0, 0]],
  [[REQUEST, HEADER, NEXT, 1], [REQUEST + HEADER, 60, 0, 0]],
  [[REQUEST, 5, NEXT, 1], [REQUEST + 5, 10, NEXT, 2], [REQUEST + 15, HEADER + 45, 0, 0]],
];
for (const [n, descriptors] of SENT.entries()) {
  Deno.test(`VirtioNet sends a frame, cut in way ${n} (section 5.1.6.2)`, () => {
    const { ram, send, sent, used, bus } = card();
    ram.set(frame(60), REQUEST + HEADER);
    send(descriptors, 0, TRANSMIT);
    assertEquals([sent, used(TRANSMIT), bus.read(ISR, 1)], [[frame(60)], 1, 1]);
  });
}

Deno.test("VirtioNet receives into the guest's buffers, and keeps what finds none (section 5.1.6.4)", () => {
  const { card: device, ram, send, used, lastLength, bus, wrote } = card();
  device.deliver(frame(60));
  device.deliver(frame(70, 9));
  assertEquals([used(), bus.read(ISR, 1)], [0, 0]);
  send([[DATA, 20, NEXT | WRITE, 1], [DATA + 0x100, 1500, WRITE, 0]]);
  assertEquals([used(), lastLength(), bus.read(ISR, 1)], [1, 72, 1]);
  assertEquals([...ram.subarray(DATA, DATA + HEADER)], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
  assertEquals([ram[DATA + HEADER], ram[DATA + 0x100], wrote], [1, 9, [DATA, DATA + 0x100]]);
  send([[DATA, 1526, WRITE, 0]]);
  assertEquals([used(), lastLength(), ram[DATA + HEADER]], [2, 82, 9]);
  send([[DATA, 1526, WRITE, 0]]);
  assertEquals(used(), 2);
  device.deliver(frame(80, 3));
  assertEquals([used(), lastLength(), ram[DATA + HEADER]], [3, 92, 3]);
});

Deno.test("VirtioNet receives while it sends: an answer that comes at once", () => {
  const { card: device, ram, send, used, view, describe } = card();
  device.onFrame = (sent) => device.deliver(sent.map((byte) => byte + 1));
  describe(0x1000, [[DATA, 1526, WRITE, 0]]);
  view.setUint16(0x2000 + 2, 1, true);
  ram.set(frame(60), REQUEST + HEADER);
  send([[REQUEST, HEADER + 60, 0, 0]], 0, TRANSMIT);
  assertEquals([used(RECEIVE), used(TRANSMIT), ram[DATA + HEADER]], [1, 1, 2]);
});

const BAD: Readonly<Record<string, readonly [queue: number, descriptors: readonly Descriptor[]]>> = {
  "a header cut off": [TRANSMIT, [[REQUEST, HEADER - 1, 0, 0]]],
  "a frame larger than any": [TRANSMIT, [[REQUEST, HEADER + 1519, 0, 0]]],
  "a buffer to write into where it sends": [TRANSMIT, [[REQUEST, 72, NEXT, 1], [DATA, 1, WRITE, 0]]],
  "a buffer smaller than the frame": [RECEIVE, [[DATA, 71, WRITE, 0]]],
  "a buffer to read where it receives": [RECEIVE, [[DATA, 16, NEXT, 1], [DATA, 1526, WRITE, 0]]],
};
for (const [name, [queue, descriptors]] of Object.entries(BAD)) {
  Deno.test(`VirtioNet needs a reset after ${name}`, () => {
    const { card: device, send, status } = card();
    device.deliver(frame(60));
    send(descriptors, 0, queue);
    assertEquals(status(), 0x4f);
    device.deliver(frame(60));
    assertEquals(status(), 0x4f);
  });
}

Deno.test("VirtioNet delivers nothing before the driver is there, and loses what is too much", () => {
  const device = new VirtioNet({ view: () => undefined, wrote: () => {} });
  const { status, start, send, used } = board({ disks: [], card: device });
  for (let n = 0; n < 2000; n++) device.deliver(frame(60));
  assertEquals(status(), 0);
  assertEquals(device.saveState().waiting.length, 1024);
  start(0, 2);
  send([[DATA, 1526, WRITE, 0]]);
  assertEquals(used(), 1);
});

Deno.test("VirtioNet's snapshot has the frames that wait", () => {
  const { card: device } = card(),
    resumed = card(),
    parts = new StatefulParts(),
    others = new StatefulParts();
  device.deliver(frame(60));
  parts.add("card", device);
  others.add("card", resumed.card);
  others.check(parts.save())();
  resumed.send([[DATA, 1526, WRITE, 0]]);
  assertEquals([resumed.used(), resumed.lastLength(), resumed.ram[DATA + HEADER]], [1, 72, 1]);
  assert(resumed.wrote.includes(DATA));
});
