import { assertEquals } from "@std/assert";
import { Bus } from "../../../src/machine/bus.ts";
import { KeyboardController8042 } from "../../../src/machine/devices/8042_keyboard.ts";

function controller(): { bus: Bus; chip: KeyboardController8042; events: string[] } {
  const bus = new Bus(), events: string[] = [];
  const chip = new KeyboardController8042({
    interrupt: (level) => events.push(level ? "up" : "down"),
    reset: () => events.push("reset"),
  });
  for (const port of chip.ports) bus.addPorts(port);
  return { bus, chip, events };
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
    ["the keyboard's identity", [], [0xf2], [0xfa, 0xab, 0x83]],
    ["lights, with their argument", [], [0xed, 7], [0xfa, 0xfa]],
    ["which scan codes", [], [0xf0, 0], [0xfa, 0xfa, 2]],
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
  assertEquals(answers(second.bus), [0xfa, 0xab, 0x83, 9]);
});
