import { assertEquals } from "@std/assert";
import { RtcMC146818 } from "../../../src/machine/devices/mc146818_rtc.ts";
import { Schedule } from "../../../src/machine/schedule.ts";

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

/** Data sheet, "Update cycle": UIP goes up 244 microseconds before an update of 1984, and down when that has ended. */
for (
  const [now, control, updating, seconds] of [
    [0, 2, false, 0x58],
    [1e9 - 2_228_001, 2, false, 0x58],
    [1e9 - 2_228_000, 2, true, 0x58],
    [1e9 - 1, 2, true, 0x58],
    [1e9, 2, false, 0x59],
    [2e9 - 1, 2, true, 0x59],
    [2e9 - 1, 2 | 0x80, false, 0x59],
  ] as const
) {
  Deno.test(`RtcMC146818's UIP at ${now} ns, with ${control.toString(16)}H in status B`, () => {
    const clock = new RtcMC146818(() => now, EVENING);
    set(clock, 11, control);
    set(clock, 10, 0xa6); // the bit cannot be written
    assertEquals([clock.in(1), shown(clock).slice(-2)], [updating ? 0xa6 : 0x26, seconds.toString(16)]);
  });
}

Deno.test("RtcMC146818 has a good battery, and keeps its memory", () => {
  const clock = new RtcMC146818(() => 0, EVENING);
  clock.out(0, 13);
  assertEquals(clock.in(1), 0x80);
  set(clock, 0x40, 0x5a);
  const other = new RtcMC146818(() => 0, EVENING);
  other.loadState(clock.stateFormat.shape.check(clock.saveState(), "MC146818"));
  assertEquals(other.in(1), 0x5a);
});

/** A clock that runs, its interrupt line, and the times at which that went up. */
function running(): { clock: RtcMC146818; rises: number[]; until(time: number): void; cause(): number } {
  let now = 0;
  const rises: number[] = [], schedule = new Schedule();
  const clock = new RtcMC146818(() => now, EVENING);
  clock.connect({ changed: () => schedule.refresh(), interrupt: (level) => void (level && rises.push(now)) });
  schedule.add(clock, () => true);
  return {
    clock,
    rises,
    until(time) {
      while (schedule.next <= time) {
        now = schedule.next;
        schedule.advance(now);
      }
      now = time;
    },
    cause() {
      clock.out(0, 12);
      return clock.in(1);
    },
  };
}

Deno.test("RtcMC146818 interrupts once until status C is read, and shows the cause there", () => {
  const { clock, rises, until, cause } = running();
  set(clock, 11, 2 | 0x10);
  until(3.5e9);
  assertEquals(
    [rises, cause(), cause()],
    [[1e9], 0xd0, 0],
    "update ended, and the rate of 1024 Hz has passed",
  );
  until(4e9);
  assertEquals(rises, [1e9, 4e9]);
});

/** Data sheet, table 5, with a time base of 32768 Hz. */
for (const [rate, hertz] of [[1, 256], [2, 128], [3, 8192], [6, 1024], [15, 2]] as const) {
  Deno.test(`RtcMC146818's periodic interrupt has ${hertz} Hz at rate ${rate}`, () => {
    const { clock, rises, until, cause } = running();
    set(clock, 10, 0x20 | rate);
    set(clock, 11, 2 | 0x40);
    for (let n = 1; n <= hertz; n++) {
      until(Math.ceil(n * 1e9 / hertz));
      assertEquals(cause() & 0xc0, 0xc0);
    }
    assertEquals(rises.length, hertz);
  });
}

/** It is 21:59:58 at time 0. Alarms: hours, minutes, seconds; when they come, in seconds. */
for (
  const [alarm, seconds] of [
    [[0x22, 0x00, 0x03], 5],
    [[0xff, 0x00, 0x03], 5],
    [[0xff, 0xff, 0x00], 2],
    [[0xff, 0xff, 0xff], 1],
    [[0x21, 0x59, 0x58], 86_400],
    [[0x25, 0x00, 0x00], Infinity],
  ] as const
) {
  Deno.test(`RtcMC146818's alarm for ${alarm.map((part) => part.toString(16)).join(":")} comes after ${seconds} s`, () => {
    const { clock, rises, until } = running();
    for (const [n, register] of [5, 3, 1].entries()) set(clock, register, alarm[n]!);
    set(clock, 11, 2 | 0x20);
    until(1e14);
    assertEquals(rises, seconds === Infinity ? [] : [seconds * 1e9]);
  });
}

Deno.test("RtcMC146818 takes a date that is set while SET is up as a whole, and stands still meanwhile", () => {
  const { clock, until } = running();
  set(clock, 11, 2 | 0x80);
  for (const [register, value] of [[9, 0x24], [8, 0x02], [7, 0x29], [4, 0x12]] as const) {
    set(clock, register, value);
  }
  until(5e9);
  assertEquals(shown(clock), "20 24 02 29 12 59 58");
  set(clock, 11, 2);
  until(8e9);
  assertEquals(shown(clock), "20 24 02 29 13 00 01");
  set(clock, 2, 0x30);
  assertEquals(shown(clock), "20 24 02 29 13 30 01", "a register at once");
});
