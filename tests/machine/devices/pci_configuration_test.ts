import { assertEquals, assertThrows } from "@std/assert";
import { Bus } from "../../../src/machine/bus.ts";
import { HostBridge82441FX } from "../../../src/machine/devices/82441fx_host_bridge.ts";
import { PciConfiguration } from "../../../src/machine/devices/pci_configuration.ts";

function board(): { readonly bus: Bus; readonly pci: PciConfiguration; readonly bridge: HostBridge82441FX } {
  const bus = new Bus(), pci = new PciConfiguration(), bridge = new HostBridge82441FX();
  for (const chip of pci.chips) bus.addPorts(chip);
  pci.add(0, 0, bridge);
  return { bus, pci, bridge };
}

Deno.test("PciConfiguration finds the host bridge by mechanism 1, in accesses of every width", () => {
  const { bus } = board();
  bus.out(0xcf8, 4, 0x8000_0000);
  assertEquals(bus.in(0xcfc, 4), 0x1237_8086);
  assertEquals([bus.in(0xcfc, 2), bus.in(0xcfe, 2), bus.in(0xcfd, 1)], [0x8086, 0x1237, 0x80]);
  bus.out(0xcf8, 4, 0x8000_0008);
  assertEquals(bus.in(0xcfc, 4), 0x0600_0002);
  assertEquals(bus.in(0xcf8, 4) >>> 0, 0x8000_0008);
});

Deno.test("PciConfiguration reads ones where no function is, on other buses, and while it is not enabled", () => {
  const { bus } = board();
  for (const address of [0x8000_0800, 0x8000_0100, 0x8001_0000, 0]) {
    bus.out(0xcf8, 4, address);
    assertEquals(bus.in(0xcfc, 4), -1, address.toString(16));
    bus.out(0xcfc, 4, 0);
  }
});

Deno.test("PciConfiguration takes CONFIG_ADDRESS as a whole only, and keeps no reserved bit", () => {
  const { bus } = board();
  bus.out(0xcf8, 4, 0xffff_ffff);
  assertEquals(bus.in(0xcf8, 4) >>> 0, 0x80ff_fffc);
  bus.out(0xcf8, 1, 0);
  bus.out(0xcf8, 2, 0);
  assertEquals(bus.in(0xcf8, 4) >>> 0, 0x80ff_fffc);
});

Deno.test("PciConfiguration refuses places that are taken or do not exist", () => {
  const { pci, bridge } = board();
  for (const [device, fn] of [[0, 0], [32, 0], [1, 8], [-1, 0]] as const) {
    assertThrows(() => pci.add(device, fn, bridge), RangeError);
  }
});

Deno.test("HostBridge82441FX keeps its identity and what can be set, also over a snapshot", () => {
  const { bus, bridge } = board();
  for (let register = 0; register < 0x100; register += 4) {
    bus.out(0xcf8, 4, 0x8000_0000 | register);
    bus.out(0xcfc, 4, -1);
  }
  const read = (other: HostBridge82441FX): number[] =>
    [0, 4, 8, 0x10, 0x58, 0x5c].map((r) => other.readConfiguration(r));
  assertEquals(read(bridge), [0x1237_8086, 0x146, 0x0600_0002, 0, 0x3333_3000, 0x3333_3333]);
  const other = new HostBridge82441FX();
  other.loadState(other.stateFormat.shape.check(bridge.saveState(), "82441FX"));
  assertEquals(read(other), read(bridge));
});
