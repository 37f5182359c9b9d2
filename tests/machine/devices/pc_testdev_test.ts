/** QEMU's pc-testdev, as kvm-unit-tests use it. */
import { assertEquals } from "@std/assert";
import { Bus } from "../../../src/machine/bus.ts";
import { PcTestdev, TEST_MEMORY } from "../../../src/machine/devices/pc_testdev.ts";

function board(): { bus: Bus; lines: (readonly [number, boolean])[]; device: PcTestdev } {
  const bus = new Bus(), lines: (readonly [number, boolean])[] = [];
  const device = new PcTestdev((line, level) => lines.push([line, level]));
  for (const ports of device.ports) bus.addPorts(ports);
  bus.addRange(device);
  return { bus, lines, device };
}

Deno.test("PcTestdev: a register at port E0H, in bytes, words and doublewords", () => {
  const { bus } = board();
  bus.out(0xe0, 4, 0x8765_4321 | 0);
  bus.out(0xe1, 1, 0xaa);
  assertEquals([bus.in(0xe0, 4) >>> 0, bus.in(0xe2, 2), bus.in(0xe1, 1)], [0x8765_aa21, 0x8765, 0xaa]);
});

Deno.test("PcTestdev: an OUT of any width sets one interrupt line", () => {
  const { bus, lines } = board();
  bus.out(0x200b, 4, 1);
  bus.out(0x2017, 1, 0);
  bus.out(0x2018, 1, 1);
  assertEquals(lines, [[11, true], [23, false]]);
});

Deno.test("PcTestdev: 64 KB of memory, which its state has", () => {
  const { bus, device } = board(), other = board();
  bus.write(TEST_MEMORY + 0xfffc, 4, 0x8000_0001 | 0);
  bus.write(TEST_MEMORY + 0xffff, 1, 0x7f);
  bus.out(0xe0, 1, 5);
  other.device.loadState(device.saveState());
  assertEquals([other.bus.read(TEST_MEMORY + 0xfffc, 4), other.bus.read(TEST_MEMORY + 0xfffe, 2)], [
    0x7f00_0001,
    0x7f00,
  ]);
  assertEquals([other.bus.in(0xe0, 1), other.bus.read(TEST_MEMORY + 0x1_0000, 1)], [5, 0xff]);
});
