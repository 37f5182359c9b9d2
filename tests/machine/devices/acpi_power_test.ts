import { assertEquals } from "@std/assert";
import { AcpiPower } from "../../../src/machine/devices/acpi_power.ts";

function chip(now = 0): { power: AcpiPower; events: string[] } {
  const events: string[] = [];
  const power = new AcpiPower({
    now: () => now,
    powerOff: () => events.push("off"),
    reset: () => events.push("reset"),
    sleep: () => events.push("sleep"),
    interrupt: (level) => events.push(level ? "interrupt" : "no interrupt"),
  });
  return { power, events };
}

Deno.test("AcpiPower switches off when SLP_EN is written with S5's type, and for no other type", () => {
  const { power, events } = chip();
  power.out(4, 5 << 10, 2);
  power.out(4, (1 << 13) | (3 << 10), 2);
  assertEquals(events, []);
  power.out(4, (1 << 13) | (5 << 10), 2);
  assertEquals(events, ["off"]);
});

Deno.test("AcpiPower resets when 6 is written to the reset register", () => {
  const { power, events } = chip();
  power.out(0xc, 2, 1);
  power.out(0xc, 6, 1);
  assertEquals(events, ["reset"]);
});

Deno.test("AcpiPower keeps the enable register; ACPI mode is always on", () => {
  const { power } = chip();
  power.out(2, 0x120, 2);
  assertEquals([power.in(2, 2), power.in(4, 2), power.in(0, 2)], [0x120, 1, 0]);
  power.out(3, 4, 1);
  assertEquals(power.in(2, 2), 0x420);
});

Deno.test("AcpiPower tells of the real-time clock's interrupt where that is enabled, until a one is written", () => {
  const { power, events } = chip();
  power.clockInterrupt();
  assertEquals([power.in(0, 2), power.wakes], [0x400, false]);
  power.out(0, 0x400 << 16, 4);
  assertEquals([power.in(0, 2), power.wakes], [0x400, true]);
  power.out(0, 0x20, 2);
  power.out(0, 0x400, 2);
  assertEquals([power.in(0, 2), power.wakes], [0, false]);
  assertEquals(events, ["interrupt", "no interrupt"]);
});

Deno.test("AcpiPower sleeps when SLP_EN is written with S3's type, and says so when it has woken up", () => {
  const { power, events } = chip();
  power.out(4, (1 << 13) | (1 << 10), 2);
  assertEquals([events, power.isAsleep, power.in(0, 2)], [["sleep"], true, 0]);
  power.wake();
  assertEquals([power.isAsleep, power.in(0, 2)], [false, 0x8000]);
  power.out(0, 0x8000, 2);
  assertEquals(power.in(0, 2), 0);
});

Deno.test("AcpiPower's timer counts 24 bits at 3.579545 MHz", () => {
  assertEquals(chip(1e9).power.in(8, 4), 3_579_545);
  assertEquals(chip(10e9).power.in(8, 4), 35_795_450 % 2 ** 24);
});
