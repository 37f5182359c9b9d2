import { assertEquals } from "@std/assert";
import { Bus } from "../../../src/machine/bus.ts";
import { Uart16550 } from "../../../src/machine/devices/16550_uart.ts";
import { Pic8259 } from "../../../src/machine/devices/8259_pic.ts";
import { FwCfg } from "../../../src/machine/devices/fw_cfg.ts";
import { IsaDebugExit } from "../../../src/machine/devices/isa_debug_exit.ts";

Deno.test("Bus: ports without a chip read as ones; wide accesses to byte registers are split", () => {
  const bus = new Bus(), written: number[][] = [];
  bus.addPorts({
    ports: [0x60, 2],
    in: (offset) => 0x10 + offset,
    out: (...given) => void written.push(given),
  });
  assertEquals([bus.in(0x50, 1), bus.in(0x50, 2), bus.in(0x50, 4)], [0xff, 0xffff, -1]);
  assertEquals(bus.in(0x60, 4) >>> 0, 0xffff_1110);
  bus.out(0x60, 2, 0xabcd);
  assertEquals(written, [[0, 0xcd, 1], [1, 0xab, 1]]);
  assertEquals(bus.read(0xfec0_0000, 4), -1);
});

Deno.test("FwCfg gives items byte by byte, then zeros", () => {
  const bus = new Bus();
  bus.addPorts(new FwCfg({ processors: 3, ram: 0x1234_5678, commandLine: "k a" }));
  const item = (key: number, bytes: number): number[] => {
    bus.out(0x510, 2, key);
    return Array.from({ length: bytes }, () => bus.in(0x511, 1));
  };
  assertEquals(String.fromCharCode(...item(0, 4)), "QEMU");
  assertEquals(item(3, 9), [0x78, 0x56, 0x34, 0x12, 0, 0, 0, 0, 0]);
  assertEquals([item(5, 2), item(0xf, 2)], [[3, 0], [3, 0]]);
  assertEquals([item(0x14, 4), item(0x15, 4)], [[4, 0, 0, 0], [107, 32, 97, 0]]);
  assertEquals(item(0x8002, 1), [1], "the timer comes to input 2 of the I/O APIC");
  assertEquals(item(0x77, 2), [0, 0]);
});

Deno.test("IsaDebugExit makes an odd exit code of one byte", () => {
  const bus = new Bus(), codes: number[] = [];
  bus.addPorts(new IsaDebugExit((code) => codes.push(code)));
  for (const value of [0, 3, 0x10, 0xff]) bus.out(0xf4, 4, value);
  assertEquals(codes, [1, 7, 33, 255]);
});

function uart(): { chip: Uart16550; sent: number[]; line: { level: boolean } } {
  const sent: number[] = [], line = { level: false };
  const chip = new Uart16550(0x3f8, {
    transmit: (byte) => sent.push(byte),
    interrupt: (level) => void (line.level = level),
  });
  return { chip, sent, line };
}

Deno.test("Uart16550 transmits, and receives in order", () => {
  const { chip, sent } = uart();
  chip.out(0, 65);
  assertEquals([sent, chip.in(5)], [[65], 0x60]);
  chip.receive([1, 2]);
  assertEquals([chip.in(5), chip.in(0), chip.in(0), chip.in(5)], [0x61, 1, 2, 0x60]);
  chip.out(3, 0x83);
  chip.out(0, 12);
  chip.out(1, 1);
  assertEquals([chip.in(0), chip.in(1), sent.length], [12, 1, 1], "divisor latch");
});

Deno.test("Uart16550 interrupts for received data, then for the transmitter, and says which", () => {
  const { chip, line } = uart();
  chip.out(4, 8);
  chip.out(1, 3);
  assertEquals([line.level, chip.in(2)], [true, 2]);
  assertEquals([line.level, chip.in(2)], [false, 1], "reading took it back");
  chip.receive([9]);
  assertEquals([line.level, chip.in(2)], [true, 4]);
  chip.in(0);
  assertEquals(line.level, false);
  chip.out(0, 1);
  assertEquals(chip.in(2), 2);
  chip.receive([9]);
  assertEquals(line.level, true);
  chip.out(4, 0x18);
  assertEquals(line.level, false, "loop-back");
  chip.out(4, 0);
  assertEquals(line.level, true, "OUT2 has no say");
});

