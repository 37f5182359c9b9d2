import { assert, assertEquals } from "@std/assert";
import { Disk } from "../../../src/machine/disk.ts";
import { InputSignal } from "../../../src/machine/input.ts";
import { attachNetwork } from "../../../src/machine/net/attach.ts";
import { Schedule } from "../../../src/machine/schedule.ts";
import { VirtioConsole } from "../../../src/machine/virtio/console.ts";
import { StatefulParts } from "../../../src/snapshot/stateful.ts";
import { ScriptedHost } from "../net/_guest.ts";
import {
  AVAILABLE,
  BAR,
  board,
  NEXT,
  QUEUE_BYTES,
  RAM_BYTES,
  REQUEST,
  TABLE,
  USED,
  WRITE,
} from "./_board.ts";

const DEVICES = ["disk", "random numbers", "network card", "console"] as const, BAR_STEP = 0x1_0000;
/** Offsets in the BAR that are worth a write: common configuration, ISR, notifications, MSI-X. */
const REGISTERS = [
  0,
  4,
  8,
  0xc,
  0x10,
  0x14,
  0x16,
  0x18,
  0x1a,
  0x1c,
  0x20,
  0x24,
  0x28,
  0x30,
  0x1000,
  0x2000,
  0x4000,
  0x400c,
];
const SIZES = [1, 2, 4] as const;

/** Drivers that do anything at all: descriptors, rings and registers at random, most of them nearly right. */
function storm(seed: number, rounds: number): { resets: number; served: number } {
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
  const pick = <T>(from: readonly T[]): T => from[random(from.length)]!;
  // The transport finds the buffers; the devices themselves only tell where they wrote.
  const dma = { view: () => undefined, wrote: () => {} };
  const attached = attachNetwork([], {
    parts: new StatefulParts(),
    schedule: new Schedule(),
    input: new InputSignal(),
    dma,
    host: new ScriptedHost(80),
    now: () => 0,
    connected: () => {},
  });
  const { bus, ram, view } = board({
    disks: [new Disk(0x1_0000, true)],
    entropySeed: seed,
    card: attached.card,
    console: new VirtioConsole(dma, () => {}),
  });
  const write = (device: number, at: number, size: 1 | 2 | 4, value: number): void =>
    bus.write(BAR + device * BAR_STEP + at, size, value);
  const address = (): number =>
    pick([random(RAM_BYTES), random(RAM_BYTES), RAM_BYTES - random(32), TABLE, random(2 ** 32)]);
  const start = (device: number): void => {
    write(device, 0x14, 1, 0);
    ram.fill(0, TABLE, REQUEST);
    for (const [at, value] of [[8, 0], [0xc, random(4) << 28], [8, 1], [0xc, 1]] as const) {
      write(device, at, 4, value);
    }
    write(device, 0x14, 1, 0xb);
    for (let queue = 0; queue < 2; queue++) {
      write(device, 0x16, 2, queue);
      write(device, 0x18, 2, pick([1, 2, 32, 32]));
      const areas = [TABLE, AVAILABLE, USED].map((at) =>
        random(32) === 0 ? address() : at + queue * QUEUE_BYTES
      );
      for (const [n, area] of areas.entries()) write(device, 0x20 + 8 * n, 4, area);
      write(device, 0x1c, 2, 1);
    }
    write(device, 0x14, 1, 0xf);
  };
  let resets = 0, served = 0;
  for (let round = 0; round < rounds; round++) {
    const device = random(DEVICES.length), queue = random(2);
    if (random(8) === 0 || bus.read(BAR + device * BAR_STEP + 0x14, 1) !== 0xf) start(device);
    // A chain that is right, unless something in it is changed.
    const table = TABLE + queue * QUEUE_BYTES, last = random(4), firstWritten = random(last + 2);
    for (let n = 0; n <= last; n++) {
      const at = table + 16 * n, flags = (n < last ? NEXT : 0) | (n >= firstWritten ? WRITE : 0);
      view.setUint32(at, REQUEST + random(RAM_BYTES - REQUEST - 0x1000), true);
      view.setUint32(at + 4, 0, true);
      view.setUint32(at + 8, pick([1, 12, 16, 60, 512, 1526]), true);
      view.setUint16(at + 12, flags, true);
      view.setUint16(at + 14, n + 1, true);
    }
    if (random(3) === 0) {
      const at = table + 16 * random(last + 1);
      if (random(2) === 0) view.setUint32(at, address(), true);
      if (random(8) === 0) view.setUint32(at + 4, random(2 ** 32), true);
      if (random(2) === 0) view.setUint32(at + 8, pick([0, 16, 32, 48, 0x1000, random(2 ** 32)]), true);
      if (random(2) === 0) view.setUint16(at + 12, random(8), true);
      if (random(2) === 0) view.setUint16(at + 14, random(9), true);
    }
    const ring = AVAILABLE + queue * QUEUE_BYTES;
    view.setUint16(ring, random(2), true);
    const index = view.getUint16(ring + 2, true),
      entry = ring + 4 + 2 * (index % bus.read(BAR + device * BAR_STEP + 0x18, 2));
    view.setUint16(entry, random(10) === 0 ? random(200) : 0, true);
    view.setUint16(ring + 2, index + (random(10) === 0 ? random(0x1_0000) : 1), true);
    const before = view.getUint16(USED + queue * QUEUE_BYTES + 2, true);
    write(device, 0x16, 2, queue);
    write(device, 0x3000, 2, queue);
    if (before !== view.getUint16(USED + queue * QUEUE_BYTES + 2, true)) served++;
    if (random(3) === 0) write(device, pick(REGISTERS), pick(SIZES), random(2 ** 32));
    if (random(3) === 0) bus.read(BAR + device * BAR_STEP + pick(REGISTERS), pick(SIZES));
    if ((bus.read(BAR + device * BAR_STEP + 0x14, 1) & 0x40) !== 0) resets++;
  }
  for (const device of DEVICES.keys()) {
    start(device);
    assertEquals(bus.read(BAR + device * BAR_STEP + 0x14, 1) & 0xf, 0xf, DEVICES[device]);
  }
  return { resets, served };
}

for (const seed of [1, 2, 3]) {
  Deno.test(`virtio devices survive drivers that do anything, and work after a reset (seed ${seed})`, () => {
    const { resets, served } = storm(seed, 10_000);
    assert(resets > 100 && served > 100, `${resets} resets, ${served} served`);
  });
}
