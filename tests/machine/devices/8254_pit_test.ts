import { assertEquals } from "@std/assert";
import { Pit8254 } from "../../../src/machine/devices/8254_pit.ts";
import { Oscillator } from "../../../src/machine/devices/oscillator.ts";
import { Schedule } from "../../../src/machine/schedule.ts";

const clock = new Oscillator(1_193_182);

/** A chip, its time in ticks, and the ticks at which the output of counter 0 has gone up and down. */
function timer(): {
  pit: Pit8254;
  edges: string[];
  until(tick: number): void;
  program(...bytes: number[]): void;
} {
  let now = 0, tick = 0;
  const edges: string[] = [];
  const schedule = new Schedule();
  const pit = new Pit8254({
    now: () => now,
    changed: () => schedule.refresh(),
    interrupt: (level) => edges.push(`${level ? "up" : "down"} ${tick}`),
  });
  schedule.add(pit, () => true);
  return {
    pit,
    edges,
    until(end) {
      const time = clock.timeOf(end);
      while (schedule.next <= time) {
        now = schedule.next;
        tick = clock.ticks(now);
        schedule.advance(now);
      }
      now = time;
      tick = end;
    },
    program(control, ...count) {
      pit.out(3, control);
      for (const byte of count) pit.out(control >> 6, byte);
    },
  };
}

Deno.test("Oscillator.timeOf() is the first cycle at which ticks() says so", () => {
  for (const hertz of [1_193_182, 32_768, 3_579_545]) {
    const oscillator = new Oscillator(hertz);
    for (let tick = 1; tick < 1e5 * hertz; tick = 3 * tick + 1) {
      const time = oscillator.timeOf(tick);
      assertEquals(
        [oscillator.ticks(time), oscillator.ticks(time - 1)],
        [tick, tick - 1],
        `${hertz} Hz, ${tick}`,
      );
    }
  }
});

/** Data sheet, "Mode definitions": edges of the output with gate up, a count of 5 or 6 written at tick 0, until tick 20. */
const EDGES = [
  // Down with the control word; up N + 1 clocks after the count is written.
  { mode: 0, count: 5, edges: ["down 0", "up 6"] },
  // No trigger comes.
  { mode: 1, count: 5, edges: [] },
  // Down for one clock, when the count is 1.
  { mode: 2, count: 5, edges: ["down 5", "up 6", "down 10", "up 11", "down 15", "up 16", "down 20"] },
  { mode: 3, count: 6, edges: ["down 4", "up 7", "down 10", "up 13", "down 16", "up 19"] },
  // Odd counts: up for (N + 1) / 2.
  { mode: 3, count: 5, edges: ["down 4", "up 6", "down 9", "up 11", "down 14", "up 16", "down 19"] },
  { mode: 4, count: 5, edges: ["down 6", "up 7"] },
  { mode: 5, count: 5, edges: [] },
  // Bit 2 of modes 2 and 3 is open.
  { mode: 6, count: 5, edges: ["down 5", "up 6", "down 10", "up 11", "down 15", "up 16", "down 20"] },
] as const;

for (const { mode, count, edges } of EDGES) {
  Deno.test(`Pit8254 counts ${count} in mode ${mode} as the data sheet's diagrams do`, () => {
    const chip = timer();
    chip.program(0x30 | (mode << 1), count, 0);
    chip.until(20);
    assertEquals(chip.edges, [...edges]);
  });
}

/** Counts that are read at ticks behind the write of 6 (7 in the last row), by mode. */
const COUNTS = [
  { mode: 0, count: 6, at: [1, 2, 7, 8], shown: [6, 5, 0, 0xffff] },
  { mode: 2, count: 6, at: [1, 2, 6, 7], shown: [6, 5, 1, 6] },
  { mode: 3, count: 6, at: [1, 2, 3, 4, 6, 7], shown: [6, 4, 2, 6, 2, 6] },
  { mode: 3, count: 7, at: [1, 2, 4, 5, 7, 8], shown: [6, 4, 0, 6, 2, 6] },
] as const;

for (const { mode, count, at, shown } of COUNTS) {
  Deno.test(`Pit8254 shows what is left of ${count} in mode ${mode}`, () => {
    const chip = timer();
    chip.program(0x30 | (mode << 1), count, 0);
    const read = at.map((tick) => (chip.until(tick), chip.pit.in(0) | (chip.pit.in(0) << 8)));
    assertEquals(read, [...shown]);
  });
}

