import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { AttachedDevice, Board } from "../../src/machine/attached_device.ts";
import type { MmioDevice, PortDevice } from "../../src/machine/bus.ts";
import { bootMachine } from "../../src/machine/machine.ts";
import { ENGINE_NAMES } from "../../src/machine/engines.ts";
import { loadMachine } from "../../src/machine/snapshot/load.ts";
import { SnapshotError } from "../../src/snapshot/file.ts";
import { u32 } from "../../src/snapshot/shape.ts";
import { forced } from "../_support/forced.ts";

/** Keeps what was written to it last; a write to its page also goes to RAM at 20000H, and raises its line. */
class Latch implements AttachedDevice {
  readonly stateFormat = { version: 1, shape: u32 };
  value = 0;
  #board: Board | undefined;
  readonly ports: readonly PortDevice[];
  readonly pages: readonly MmioDevice[];

  constructor(
    readonly name = "latch",
    port = 0x700,
    readonly page = 0xd000_0000,
    readonly line: number | undefined = 5,
  ) {
    this.ports = [{ ports: [port, 1], in: () => this.value, out: (_, value) => void (this.value = value) }];
    this.pages = [{ page, read: () => this.value, write: (_, value) => this.#write(value) }];
  }

  attach(board: Board): void {
    this.#board = board;
  }
  saveState(): number {
    return this.value;
  }
  loadState(value: number): void {
    this.value = value;
  }

  #write(value: number): void {
    this.value = value >>> 0;
    this.#board!.write(0x2_0000, new Uint8Array([value & 0xff]));
    this.#board!.interrupt(true);
  }
}

// deno-fmt-ignore
const PROGRAM = new Uint8Array([
  0x66, 0xba, 0x00, 0x07,                               // mov dx, 0x700
  0xb0, 0x2a, 0xee,                                     // mov al, 42; out dx, al
  0xa1, 0x00, 0x00, 0x00, 0xd0,                         // mov eax, [0xd0000000]
  0xa3, 0x04, 0x00, 0x02, 0x00,                         // mov [0x20004], eax
  0xc7, 0x05, 0x00, 0x00, 0x00, 0xd0, 0x07, 0, 0, 0,    // mov dword [0xd0000000], 7
  0x66, 0xba, 0x20, 0x00, 0xec,                         // mov dx, 0x20; in al, dx: the 8259's requests
  0xa2, 0x08, 0x00, 0x02, 0x00,                         // mov [0x20008], al
  0x66, 0xba, 0xf4, 0x00, 0xee,                         // mov dx, 0xf4; out dx, al
]);
const options = { kernel: PROGRAM, loadAddress: 0x1_0000, memory: 1 << 20 };

Deno.test("MachineOptions.devices are reached by port and address, write RAM and raise their lines", () => {
  const latch = new Latch();
  const machine = bootMachine({ ...options, devices: [latch] });
  machine.run();
  assertEquals(latch.value, 7);
  assertEquals([...machine.readPhysical(0x2_0000, 9)], [7, 0, 0, 0, 42, 0, 0, 0, 0x20]);
});

Deno.test("loadMachine() restores attached devices, and refuses others than were there", async () => {
  const machine = bootMachine({ ...options, devices: [new Latch()] });
  machine.run({ instructions: 3 });
  const snapshot = await machine.snapshot(), latch = new Latch();
  await loadMachine(snapshot, { devices: [latch] });
  assertEquals(latch.value, 42);
  await assertRejects(() => loadMachine(snapshot), SnapshotError, "attached latch");
  const more = { devices: [new Latch(), new Latch("other", 0x710, 0xd000_1000)] };
  await assertRejects(() => loadMachine(snapshot, more), SnapshotError, "attached other is missing");
});

/** Counts the milliseconds of virtual time that it has been told of. */
class Ticker implements AttachedDevice {
  readonly name = "ticker";
  readonly stateFormat = { version: 1, shape: u32 };
  ticks = 0;
  readonly times: number[] = [];

