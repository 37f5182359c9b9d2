import { assert, assertEquals, assertThrows } from "@std/assert";
import { RandomNumbers } from "../../../src/cpu/random.ts";
import { VirtioEntropy } from "../../../src/machine/virtio/entropy.ts";
import { BadQueue, type Buffer } from "../../../src/machine/virtio/virtqueue.ts";
import { bootMachine } from "../../../src/machine/machine.ts";
import { loadMachine } from "../../../src/machine/snapshot/load.ts";

/** A device, and what it fills buffers of these lengths with. */
function device(seed: number) {
  const wrote: [number, number][] = [];
  const dma = { view: () => undefined, wrote: (at: number, length: number) => void wrote.push([at, length]) };
  const entropy = new VirtioEntropy(seed, dma);
  const fill = (...lengths: readonly number[]): number[] => {
    const writable: Buffer[] = lengths.map((length, n) => ({
      address: 0x1000 * n,
      bytes: new Uint8Array(length),
    }));
    assertEquals(entropy.serve(0, { readable: [], writable }), lengths.reduce((a, b) => a + b, 0));
    return writable.flatMap(({ bytes }) => [...bytes]);
  };
  return { entropy, fill, wrote };
}

Deno.test("VirtioEntropy fills all buffers with numbers of the seed, and tells where it wrote", () => {
  const one = device(1), same = device(1), other = device(2);
  const bytes = one.fill(3, 500);
  assertEquals(bytes, same.fill(503));
  assert(bytes.join() !== other.fill(503).join());
  assert(new Set(bytes).size > 200);
  assertEquals(one.wrote, [[0, 3], [0x1000, 500]]);
  const processor = new RandomNumbers(1);
  assert(bytes.join() !== bytes.map(() => processor.next() >>> 24).join(), "RDRAND would tell it");
});

Deno.test("VirtioEntropy goes on with the numbers that were to come", () => {
  const one = device(1), other = device(2);
  one.fill(7);
  other.entropy.loadState(one.entropy.saveState());
  assertEquals(one.fill(64), other.fill(64));
});

Deno.test("VirtioEntropy takes nothing to read", () => {
  const buffer = { address: 0, bytes: new Uint8Array(1) };
  assertThrows(() => device(1).entropy.serve(0, { readable: [buffer], writable: [] }), BadQueue);
});

/** Reads the IDs of the function in slot 1: mov eax, 80000800h; mov dx, CF8h; out dx, eax; mov dl, FCh; in eax, dx; hlt. */
const READ_ID = [0xb8, 0, 8, 0, 0x80, 0x66, 0xba, 0xf8, 0x0c, 0xef, 0xb2, 0xfc, 0xed, 0xf4];

Deno.test("bootMachine() puts the entropy device behind the disks, and its snapshots have it", async () => {
  const boot = (rng: boolean) =>
    bootMachine({ kernel: new Uint8Array(READ_ID), loadAddress: 0x1_0000, memory: 1 << 20, rng });
  for (const [rng, id] of [[true, 0x1044_1af4], [false, 0xffff_ffff]] as const) {
    const machine = boot(rng);
    machine.run();
    assertEquals(Number(machine.get("rax")), id);
    const resumed = await loadMachine(await machine.snapshot());
    assertEquals(resumed.configuration.rng, rng);
  }
});
