/** Drivers that write anything anywhere: the controller throws nothing, and its state always is one that can be restored. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Board, board, MASTER, MASTER_TABLE, RAM_BYTES } from "./_board.ts";

/** Commands that drives have, besides any. */
const COMMANDS = [
  ...[0x00, 0x08, 0x10, 0x20, 0x24, 0x25, 0x27, 0x29, 0x30, 0x34, 0x35, 0x39, 0x40, 0x42, 0x70, 0x90, 0x91],
  ...[
    0xa0,
    0xa1,
    0xc4,
    0xc5,
    0xc6,
    0xc8,
    0xca,
    0xe0,
    0xe1,
    0xe2,
    0xe3,
    0xe5,
    0xe6,
    0xe7,
    0xea,
    0xec,
    0xef,
    0xf8,
  ],
];
const PACKETS = [
  0x00,
  0x03,
  0x12,
  0x1b,
  0x1e,
  0x25,
  0x28,
  0x2b,
  0x43,
  0x46,
  0x4a,
  0x5a,
  0xa8,
  0xbb,
  0xbd,
  0xbe,
];

const drives = (): Board =>
  board([{ sectors: 70 }, { sectors: 3000 }, { sectors: 9, cdrom: true }, { sectors: 5 }]);

const channel = fc.constantFrom(0, 1);
const byte = fc.nat(255), small = fc.oneof(fc.nat(9), byte);
const step = fc.oneof(
  fc.record({
    kind: fc.constant("register" as const),
    channel,
    register: fc.integer({ min: 1, max: 6 }),
    value: small,
  }),
  fc.record({
    kind: fc.constant("command" as const),
    channel,
    value: fc.oneof(fc.constantFrom(...COMMANDS), byte),
  }),
  fc.record({
    kind: fc.constant("packet" as const),
    channel,
    value: fc.constantFrom(...PACKETS),
    rest: fc.array(small, { maxLength: 11 }),
  }),
  fc.record({ kind: fc.constant("read" as const), channel, value: fc.nat(300) }),
  fc.record({ kind: fc.constant("write" as const), channel, value: fc.nat(300) }),
  fc.record({ kind: fc.constant("status" as const), channel, value: fc.nat(7) }),
  fc.record({ kind: fc.constant("control" as const), channel, value: fc.constantFrom(0, 2, 4, 0x80) }),
  fc.record({ kind: fc.constant("master" as const), channel, value: fc.constantFrom(0, 1, 8, 9) }),
  fc.record({ kind: fc.constant("table" as const), channel, value: fc.nat(RAM_BYTES) }),
  fc.record({ kind: fc.constant("configuration" as const), channel, value: fc.constantFrom(0, 1, 4, 5) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function act(driver: Board, step: Step): void {
  const { bus } = driver, base = step.channel === 0 ? 0x1f0 : 0x170, { value } = step;
  switch (step.kind) {
    case "register":
      return bus.out(base + step.register, 1, value);
    case "command":
      return bus.out(base + 7, 1, value);
    case "packet":
      bus.out(base + 7, 1, 0xa0);
      for (const [n, byte] of [value, ...step.rest].entries()) {
        if (n % 2 === 0) bus.out(base, 2, byte);
      }
      return;
    case "read":
      for (let n = 0; n < value; n++) bus.in(base, n % 3 === 0 ? 2 : 4);
      return;
    case "write":
      for (let n = 0; n < value; n++) bus.out(base, n % 3 === 0 ? 2 : 4, n * 0x1234_5678);
      return;
    case "status":
      return void bus.in(base + value, 1);
    case "control":
      return bus.out(base + 0x206, 1, value);
    case "master":
      return bus.out(MASTER + 8 * step.channel, 1, value);
    case "table":
      return bus.out(MASTER_TABLE + 8 * step.channel, 4, value);
    case "configuration":
      return driver.configure(0x04, 2, value);
  }
}

Deno.test("Ide82371SB withstands any driver, and goes on from a snapshot as it would have", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.array(step, { maxLength: 20 }), (before, after) => {
      const driver = drives(), other = drives();
      for (let at = 0; at < RAM_BYTES; at += 8) driver.view.setUint32(at, (at * 13) % RAM_BYTES, true);
      for (const one of before) act(driver, one);
      other.parts.check(driver.parts.save())();
      other.ram.set(driver.ram);
      for (const one of after) for (const each of [driver, other]) act(each, one);
      assertEquals(other.parts.save(), driver.parts.save());
      assertEquals(other.ram, driver.ram);
    }),
    { numRuns: 500, seed: 1 },
  );
});