  nextEvent(): number {
    return (this.ticks + 1) * 1_000_000;
  }
  advance(now: number): void {
    this.ticks++;
    this.times.push(now);
  }
  saveState(): number {
    return this.ticks;
  }
  loadState(ticks: number): void {
    this.ticks = ticks;
  }
}

Deno.test("AttachedDevice.advance() is called at the moments of nextEvent(), also of a resumed machine", async () => {
  const spin = { kernel: new Uint8Array([0xeb, 0xfe]), loadAddress: 0x1_0000, memory: 1 << 20 };
  const ticker = new Ticker(), resumedTicker = new Ticker();
  const machine = bootMachine({ ...spin, devices: [ticker] });
  machine.run({ instructions: 2_500_000 });
  assertEquals(ticker.times, [1_000_000, 2_000_000]);
  const resumed = await loadMachine(await machine.snapshot(), { devices: [resumedTicker] });
  resumed.run({ instructions: 2_000_000 });
  assertEquals(resumedTicker.times, [3_000_000, 4_000_000]);
});

const REFUSED: readonly (readonly [devices: readonly Latch[], message: string])[] = [
  [[new Latch("a", 0x3f8)], "Cannot attach a: its port 0x3f8 is taken"],
  [[new Latch("a", 0x1_0000)], "port 0x10000 is taken, or none"],
  [[new Latch("a"), new Latch("b", 0x700, 0xd000_1000)], "Cannot attach b: its port 0x700"],
  [[new Latch("a"), new Latch("b", 0x701)], "Cannot attach b: its page 0xd0000000"],
  [[new Latch("a", 0x700, 0x1000)], "page 0x1000 is taken, in RAM"],
  [[new Latch("a", 0x700, 0xd000_0010)], "or no address of a page"],
  [[new Latch("a", 0x700, 0xd000_0000, 2)], "its line 2 is not from 3 to 15"],
  [[new Latch("a"), new Latch("a", 0x701, 0xd000_1000)], "there is one already"],
];

for (const [devices, message] of REFUSED) {
  Deno.test(`bootMachine() refuses devices: ${message}`, () => {
    assertThrows(() => bootMachine({ ...options, devices }), Error, message);
  });
}

for (const engine of ENGINE_NAMES) {
  Deno.test(`INS over code that was translated reads the port once, and the code is forgotten (${engine})`, () => {
    // deno-fmt-ignore
    const kernel = new Uint8Array([
      0xbc, 0x00, 0x00, 0x09, 0x00,             // mov esp, 0x90000
      0xb9, 0x03, 0x00, 0x00, 0x00,             // mov ecx, 3
      0xe8, 0x1b, 0x00, 0x00, 0x00,             // call returnsOne
      0x49, 0x75, 0xf8,                         // dec ecx; jnz back
      0x66, 0xba, 0x00, 0x07,                   // mov dx, 0x700
      0xbf, 0x2b, 0x00, 0x01, 0x00,             // mov edi, returnsOne + 1
      0x6c,                                     // insb
      0xe8, 0x09, 0x00, 0x00, 0x00,             // call returnsOne
      0x66, 0xba, 0xf4, 0x00, 0xee,             // mov dx, 0xf4; out dx, al
      0x90, 0x90, 0x90, 0x90,
      0xb0, 0x01, 0xc3,                         // returnsOne: mov al, 1; ret
    ]);
    const latch = new Latch();
    const counter: PortDevice = { ports: [0x700, 1], in: () => latch.value++, out: () => {} };
    const device = Object.assign(latch, { value: 5, ports: [counter] });
    const machine = bootMachine({ ...options, kernel, devices: [device], ...forced(engine) });
    assertEquals([machine.run(), latch.value], [{ kind: "exit", code: 0x0b }, 6]);
  });
}
