import { assertEquals } from "@std/assert";
import { Bus } from "../../../src/machine/bus.ts";
import { KeyboardController8042 } from "../../../src/machine/devices/8042_keyboard.ts";

interface Board {
  readonly bus: Bus;
  readonly chip: KeyboardController8042;
  readonly events: string[];
  /** Lets virtual time pass: cycles. */
  pass(cycles: number): void;
}

function controller(): Board {
  const bus = new Bus(), events: string[] = [];
  let now = 0;
  const chip = new KeyboardController8042({
    interrupt: (level) => events.push(level ? "up" : "down"),
    reset: () => events.push("reset"),
    changed: () => {},
    now: () => now,
  });
  for (const port of chip.ports) bus.addPorts(port);
  const pass = (cycles: number): void => {
    now += cycles;
    if (chip.nextEvent() <= now) chip.advance(now);
  };
  return { bus, chip, events, pass };
}

/** Everything that waits to be read. */
function answers(bus: Bus): number[] {
  const read: number[] = [];
  while ((bus.in(0x64, 1) & 1) !== 0) read.push(bus.in(0x60, 1));
  return read;
}

/** Bytes for port 64H, then for port 60H, and the answers. */
const COMMANDS: readonly (readonly [name: string, commands: number[], data: number[], answers: number[]])[] =
  [
    ["self test", [0xaa], [], [0x55]],
    ["the keyboard's line passes", [0xab], [], [0]],
    ["there is no mouse", [0xa9], [], [1]],
    ["the command byte", [0x20], [], [0x64]],
    ["the output port: address line 20 enabled", [0xd0], [], [3]],
    ["a byte is echoed", [0xd2], [0x42], [0x42]],
    ["the keyboard's reset", [], [0xff], [0xfa, 0xaa]],
    ["the keyboard's identity, translated", [], [0xf2], [0xfa, 0xab, 0x41]],
    ["lights, with their argument", [], [0xed, 7], [0xfa, 0xfa]],
    ["which scan codes, translated", [], [0xf0, 0], [0xfa, 0xfa, 0x41]],
    ["which scan codes, after set 1 was chosen", [], [0xf0, 1, 0xf0, 0], [0xfa, 0xfa, 0xfa, 0xfa, 0x43]],
    ["there is no scan code set 3", [], [0xf0, 3], [0xfa, 0xfe]],
    ["no command of the keyboard", [], [0x01], [0xfe]],
  ];

for (const [name, commands, data, expected] of COMMANDS) {
  Deno.test(`KeyboardController8042: ${name}`, () => {
    const { bus } = controller();
    for (const command of commands) bus.out(0x64, 1, command);
    for (const byte of data) bus.out(0x60, 1, byte);
    assertEquals(answers(bus), expected);
  });
}

Deno.test("KeyboardController8042 interrupts once for each byte, where the command byte enables it", () => {
  const { bus, events } = controller();
  bus.out(0x60, 1, 0xf4);
  assertEquals([answers(bus), events], [[0xfa], []]);
  bus.out(0x64, 1, 0x60);
  bus.out(0x60, 1, 0x65);
  bus.out(0x60, 1, 0xff);
  assertEquals([answers(bus), events], [[0xfa, 0xaa], ["up", "down", "up", "down"]]);
});

Deno.test("KeyboardController8042 resets the machine with pulse FEH and by its output port, not with FFH", () => {
  const { bus, events } = controller();
  bus.out(0x64, 1, 0xff);
  assertEquals(events, []);
  bus.out(0x64, 1, 0xfe);
  bus.out(0x64, 1, 0xd1);
  bus.out(0x60, 1, 2);
  assertEquals(events, ["reset", "reset"]);
});

Deno.test("KeyboardController8042 goes on where its saved state was", () => {
  const first = controller(), second = controller();
  first.bus.out(0x60, 1, 0xf2);
  first.bus.out(0x64, 1, 0xd2);
  second.chip.loadState(first.chip.stateFormat.shape.check(first.chip.saveState(), "8042"));
  second.bus.out(0x60, 1, 9);
  assertEquals(answers(second.bus), [0xfa, 0xab, 0x41, 9]);
});

/** As long as a byte takes on the keyboard's line: 11 bits at 10 kHz. */
const BYTE = 1.1e6;
const ACKNOWLEDGE = 0xfa;

Deno.test("KeyboardController8042 gives what is typed a byte at a time, as fast as the line", () => {
  const { bus, chip, events, pass } = controller();
  bus.out(0x64, 1, 0x60);
  bus.out(0x60, 1, 0x45);
  chip.move("ArrowUp", true);
  chip.move("ArrowUp", false);
  const seen: number[][] = [];
  for (let n = 0; n < 4; n++) {
    seen.push(answers(bus));
    pass(BYTE - 1);
    assertEquals(answers(bus), []);
    pass(1);
  }
  assertEquals([seen, answers(bus)], [[[0xe0], [0x48], [0xe0], [0xc8]], []]);
  assertEquals(events, Array(4).fill(["up", "down"]).flat());
  assertEquals(bus.in(0x60, 1), 0xc8, "what was read last is read again");
});

Deno.test("KeyboardController8042 holds back what is typed while its line or scanning is off", () => {
  const { bus, chip, pass } = controller();
  const off: readonly (readonly [turnOff: () => void, turnOn: () => void])[] = [
    [() => bus.out(0x64, 1, 0xad), () => bus.out(0x64, 1, 0xae)],
    [() => bus.out(0x60, 1, 0xf5), () => bus.out(0x60, 1, 0xf4)],
  ];
  for (const [turnOff, turnOn] of off) {
    turnOff();
    answers(bus);
    chip.move("KeyA", true);
    pass(BYTE);
    assertEquals([answers(bus), chip.typed], [[], 1]);
    turnOn();
    const read = answers(bus);
    pass(BYTE);
    assertEquals([...read, ...answers(bus)].filter((byte) => byte !== ACKNOWLEDGE), [0x1e]);
  }
});

Deno.test("KeyboardController8042 waits for keys where they would interrupt and there are none", () => {
  const { bus, chip } = controller();
  assertEquals(chip.wantsKeys, false);
  bus.out(0x64, 1, 0x60);
  bus.out(0x60, 1, 0x45);
  assertEquals(chip.wantsKeys, true);
  chip.move("KeyA", true);
  assertEquals(chip.wantsKeys, false);
  assertEquals([answers(bus), chip.wantsKeys], [[0x1e], true]);
});
