/** ACPI 6.4, sections 4.8.3 (fixed hardware), 5.2.10 (the FACS) and 16.1.3 (S3). */
import { assertEquals } from "@std/assert";
import { ACPI_BASE, ALIGNMENT } from "../../src/machine/acpi/tables.ts";
import { ENGINE_NAMES, type EngineName } from "../../src/machine/engines.ts";
import { bootMachine, type Machine } from "../../src/machine/machine.ts";
import { loadMachine } from "../../src/machine/snapshot/load.ts";
import { forced } from "../_support/forced.ts";

const BASE = 0x8000;
/** Offsets into the kernel: real-mode code, 32-bit code. */
const REAL = 0x123, PROTECTED = 0x180;
const WAKING_VECTOR = ACPI_BASE + ALIGNMENT + 12, X_WAKING_VECTOR = ACPI_BASE + ALIGNMENT + 24;
const PM1_STATUS = 0x600, PM1_ENABLE = 0x602, PM1_CONTROL = 0x604;
const RESULTS = 0x500;

const word = (value: number): number[] => [value & 0xff, value >> 8];
const long = (value: number): number[] => [...word(value & 0xffff), ...word(value >>> 16)];
/** In 32-bit code: MOV DWORD [address], value; OUT of a byte to a low port; OUT of a word to any. */
const store = (address: number, value: number): number[] => [0xc7, 0x05, ...long(address), ...long(value)];
const out = (port: number, value: number): number[] => [0xb0, value, 0xe6, port];
/** The real-time clock's alarm every second; 22H in status B interrupts then. */
const alarms = (statusB: number): number[] => [
  ...[1, 3, 5].flatMap((register) => [...out(0x70, register), ...out(0x71, 0xc0)]),
  ...out(0x70, 11),
  ...out(0x71, statusB),
];
const outWord = (
  port: number,
  value: number,
): number[] => [0x66, 0xb8, ...word(value), 0x66, 0xba, ...word(port), 0x66, 0xef];

interface Case {
  /** The fields of the FACS. */
  readonly vector?: number;
  readonly xVector?: number;
  /** Whether the clock's alarm is set, and wakes. */
  readonly alarm?: boolean;
  readonly wakes?: boolean;
}

/** A kernel that sleeps, and counts at RESULTS + 4 when it has been woken up. */
function kernel({ vector = 0, xVector = 0, alarm = true, wakes = true }: Case): Uint8Array {
  const kernel = new Uint8Array(0x200);
  kernel.set([
    ...store(WAKING_VECTOR, vector),
    ...store(X_WAKING_VECTOR, xVector),
    ...alarms(alarm ? 0x22 : 2),
    // The timer and the 8259 are not as the BIOS has left them.
    ...out(0x43, 0x30),
    ...out(0x21, 0xff),
    ...outWord(PM1_ENABLE, wakes ? 0x400 : 0),
    ...store(RESULTS, 1),
    ...outWord(PM1_CONTROL, 0x2400),
    ...store(RESULTS, 2),
    0xf4,
  ]);
  // deno-fmt-ignore
  const wake = [
    0xe4, 0x21, 0xa2, ...word(RESULTS + 12), // IN AL, 21H; MOV [..], AL
    0xba, ...word(PM1_STATUS), 0xed, 0xa3, ...word(RESULTS + 8), // MOV DX, ..; IN AX, DX; MOV [..], AX
    0x8c, 0xc8, 0xa3, ...word(RESULTS + 10), // MOV AX, CS; MOV [..], AX
    0xfe, 0x06, ...word(RESULTS + 4), // INC BYTE [..]
    ...out(0xf4, 1),
  ];
  kernel.set(wake, REAL);
  // INC DWORD [..]
  kernel.set([0xff, 0x05, ...long(RESULTS + 4), ...out(0xf4, 2)], PROTECTED);
  return kernel;
}

