import { assert, assertEquals } from "@std/assert";
import { ENGINE_NAMES, type EngineName } from "../../../src/machine/engines.ts";
import { bootMachine, type Machine } from "../../../src/machine/machine.ts";
import { loadMachine } from "../../../src/machine/snapshot/load.ts";
import { forced } from "../../_support/forced.ts";

const CODE = 0x1_0000, SUBROUTINE = 0x1_1000, WRITES = 0x3_0000;
const TABLE = 0x4_0000, AVAILABLE = 0x5_0000, USED = 0x6_0000, REQUEST = 0x7_0000, STATUS = 0x8_0000;
const BAR = 0xe000_0000, NOTIFY = BAR + 0x3000;

/** Calls a subroutine three times, makes a list of 32-bit writes, calls it again, and ends with what it leaves in AL. */
const PROGRAM = [
  ...[0xbc, 0x00, 0x00, 0x09, 0x00], //       mov esp, 0x90000
  ...[0xb9, 0x03, 0x00, 0x00, 0x00], //       mov ecx, 3
  ...[0xe8, 0xf1, 0x0f, 0x00, 0x00], // some: call 0x11000
  ...[0x49, 0x75, 0xf8], //                   dec ecx; jnz some
  ...[0xbe, 0x00, 0x00, 0x03, 0x00], //       mov esi, 0x30000
  ...[0x8b, 0x3e, 0x85, 0xff], //       next: mov edi, [esi]; test edi, edi
  ...[0x74, 0x0a, 0x8b, 0x46, 0x04], //       jz done; mov eax, [esi + 4]
  ...[0x89, 0x07, 0x83, 0xc6, 0x08], //       mov [edi], eax; add esi, 8
  ...[0xeb, 0xf0], //                         jmp next
  ...[0xe8, 0xd4, 0x0f, 0x00, 0x00], // done: call 0x11000
  ...[0x66, 0xba, 0xf4, 0x00, 0xee], //       mov dx, 0xf4; out dx, al
];
/** mov al, 1; ret. On the disk AL becomes 5. */
const OLD = [0xb0, 0x01, 0xc3], NEW = [0xb0, 0x05, 0xc3];

/** A machine whose program reads the disk's second sector over its own subroutine. */
function boot(engine: EngineName): Machine {
  const kernel = new Uint8Array(SUBROUTINE - CODE + 0x200), image = new Uint8Array(0x1_0000);
  kernel.set(PROGRAM);
  kernel.set(OLD, SUBROUTINE - CODE);
  image.set(NEW, 512);
  const machine = bootMachine({
    kernel,
    loadAddress: CODE,
    memory: 1 << 20,
    ...forced(engine),
    disks: [{ image }],
  });
  const words = (at: number, ...values: readonly number[]): void =>
    machine.writePhysical(at, new Uint8Array(new Uint32Array(values).buffer));
  const [next, write] = [1, 2];
  words(TABLE, REQUEST, 0, 16, next | (1 << 16), SUBROUTINE, 0, 512, next | write | (2 << 16));
  words(TABLE + 32, STATUS, 0, 1, write);
  words(AVAILABLE, 1 << 16, 0);
  words(REQUEST, 0, 0, 1, 0);
  words(
    WRITES,
    ...[BAR + 0x14, 3, BAR + 0x08, 1, BAR + 0x0c, 1, BAR + 0x14, 0xb],
    ...[BAR + 0x20, TABLE, BAR + 0x28, AVAILABLE, BAR + 0x30, USED],
    ...[BAR + 0x1c, 1, BAR + 0x14, 0xf, NOTIFY, 0, 0],
  );
  return machine;
}

for (const engine of ENGINE_NAMES) {
  Deno.test(`VirtioBlock reads over code that was translated, which is forgotten (${engine})`, () => {
    assertEquals(boot(engine).run(), { kind: "exit", code: 0x0b });
  });
}

Deno.test("loadMachine() goes on with a virtio disk in the middle of its set-up, without the image", async () => {
  const whole = boot("interpreter");
  whole.run();
  for (let at = 10; at < whole.instructions; at += 7) {
    const machine = boot("interpreter");
    assertEquals(machine.run({ instructions: at }).kind, "budget");
    const resumed = await loadMachine(await machine.snapshot());
    assertEquals(resumed.run(), { kind: "exit", code: 0x0b }, `saved at ${at}`);
    assertEquals(resumed.instructions, whole.instructions);
  }
  assert(whole.instructions > 50);
});
