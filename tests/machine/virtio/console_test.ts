import { assertEquals } from "@std/assert";
import { VirtioConsole } from "../../../src/machine/virtio/console.ts";
import { bootMachine } from "../../../src/machine/machine.ts";
import { loadMachine } from "../../../src/machine/snapshot/load.ts";
import { board, DATA, type Descriptor, NEXT, REQUEST, WRITE } from "./_board.ts";

const RECEIVE = 0, TRANSMIT = 1;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function console() {
  const printed: number[] = [];
  const device = new VirtioConsole({ view: () => undefined, wrote: () => {} }, (byte) => printed.push(byte));
  const driver = board({ disks: [], console: device });
  driver.start(0, 2);
  const read = (length: number): string => new TextDecoder().decode(driver.ram.subarray(DATA, DATA + length));
  return { ...driver, device, read, printed: () => new TextDecoder().decode(Uint8Array.from(printed)) };
}

Deno.test("VirtioConsole prints all buffers of a request (virtio 1.2, section 5.3.6)", () => {
  const { ram, send, printed, used } = console();
  ram.set(bytes("hello"), REQUEST);
  send([[REQUEST, 2, NEXT, 1], [REQUEST + 2, 3, 0, 0]], 0, TRANSMIT);
  assertEquals([printed(), used(TRANSMIT)], ["hello", 1]);
});

Deno.test("VirtioConsole gives what is typed to the guest's buffers, and keeps the rest", () => {
  const { device, send, used, lastLength, read } = console();
  assertEquals(device.wantsInput, false);
  send([[DATA, 4, WRITE, 0]]);
  assertEquals([used(), device.wantsInput], [0, true]);
  device.receive(bytes("typed"));
  assertEquals([used(), lastLength(), read(4), device.wantsInput], [1, 4, "type", false]);
  device.receive(bytes("!"));
  send([[DATA, 1, NEXT | WRITE, 1], [DATA + 1, 3, WRITE, 0]]);
  assertEquals([used(), lastLength(), read(2), device.wantsInput], [2, 2, "d!", false]);
});

const BAD: Readonly<Record<string, readonly [queue: number, descriptors: readonly Descriptor[]]>> = {
  "a buffer to write into where it prints": [TRANSMIT, [[REQUEST, 1, NEXT, 1], [DATA, 1, WRITE, 0]]],
  "a buffer to read where it types": [RECEIVE, [[DATA, 1, 0, 0]]],
};
for (const [name, [queue, descriptors]] of Object.entries(BAD)) {
  Deno.test(`VirtioConsole needs a reset after ${name}`, () => {
    const { send, status, printed } = console();
    send(descriptors, 0, queue);
    assertEquals([status(), printed()], [0x4f, ""]);
  });
}

Deno.test("VirtioConsole's snapshot has what was typed and whether the guest waits", () => {
  const { device } = console(), { device: resumed, send, read } = console();
  device.receive(bytes("early"));
  resumed.loadState(resumed.stateFormat.shape.check(device.saveState(), "console"));
  send([[DATA, 16, WRITE, 0]]);
  assertEquals(read(5), "early");
});

/** Reads the IDs of the function in slot 1: mov eax, 80000800h; mov dx, CF8h; out dx, eax; mov dl, FCh; in eax, dx; hlt. */
const READ_ID = [0xb8, 0, 8, 0, 0x80, 0x66, 0xba, 0xf8, 0x0c, 0xef, 0xb2, 0xfc, 0xed, 0xf4];

Deno.test("bootMachine() has the virtio console where it is asked for, and so have its snapshots", async () => {
  for (const virtioConsole of [true, false]) {
    const machine = bootMachine({
      kernel: new Uint8Array(READ_ID),
      loadAddress: 0x1_0000,
      memory: 1 << 20,
      virtioConsole,
    });
    machine.run();
    assertEquals(Number(machine.get("rax")), virtioConsole ? 0x1043_1af4 : 0xffff_ffff);
    const resumed = await loadMachine(await machine.snapshot());
    assertEquals([machine, resumed].map(({ virtioConsole: port }) => port !== undefined), [
      virtioConsole,
      virtioConsole,
    ]);
  }
});
