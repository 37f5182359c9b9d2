import { assertEquals } from "@std/assert";
import { AcpiPower } from "../../../src/machine/devices/acpi_power.ts";

function chip(now = 0): { power: AcpiPower; events: string[] } {
  const events: string[] = [];
  const power = new AcpiPower({
    now: () => now,
    powerOff: () => events.push("off"),
    reset: () => events.push("reset"),
  });
  return { power, events };
}

Deno.test("AcpiPower switches off when SLP_EN is written with S5's type, and for no other type", () => {
  const { power, events } = chip();
  power.out(4, 5 << 10);
  power.out(4, (1 << 13) | (3 << 10));
  assertEquals(events, []);
  power.out(4, (1 << 13) | (5 << 10));
  assertEquals(events, ["off"]);
});

Deno.test("AcpiPower resets when 6 is written to the reset register", () => {
  const { power, events } = chip();
  power.out(0xc, 2);
  power.out(0xc, 6);
  assertEquals(events, ["reset"]);
});

Deno.test("AcpiPower keeps the enable register; ACPI mode is always on, and nothing ever happens", () => {
  const { power } = chip();
  power.out(2, 0x120);
  assertEquals([power.in(2, 2), power.in(4, 2), power.in(0, 2)], [0x120, 1, 0]);
});

Deno.test("AcpiPower's timer counts 24 bits at 3.579545 MHz", () => {
  assertEquals(chip(1e9).power.in(8, 4), 3_579_545);
  assertEquals(chip(10e9).power.in(8, 4), 35_795_450 % 2 ** 24);
});
