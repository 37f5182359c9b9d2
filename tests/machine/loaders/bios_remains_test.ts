/** IBM PS/2 and PC BIOS Interface Technical Reference, sections 2 (interrupts) and 3 (data areas). */
import { assertEquals } from "@std/assert";
import { PIT_HERTZ } from "../../../src/machine/devices/8254_pit.ts";
import { ENGINE_NAMES, type EngineName } from "../../../src/machine/engines.ts";
import { leaveBiosRemains } from "../../../src/machine/loaders/bios_remains.ts";
import { bootMachine, type Machine } from "../../../src/machine/machine.ts";
import { forced } from "../../_support/forced.ts";

for (
  const [what, address, bytes] of [
    ["the first serial port's address", 0x400, [0xf8, 0x03]],
    ["the second's", 0x402, [0xf8, 0x02]],
    ["no third", 0x404, [0, 0]],
    ["the extended data area's segment", 0x40e, [0xc0, 0x9f]],
    ["equipment: x87, 80 columns, two serial ports", 0x410, [0x22, 0x04]],
    ["kilobytes of base memory", 0x413, [0x7f, 0x02]],
    ["video mode 3, 80 columns, 4096 bytes a page", 0x449, [3, 80, 0, 0, 0x10]],
    ["the CRT controller's port", 0x463, [0xd4, 0x03]],
    ["25 lines of 16 dots", 0x484, [24, 16, 0]],
    ["the extended data area's kilobytes", 0x9_fc00, [1]],
  ] as const
) {
  Deno.test(`leaveBiosRemains() tells ${what}`, () => {
    const ram = new Uint8Array(0x10_0000);
    leaveBiosRemains(ram);
    assertEquals([...ram.subarray(address, address + bytes.length)], [...bytes]);
  });
}

const BASE = 0x7c00;
/** Descriptors of flat 16-bit code and data, and what LGDT and LIDT load. */
const TABLES = BASE + 0x100, GDTR = TABLES + 0x18, IDTR = TABLES + 0x20;
const RESULTS = 0x500, STACK = 0x7000;

const word = (value: number): number[] => [value & 0xff, value >> 8];
const long = (value: number): number[] => [...word(value & 0xffff), ...word(value >>> 16)];

/** A flat kernel that goes to real mode, where it executes `code`, and ends. */
function realModeKernel(code: readonly number[]): Uint8Array {
  // deno-fmt-ignore
  const there = [
    0x0f, 0x01, 0x15, ...long(GDTR), // LGDT
    0xea, ...long(BASE + 14), ...word(8), // JMP to 16-bit code
    0xb8, ...word(0x10), 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, // data segments
    0x0f, 0x20, 0xc0, 0x24, 0xfe, 0x0f, 0x22, 0xc0, // CR0.PE ← 0
    0xea, ...word(BASE + 36), ...word(0), // JMP to segment 0
    0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0xbc, ...word(STACK), // segments 0, SP
    0x0f, 0x01, 0x1e, ...word(IDTR), // LIDT
  ];
  const end = [0xb0, 1, 0xe6, 0xf4]; // MOV AL, 1; OUT F4H, AL
  const kernel = new Uint8Array(0x200);
  kernel.set([...there, ...code, ...end]);
  const descriptors = [0, 0, 0xffff, 0x9b00, 0xffff, 0x9300];
  kernel.set(descriptors.flatMap(long), TABLES - BASE);
  kernel.set([...word(0x17), ...long(TABLES)], GDTR - BASE);
  kernel.set([...word(0x3ff), ...long(0)], IDTR - BASE);
  return kernel;
}

function runInRealMode(code: readonly number[], engine: EngineName): Machine {
  const kernel = realModeKernel(code);
  const machine = bootMachine({ kernel, ...forced(engine), memory: 0x40_0000, loadAddress: BASE });
  assertEquals(machine.run({ instructions: 1e7 }), { kind: "exit", code: 3 });
  return machine;
}