Deno.test("Pit8254 counts in decimal, and 0 is the largest count", () => {
  const chip = timer();
  chip.program(0x31, 0x00, 0x10);
  chip.until(2);
  assertEquals([chip.pit.in(0), chip.pit.in(0)], [0x99, 0x09]);
  chip.program(0x31, 0, 0);
  chip.until(4);
  assertEquals([chip.pit.in(0), chip.pit.in(0)], [0x99, 0x99]);
  chip.program(0x30, 0, 0);
  chip.until(6);
  assertEquals([chip.pit.in(0), chip.pit.in(0)], [0xff, 0xff]);
});

Deno.test("Pit8254 keeps a latched count until both bytes have been read", () => {
  const chip = timer();
  chip.program(0x34, 0x00, 0x10);
  chip.until(2);
  chip.pit.out(3, 0);
  chip.until(0x100);
  chip.pit.out(3, 0);
  assertEquals([chip.pit.in(0), chip.pit.in(0)], [0xff, 0x0f]);
  assertEquals([chip.pit.in(0), chip.pit.in(0)], [0x01, 0x0f]);
});

Deno.test("Pit8254's read-back command latches status and count; the null flag is up until the count is loaded", () => {
  const chip = timer();
  chip.program(0x34, 6, 0);
  chip.pit.out(3, 0xc2);
  chip.until(3);
  assertEquals(
    [chip.pit.in(0), chip.pit.in(0), chip.pit.in(0)],
    [0xf4, 6, 0],
    "output up, null count, mode 2",
  );
  chip.pit.out(3, 0xe2);
  assertEquals(chip.pit.in(0), 0xb4, "status alone");
  chip.program(0x10, 9);
  chip.until(5);
  chip.pit.out(3, 0xee);
  assertEquals([chip.pit.in(0), chip.pit.in(0)], [0x10, 8], "output down, low byte only, mode 0");
});

Deno.test("Pit8254 takes a new count in mode 2 at the end of the running one", () => {
  const chip = timer();
  chip.program(0x34, 10, 0);
  chip.until(4);
  chip.pit.out(0, 3);
  chip.pit.out(0, 0);
  chip.until(18);
  assertEquals(chip.edges, ["down 10", "up 11", "down 13", "up 14", "down 16", "up 17"]);
});

/** The gate of counter 2. Data sheet, "Gate pin operations summary". */
Deno.test("Pit8254's gate stops counting in mode 0, and starts it over in modes 1 to 3 and 5", () => {
  const stopped = timer();
  stopped.program(0xb0, 5, 0);
  stopped.until(100);
  assertEquals([stopped.pit.tone, stopped.pit.in(2), stopped.pit.in(2)], [false, 5, 0]);
  stopped.pit.gate = true;
  stopped.until(104);
  assertEquals(stopped.pit.tone, false);
  stopped.until(105);
  assertEquals(stopped.pit.tone, true);
  for (const [mode, levels] of [[1, [true, false, false, true]], [5, [true, true, true, false]]] as const) {
    const chip = timer();
    chip.program(0xb0 | (mode << 1), 5, 0);
    chip.until(50);
    chip.pit.gate = true;
    const seen = [50, 51, 55, 56].map((tick) => (chip.until(tick), chip.pit.tone));
    assertEquals(seen, [...levels], `mode ${mode}`);
  }
  const wave = timer();
  wave.pit.gate = true;
  wave.program(0xb6, 4, 0);
  wave.until(4);
  assertEquals(wave.pit.tone, false);
  wave.pit.gate = false;
  assertEquals(wave.pit.tone, true, "up while the gate is down");
});

Deno.test("Pit8254 goes on where its saved state was", () => {
  const first = timer(), second = timer();
  first.program(0x34, 10, 0);
  first.until(8);
  second.until(8);
  second.pit.loadState(first.pit.stateFormat.shape.check(first.pit.saveState(), "8254"));
  first.edges.length = second.edges.length = 0;
  for (const chip of [first, second]) {
    chip.pit.out(3, 0xd2);
    chip.until(31);
  }
  assertEquals(second.edges, first.edges);
  assertEquals(second.edges.length, 6);
  assertEquals(second.pit.in(0), first.pit.in(0));
});
