import { assertEquals } from "@std/assert";
import { setupMemory } from "../../../src/machine/devices/cmos_setup.ts";

const disk = (cylinders: number) => ({ bytes: cylinders * 16 * 63 * 512, cdrom: false });

Deno.test("setupMemory() describes IDE disks of the primary channel, and how all disks are translated", () => {
  const memory = setupMemory(1 << 26, 1, {
    primaryMaster: disk(1025),
    primarySlave: disk(0x123),
    secondaryMaster: { bytes: 1 << 30, cdrom: true },
    secondarySlave: disk(20000),
  });
  const bytes = (first: number, count: number): (number | undefined)[] =>
    Array.from({ length: count }, (_, n) => memory[first + n]);
  assertEquals(bytes(0x19, 2), [47, 47]);
  assertEquals(bytes(0x1b, 9), [0x01, 0x04, 16, 0xff, 0xff, 0xc8, 0x01, 0x04, 63]);
  assertEquals(bytes(0x24, 9), [0x23, 0x01, 16, 0xff, 0xff, 0xc8, 0x23, 0x01, 63]);
  assertEquals([memory[0x12], memory[0x39]], [0xff, 0x41]);
});

Deno.test("setupMemory() tells of no hard disk where there is none", () => {
  const memory = setupMemory(1 << 26, 1, { primaryMaster: { bytes: 2048, cdrom: true } });
  assertEquals([0x12, 0x19, 0x1b, 0x39].map((register) => memory[register]), Array(4).fill(undefined));
});