function boot(test: Case, engine: EngineName = "auto"): Machine {
  return bootMachine({
    kernel: kernel(test),
    ...forced(engine),
    memory: 0x40_0000,
    loadAddress: BASE,
    processors: 2,
  });
}
const bytes = (machine: Machine, at: number, size: number): number[] => [...machine.readPhysical(at, size)];

for (const engine of ENGINE_NAMES) {
  Deno.test(`a machine in S3 is woken up by the clock's alarm, at the waking vector in real mode (${engine})`, () => {
    const machine = boot({ vector: BASE + REAL }, engine);
    assertEquals(machine.run(), { kind: "exit", code: 3 });
    // RAM is kept, and nothing was executed behind the sleep.
    assertEquals(bytes(machine, RESULTS, 5), [1, 0, 0, 0, 1]);
    // WAK_STS and RTC_STS; CS; the 8259 is as the BIOS leaves it.
    assertEquals(bytes(machine, RESULTS + 8, 5), [...word(0x8400), ...word((BASE + REAL) >> 4), 0xb8]);
    assertEquals(machine.skippedTime > 0.9e9 && machine.skippedTime < 1e9, true);
  });
}

for (
  const [what, test, stop] of [
    ["is entered in protected mode at the second waking vector", {
      vector: BASE + REAL,
      xVector: BASE + PROTECTED,
    }, { kind: "exit", code: 5 }],
    ["without a waking vector is reset", {}, { kind: "reset" }],
    ["sleeps on without an alarm", { alarm: false }, { kind: "halt", awaitsInput: false }],
    ["sleeps on if the alarm may not wake it", { wakes: false }, { kind: "halt", awaitsInput: false }],
  ] as const
) {
  Deno.test(`a machine in S3 ${what}`, () => {
    assertEquals(boot(test).run(), stop);
  });
}

Deno.test("a machine in S3 sleeps as long as run() lets it, and in a snapshot", async () => {
  const machine = boot({ vector: BASE + REAL });
  assertEquals(machine.run({ idle: 1e8 }), { kind: "budget" });
  assertEquals(machine.skippedTime, 1e8);
  const resumed = await loadMachine(await machine.snapshot());
  for (const one of [machine, resumed]) {
    assertEquals(one.run(), { kind: "exit", code: 3 });
    assertEquals(bytes(one, RESULTS, 5), [1, 0, 0, 0, 1]);
  }
  assertEquals(resumed.skippedTime, machine.skippedTime);
  assertEquals(resumed.instructions, machine.instructions);
});

Deno.test("firmware starts anew when the machine wakes up, and finds shutdown status FEH", () => {
  const firmware = new Uint8Array(0x1_0000);
  const outWord = (
    port: number,
    value: number,
  ): number[] => [0xb8, ...word(value), 0xba, ...word(port), 0xef];
  // deno-fmt-ignore
  firmware.set([
    ...out(0x70, 0x0f), 0xe4, 0x71, 0x3c, 0xfe, // IN AL, 71H; CMP AL, FEH
    0x75, 9, // JNE behind
    0x31, 0xc0, 0x8e, 0xd8, 0xa0, ...word(RESULTS), 0xe6, 0xf4, // XOR AX, AX; MOV DS, AX; MOV AL, [..]; OUT F4H, AL
    ...alarms(0x22),
    0x31, 0xc0, 0x8e, 0xd8, 0xc6, 0x06, ...word(RESULTS), 7, // XOR AX, AX; MOV DS, AX; MOV BYTE [..], 7
    ...outWord(PM1_ENABLE, 0x400), ...outWord(PM1_CONTROL, 0x2400), 0xf4,
  ]);
  // JMP F000:0
  firmware.set([0xea, 0, 0, 0, 0xf0], 0xfff0);
  const machine = bootMachine({ firmware, memory: 0x40_0000 });
  assertEquals(machine.run(), { kind: "exit", code: 15 });
});
