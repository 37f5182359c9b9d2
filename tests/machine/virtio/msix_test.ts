import { assertEquals } from "@std/assert";
import { Disk } from "../../../src/machine/disk.ts";
import { messageWritten } from "../../../src/machine/devices/interrupt_message.ts";
import {
  BAR,
  type Board,
  board,
  DATA,
  type Descriptor,
  ISR,
  MSIX_PENDING,
  MSIX_TABLE,
  NEXT,
  RAM_BYTES,
  REQUEST,
  STATUS,
  WRITE,
} from "./_board.ts";

/** Where configuration space has the capability. */
const CAPABILITY = 0x98, CONTROL = CAPABILITY + 2;
const ENABLE = 0x8000, MASK_ALL = 0x4000, MASKED = 1;
const COMMAND = 4, MEMORY = 2, MASTER = 4;
const CONFIG_VECTOR = BAR + 0x10, QUEUE_VECTOR = BAR + 0x1a, NO_VECTOR = 0xffff;
const READ: readonly Descriptor[] = [
  [REQUEST, 16, NEXT, 1],
  [DATA, 512, NEXT | WRITE, 2],
  [STATUS, 1, WRITE, 0],
];
const BAD: readonly Descriptor[] = [[REQUEST, 16, NEXT, 0]];

/** A disk whose entry 0 is for its configuration, entry 1 for its queue: to processor 3 with vector 40H and 41H. */
function disk(control = ENABLE): Board {
  const driver = board({ disks: [new Disk(0x1_0000, true)] }), { bus } = driver;
  for (const entry of [0, 1]) {
    for (const [word, value] of [0xfee0_3000, 0, 0x40 + entry, 0].entries()) {
      bus.write(MSIX_TABLE + 16 * entry + 4 * word, 4, value);
    }
  }
  driver.configure(CONTROL, 2, control);
  driver.start();
  bus.write(CONFIG_VECTOR, 2, 0);
  bus.write(BAR + 0x16, 2, 0);
  bus.write(QUEUE_VECTOR, 2, 1);
  return driver;
}
const vectors = ({ messages }: Board): number[] => messages.map(({ message }) => message.vector);
const mask = ({ bus }: Board, entry: number, bits: number): void =>
  bus.write(MSIX_TABLE + 16 * entry + 12, 4, bits);

Deno.test("VirtioPci has a capability of MSI-X with an entry for its configuration and one for each queue", () => {
  const { configuration } = board({ disks: [new Disk(512, true)] });
  let at = configuration(0x34) & 0xff;
  while (at !== 0 && (configuration(at) & 0xff) !== 0x11) at = (configuration(at) >> 8) & 0xff;
  assertEquals(at, CAPABILITY);
  assertEquals([configuration(at) >>> 16, configuration(at + 4), configuration(at + 8)], [1, 0x4000, 0x5000]);
});

Deno.test("VirtioPci interrupts by the entry of the queue, and of the configuration, and its line stays down", () => {
  const driver = disk(), { bus, send, levels, messages, status } = driver;
  send(READ);
  assertEquals(messages, [{ message: { mode: 0, vector: 0x41, level: false }, id: 3 }]);
  send(BAD);
  assertEquals([status(), vectors(driver)], [0x4f, [0x41, 0x40]]);
  assertEquals([bus.read(ISR, 1), levels.includes(true)], [0, false]);
});

Deno.test("VirtioPci uses its line until MSI-X is enabled, and again when it is not any more", () => {
  const driver = disk(0), { bus, send, configure, levels, messages } = driver;
  send(READ);
  assertEquals([levels.at(-1), messages.length], [true, 0]);
  configure(CONTROL, 2, ENABLE);
  assertEquals(levels.at(-1), false);
  configure(CONTROL, 2, 0);
  assertEquals([levels.at(-1), bus.read(ISR, 1), levels.at(-1)], [true, 1, false]);
});

/** PCI Local Bus 3.0, section 6.8.2.9 and 6.8.3.5: what masks a message, and what lets it go. */
const MASKS: Readonly<Record<string, readonly [on: (driver: Board) => void, off: (driver: Board) => void]>> =
  {
    "its entry's mask": [(driver) => mask(driver, 1, MASKED), (driver) => mask(driver, 1, 0)],
    "the function's mask": [
      ({ configure }) => configure(CONTROL, 2, ENABLE | MASK_ALL),
      ({ configure }) => configure(CONTROL, 2, ENABLE),
    ],
  };
for (const [name, [on, off]] of Object.entries(MASKS)) {
  Deno.test(`VirtioPci keeps a message pending behind ${name}, and posts it once when that goes`, () => {
    const driver = disk(), { bus, send } = driver;
    on(driver);
    send(READ);
    send(READ);
    assertEquals([vectors(driver), bus.read(MSIX_PENDING, 4)], [[], 2]);
    bus.write(MSIX_PENDING, 4, 0);
    mask(driver, 0, 0);
    assertEquals([vectors(driver), bus.read(MSIX_PENDING, 4)], [[], 2]);
    off(driver);
    assertEquals([vectors(driver), bus.read(MSIX_PENDING, 4)], [[0x41], 0]);
  });
}

Deno.test("VirtioPci posts what the entry says when its mask goes, which may be another message", () => {
  const driver = disk();
  mask(driver, 1, MASKED);
  driver.send(READ);
  driver.bus.write(MSIX_TABLE + 16, 4, 0xfee0_7000);
  driver.bus.write(MSIX_TABLE + 24, 4, 0x99);
  mask(driver, 1, 0);
  assertEquals(driver.messages, [{ message: { mode: 0, vector: 0x99, level: false }, id: 7 }]);
});