Deno.test("Uart16550 in loop-back receives what it sends, and the modem lines", () => {
  const { chip, sent } = uart();
  chip.out(4, 0x1f);
  chip.out(0, 0xae);
  assertEquals([chip.in(0), sent, chip.in(6)], [0xae, [], 0xf0]);
});

function pic(): Pic8259 {
  const pair = new Pic8259(() => {});
  const [first, second] = pair.chips;
  for (const [chip, base, third] of [[first, 0x20, 4], [second, 0x28, 2]] as const) {
    chip.out(0, 0x11);
    for (const word of [base, third, 1]) chip.out(1, word);
    chip.out(1, 0);
  }
  return pair;
}

Deno.test("Pic8259 serves the lowest line first, and the others after its end of interrupt", () => {
  const pair = pic(), [first] = pair.chips;
  pair.setLine(4, true);
  pair.setLine(1, true);
  assertEquals(pair.acknowledge(), 0x21);
  assertEquals(pair.pending, false);
  first.out(0, 0x0b);
  assertEquals(first.in(0), 2, "in service");
  first.out(0, 0x20);
  assertEquals([pair.pending, pair.acknowledge()], [true, 0x24]);
});

Deno.test("Pic8259 serves the second chip through line 2", () => {
  const pair = pic(), [first, second] = pair.chips;
  pair.setLine(12, true);
  pair.setLine(9, true);
  assertEquals(pair.acknowledge(), 0x29);
  second.out(0, 0x20);
  first.out(0, 0x20);
  assertEquals(pair.acknowledge(), 0x2c);
});

/** 82371SB, ELCR1 and ELCR2: the lines of timer, keyboard, cascade, clock and FPU stay edge-triggered. */
Deno.test("Pic8259 has edge/level control registers, without the lines that are never level-triggered", () => {
  const pair = pic(), bus = new Bus();
  bus.addPorts(pair.edgeLevel);
  assertEquals([bus.in(0x4d0, 1), bus.in(0x4d1, 1)], [0, 0]);
  bus.out(0x4d0, 2, 0xffff);
  assertEquals([bus.in(0x4d0, 1), bus.in(0x4d1, 1)], [0xf8, 0xde]);
  bus.out(0x4d1, 1, 0);
  pair.setLevelTriggered(10);
  pair.setLevelTriggered(11);
  assertEquals([bus.in(0x4d0, 1), bus.in(0x4d1, 1)], [0xf8, 0x0c]);
  const resumed = new Pic8259(() => {});
  resumed.loadState(resumed.stateFormat.shape.check(pair.saveState(), "8259"));
  assertEquals(resumed.edgeLevel.in(1, 1), 0x0c);
});

for (const [trigger, again] of [["edge", false], ["level", true]] as const) {
  Deno.test(`Pic8259 asks again after the end of interrupt while a line is up, ${trigger}-triggered: ${again}`, () => {
    const pair = pic(), [first, second] = pair.chips;
    if (trigger === "level") pair.setLevelTriggered(10);
    pair.setLine(10, true);
    assertEquals([pair.acknowledge(), pair.pending], [0x2a, false]);
    second.out(0, 0x20);
    first.out(0, 0x20);
    assertEquals([pair.pending, second.in(0)], [again, again ? 4 : 0]);
    pair.setLine(10, false);
    assertEquals([pair.pending, second.in(0)], [false, 0]);
    pair.setLine(10, true);
    assertEquals(pair.acknowledge(), 0x2a);
  });
}

Deno.test("Pic8259 answers a spurious vector, and masks lines", () => {
  const pair = pic(), [first] = pair.chips;
  assertEquals(pair.acknowledge(), 0x27);
  first.out(1, 0x10);
  pair.setLine(4, true);
  assertEquals([pair.pending, first.in(1)], [false, 0x10]);
  first.out(1, 0);
  assertEquals(pair.pending, true);
});
