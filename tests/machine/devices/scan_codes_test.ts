/**
 * What a guest reads from the keyboard, as QEMU 7.2 gives it: `scan_codes.tsv` has, for each key, what its `sendkey` made a
 * guest read at port 60H when it was pressed and released, with the 8042's translation and without.
 */
import { assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { Bus } from "../../../src/machine/bus.ts";
import { KeyboardController8042 } from "../../../src/machine/devices/8042_keyboard.ts";
import { type Key, KEYS } from "../../../src/machine/devices/scan_codes.ts";

const RECORDED = readFileSync(new URL("scan_codes.tsv", import.meta.url), "utf8").trimEnd().split("\n")
  .map((line) => line.split("\t") as [key: Key, translated: string, untranslated: string]);

/** What is read when a key is pressed and released, with a command byte. */
function readOf(key: Key, commandByte: number): string {
  const bus = new Bus(), read: string[] = [];
  let now = 0;
  const chip = new KeyboardController8042({
    interrupt: () => {},
    reset: () => {},
    changed: () => {},
    now: () => now,
  });
  for (const port of chip.ports) bus.addPorts(port);
  bus.out(0x64, 1, 0x60);
  bus.out(0x60, 1, commandByte);
  chip.move(key, true);
  chip.move(key, false);
  for (; chip.typed > 0 || (bus.in(0x64, 1) & 1) !== 0; chip.advance(now += 1e7)) {
    read.push(bus.in(0x60, 1).toString(16).padStart(2, "0"));
  }
  return read.join(" ");
}

Deno.test("every key sends what QEMU's does, translated and not", () => {
  assertEquals(RECORDED.map(([key]) => key).toSorted(), KEYS.toSorted());
  const found = RECORDED.map(([key]) => [key, readOf(key, 0x44), readOf(key, 4)]);
  assertEquals(found, RECORDED);
});