for (const engine of ENGINE_NAMES) {
  for (
    const [vector, ax, carry] of [
      [0x05, 0x1234, 0],
      [0x08, 0x1234, 0],
      [0x10, 0x1234, 0],
      [0x13, 0x8634, 1],
      [0x15, 0x8634, 1],
      [0x16, 0x1234, 0],
      [0x70, 0x1234, 0],
      [0xff, 0x1234, 0],
    ] as const
  ) {
    const name = `${vector.toString(16)}H`;
    Deno.test(`INT ${name} comes back from a BIOS without services (${engine})`, () => {
      // MOV AX, 1234H; CLC; INT n; MOV [RESULTS], AX; SBB AX, AX; MOV [RESULTS+2], AX; MOV [RESULTS+4], SP
      // deno-fmt-ignore
      const machine = runInRealMode([
        0xb8, 0x34, 0x12, 0xf8, 0xcd, vector, 0xa3, ...word(RESULTS),
        0x19, 0xc0, 0xa3, ...word(RESULTS + 2), 0x89, 0x26, ...word(RESULTS + 4),
      ], engine);
      assertEquals([...machine.readPhysical(RESULTS, 6)], [
        ...word(ax),
        ...word(carry * 0xffff),
        ...word(STACK),
      ]);
    });
  }

  /** Writes of bytes to ports. */
  const out = (...writes: readonly (readonly [port: number, value: number])[]): number[] =>
    writes.flatMap(([port, value]) => [0xb0, value, 0xe6, port]);
  for (
    const [what, masks, start] of [
      // The timer, faster than the BIOS leaves it: counter 0, mode 2.
      ["first", [0xfe, 0xff], out([0x43, 0x34], [0x40, 0xff], [0x40, 0])],
      // The real-time clock: periodic interrupts.
      ["second", [0xfb, 0xfe], out([0x70, 11], [0x71, 0x42])],
    ] as const
  ) {
    Deno.test(`the BIOS ends an interrupt from the ${what} 8259 there (${engine})`, () => {
      const [master, slave] = masks;
      // deno-fmt-ignore
      const machine = runInRealMode([
        ...out([0x20, 0x11], [0x21, 0x08], [0x21, 4], [0x21, 1]), ...out([0xa0, 0x11], [0xa1, 0x70], [0xa1, 2], [0xa1, 1]),
        ...out([0x21, master], [0xa1, slave]), ...start,
        0xfb, 0xf4, 0xfa, // STI; HLT; CLI
        ...out([0x20, 0x0b]), 0xe4, 0x20, 0xa2, ...word(RESULTS), // in-service register
        ...out([0xa0, 0x0b]), 0xe4, 0xa0, 0xa2, ...word(RESULTS + 1),
      ], engine);
      assertEquals([...machine.readPhysical(RESULTS, 2)], [0, 0]);
    });
  }
}

Deno.test("a kernel finds the timer and the 8259 pair as a BIOS leaves them", () => {
  // Real-time clock, mouse, x87 and disk; timer, keyboard, the second chip, diskette.
  const open = [0, 1, 2, 6, 8, 12, 13, 14];
  // IN AL, 21H; MOV [RESULTS], AL; IN AL, A1H; MOV [RESULTS+1], AL; OUT 43H with E2H (read back counter 0); IN AL, 40H
  // deno-fmt-ignore
  const machine = runInRealMode([
    0xe4, 0x21, 0xa2, ...word(RESULTS), 0xe4, 0xa1, 0xa2, ...word(RESULTS + 1),
    0xb0, 0xe2, 0xe6, 0x43, 0xe4, 0x40, 0xa2, ...word(RESULTS + 2),
  ], "auto");
  const [first, second, status] = machine.readPhysical(RESULTS, 3);
  assertEquals([...Array(16).keys()].filter((line) => ((first! | second! << 8) >> line & 1) === 0), open);
  // Output up, the count not loaded before the timer's first pulse, 16 bits, mode 2, binary.
  assertEquals(status, 0x80 | 0x40 | 0x30 | 2 << 1);
});

Deno.test("a kernel finds the keyboard enabled, with interrupts and translated scan codes", () => {
  // MOV AL, 20H; OUT 64H, AL; IN AL, 60H (the command byte: QEMU 7.2 and SeaBIOS have it so, too); MOV [RESULTS], AL
  const machine = runInRealMode([0xb0, 0x20, 0xe6, 0x64, 0xe4, 0x60, 0xa2, ...word(RESULTS)], "auto");
  assertEquals([...machine.readPhysical(RESULTS, 1)], [0x61]);
});

/** STI; HLT; CLI, so many times. */
const ticks = (count: number): readonly number[] =>
  Array.from({ length: count }, () => [0xfb, 0xf4, 0xfa]).flat();

for (
  const [what, from, count, expected] of [
    ["18.2 times a second", 0, 3, [3, 0, 0, 0, 0]],
    ["up to midnight", 0x18_00ae, 3, [1, 0, 0, 0, 1]],
  ] as const
) {
  Deno.test(`the BIOS counts the time of day ${what}, and calls INT 1CH`, () => {
    const HANDLER = 0x700;
    // Its handler: INC WORD CS:[RESULTS]; IRET.
    // deno-fmt-ignore
    const machine = runInRealMode([
      0xc7, 0x06, ...word(4 * 0x1c), ...word(HANDLER), 0xc7, 0x06, ...word(4 * 0x1c + 2), ...word(0),
      0xc7, 0x06, ...word(HANDLER), ...word(0xff2e), 0xc7, 0x06, ...word(HANDLER + 2), ...word(0x0006 | RESULTS << 8),
      0xc7, 0x06, ...word(HANDLER + 4), ...word(RESULTS >> 8 | 0xcf00),
      0x66, 0xc7, 0x06, ...word(0x46c), ...long(from),
      ...ticks(count),
    ], "auto");
    assertEquals([...machine.readPhysical(0x46c, 5)], [...expected]);
    assertEquals([...machine.readPhysical(RESULTS, 2)], word(count));
    const period = 0x1_0000 * 1e9 / PIT_HERTZ;
    assertEquals(Math.floor(machine.skippedTime / period + 0.01), count);
  });
}
