import { assertEquals } from "@std/assert";
import { RtcMC146818 } from "../../../src/machine/devices/mc146818_rtc.ts";

/** Time of day and date as the registers show them, in hexadecimal. */
function shown(clock: RtcMC146818): string {
  return [0x32, 9, 8, 7, 4, 2, 0].map((register) => {
    clock.out(0, register);
    return clock.in(1).toString(16).padStart(2, "0");
  }).join(" ");
}

function set(clock: RtcMC146818, register: number, value: number): void {
  clock.out(0, register);
  clock.out(1, value);
}

const EVENING = Date.UTC(2026, 11, 31, 21, 59, 58);

Deno.test("RtcMC146818 shows virtual time in BCD or binary, of 24 or 12 hours", () => {
  let now = 0;
  const clock = new RtcMC146818(() => now, EVENING);
  assertEquals(shown(clock), "20 26 12 31 21 59 58");
  now = 2e9;
  assertEquals(shown(clock), "20 26 12 31 22 00 00");
  set(clock, 11, 2 | 4);
  assertEquals(shown(clock), "14 1a 0c 1f 16 00 00");
  set(clock, 11, 4);
  assertEquals(shown(clock), "14 1a 0c 1f 8a 00 00", "10 in the evening");
});

Deno.test("RtcMC146818 never updates while one looks, has a good battery, and keeps its memory", () => {
  const clock = new RtcMC146818(() => 0, EVENING);
  clock.out(0, 10);
  assertEquals(clock.in(1) & 0x80, 0);
  clock.out(0, 13);
  assertEquals(clock.in(1), 0x80);
  set(clock, 0x40, 0x5a);
  const other = new RtcMC146818(() => 0, EVENING);
  other.loadState(clock.stateFormat.shape.check(clock.saveState(), "MC146818"));
  assertEquals(other.in(1), 0x5a);
});
