import { assertEquals } from "@std/assert";
import { Bus } from "../../../src/machine/bus.ts";
import { Pit8254 } from "../../../src/machine/devices/8254_pit.ts";
import { SystemControl } from "../../../src/machine/devices/system_control.ts";

function board(): { bus: Bus; clock: { now: number }; resets: { count: number } } {
  const bus = new Bus(), clock = { now: 0 }, resets = { count: 0 };
  const now = (): number => clock.now;
  const pit = new Pit8254({ now, changed: () => {}, interrupt: () => {} });
  const control = new SystemControl({ now, pit, reset: () => void resets.count++ });
  for (const port of [pit, ...control.ports]) bus.addPorts(port);
  return { bus, clock, resets };
}

Deno.test("SystemControl: port 61H opens the gate of the 8254's counter 2 and shows its output", () => {
  const { bus, clock } = board();
  bus.out(0x43, 1, 0xb0);
  bus.out(0x42, 1, 100);
  bus.out(0x42, 1, 0);
  clock.now = 1e6;
  assertEquals(bus.in(0x61, 1) & 0x2f, 0, "the gate is down");
  bus.out(0x61, 1, 1);
  clock.now = 1e6 + 80_000;
  assertEquals(bus.in(0x61, 1) & 0x2f, 1);
  clock.now = 1e6 + 90_000;
  assertEquals(bus.in(0x61, 1) & 0x2f, 0x21, "100 ticks are 84 µs");
});

Deno.test("SystemControl: bit 4 of port 61H toggles each 15.6 µs", () => {
  const { bus, clock } = board(),
    seen = [0, 15_601, 31_202].map((now) => {
      clock.now = now;
      return bus.in(0x61, 1) & 0x10;
    });
  assertEquals(seen, [0, 0x10, 0]);
});

Deno.test("SystemControl: rising bits of ports 92H and CF9H reset, others do not", () => {
  const { bus, resets } = board();
  for (const [port, value] of [[0x92, 2], [0x92, 0], [0xcf9, 2], [0xcf9, 8]] as const) {
    bus.out(port, 1, value);
  }
  assertEquals(resets.count, 0);
  bus.out(0x92, 1, 1);
  bus.out(0x92, 1, 1);
  assertEquals([resets.count, bus.in(0x92, 1)], [1, 1]);
  bus.out(0xcf9, 1, 6);
  assertEquals([resets.count, bus.in(0xcf9, 1)], [2, 6]);
});