Deno.test("VirtioPci takes no entry that there is not, and interrupts by none (section 4.1.5.1.2)", () => {
  const driver = disk(), { bus, send } = driver;
  for (const [asked, read] of [[1, 1], [2, NO_VECTOR], [0, 0], [NO_VECTOR, NO_VECTOR]] as const) {
    for (const register of [CONFIG_VECTOR, QUEUE_VECTOR]) {
      bus.write(register, 2, asked);
      assertEquals(bus.read(register, 2), read);
    }
  }
  send(READ);
  send(BAD);
  assertEquals([vectors(driver), bus.read(MSIX_PENDING, 4)], [[], 0]);
});

Deno.test("VirtioPci forgets entries chosen and messages pending at its reset, not the table", () => {
  const driver = disk(), { bus, send } = driver;
  mask(driver, 1, MASKED);
  send(READ);
  bus.write(BAR + 0x14, 1, 0);
  assertEquals([bus.read(CONFIG_VECTOR, 2), bus.read(QUEUE_VECTOR, 2), bus.read(MSIX_PENDING, 4)], [
    NO_VECTOR,
    NO_VECTOR,
    0,
  ]);
  assertEquals(bus.read(MSIX_TABLE + 24, 4), 0x41);
});

Deno.test("VirtioPci writes messages of other addresses to RAM, none behind it, and none without bus mastering", () => {
  const driver = disk(), { bus, send, view, wrote, configure } = driver;
  bus.write(MSIX_TABLE + 16, 4, 0x8003);
  bus.write(MSIX_TABLE + 24, 4, 0x1234_5678);
  send(READ);
  assertEquals([view.getUint32(0x8000, true), wrote.at(-1), vectors(driver)], [0x1234_5678, 0x8000, []]);
  bus.write(MSIX_TABLE + 16, 4, RAM_BYTES - 2);
  send(READ);
  assertEquals(view.getUint32(RAM_BYTES - 4, true), 0x1234_5678);
  for (const [low, high] of [[RAM_BYTES, 0], [0xffff_fffc, 0xffff_ffff], [0xfee0_0000, 1]] as const) {
    bus.write(MSIX_TABLE + 16, 4, low);
    bus.write(MSIX_TABLE + 20, 4, high);
    send(READ);
  }
  assertEquals(vectors(driver), []);
  bus.write(MSIX_TABLE + 16, 4, 0xfee0_0000);
  bus.write(MSIX_TABLE + 20, 4, 0);
  mask(driver, 1, MASKED);
  send(READ);
  configure(COMMAND, 2, MEMORY);
  mask(driver, 1, 0);
  assertEquals(vectors(driver), []);
  configure(COMMAND, 2, MEMORY | MASTER);
});

Deno.test("MsixTable takes words only, and nothing behind its end", () => {
  const { bus } = disk();
  bus.write(MSIX_TABLE + 24, 1, 0x77);
  bus.write(MSIX_TABLE + 26, 2, 0x7777);
  bus.write(MSIX_TABLE + 32, 4, 0x7777);
  assertEquals([24, 28, 32, 0xffc].map((at) => bus.read(MSIX_TABLE + at, 4)), [0x41, 0, 0, 0]);
});

Deno.test("VirtioPci's snapshot has the table, what is pending, and the entries chosen", () => {
  const driver = disk();
  mask(driver, 1, MASKED);
  driver.send(READ);
  const resumed = board({ disks: [new Disk(0x1_0000, true)] });
  resumed.parts.check(driver.parts.save())();
  assertEquals(resumed.bus.read(MSIX_PENDING, 4), 2);
  mask(resumed, 1, 0);
  assertEquals(resumed.messages, [{ message: { mode: 0, vector: 0x41, level: false }, id: 3 }]);
  resumed.bus.write(BAR + 0x16, 2, 0);
  assertEquals([resumed.bus.read(CONFIG_VECTOR, 2), resumed.bus.read(QUEUE_VECTOR, 2)], [0, 1]);
});

/** SDM vol. 3A, section 11.11: address and data of messages. */
const WRITTEN = [
  { address: 0xfee0_0000, data: 0x31, mode: 0, vector: 0x31, level: false, logical: false, id: 0 },
  { address: 0xfeef_f000, data: 0x31, mode: 0, vector: 0x31, level: false, logical: false, id: 0xff },
  { address: 0xfee0_1004, data: 0x1ff, mode: 1, vector: 0xff, level: false, logical: true, id: 1 },
  { address: 0xfee0_200c, data: 0xc420, mode: 4, vector: 0x20, level: true, logical: true, id: 2 },
] as const;
for (const { address, data, mode, vector, level, logical, id } of WRITTEN) {
  Deno.test(`messageWritten() reads ${data.toString(16)} at ${address.toString(16)} as the SDM has it`, () => {
    assertEquals(messageWritten(address, data), {
      message: { mode, vector, level },
      destination: { logical, id },
    });
  });
}

Deno.test("messageWritten() takes no other address", () => {
  for (const address of [0, 0xfedf_fffc, 0xfef0_0000, 0x1_fee0_0000]) {
    assertEquals(messageWritten(address, 0x31), undefined);
  }
});
