import { assertEquals } from "@std/assert";
import { Bus } from "../../../src/machine/bus.ts";
import { MARK_PORT, MarkPort } from "../../../src/machine/devices/mark_port.ts";

Deno.test("MarkPort.out() tells 32-bit values without sign, and nothing of narrower ones", () => {
  const bus = new Bus(), heard: number[] = [];
  assertEquals(bus.in(MARK_PORT, 4), -1, "without the device");
  bus.addPorts(new MarkPort((value) => heard.push(value)));
  bus.out(MARK_PORT, 4, 0xffff_0001 | 0);
  bus.out(MARK_PORT, 2, 0x1234);
  bus.out(MARK_PORT, 1, 0x12);
  bus.out(MARK_PORT + 1, 4, 5);
  assertEquals(heard, [0xffff_0001]);
  assertEquals(bus.in(MARK_PORT, 4), 0);
});
