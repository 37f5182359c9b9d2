import { assert } from "@std/assert";
import { readFileSync } from "node:fs";
import { CannotRunError } from "../../src/linux/exec.ts";
import { MemoryFileSystem } from "../../src/linux/fs/memory.ts";
import { RandomSource } from "../../src/linux/random.ts";
import { LinuxSystem } from "../../src/linux/system.ts";
import { newProcessor } from "../../src/machine/engines.ts";
import { LinearMemory } from "../../src/memory/physical.ts";
import { buildElf } from "./_support/elf.ts";

/** Files to try; CAUSEWAY_FUZZ_FILES sets another number. */
const FILES = Number(Deno.env.get("CAUSEWAY_FUZZ_FILES") ?? 2000);
/** Instructions each may execute. */
const INSTRUCTIONS = 3000;
const RAM = 1 << 20;

/** Values that headers do not expect. */
const EDGES: readonly bigint[] = [
  0n,
  1n,
  0x7fn,
  0xffn,
  0xfffn,
  0x1000n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x7fff_ffff_f000n,
  0x8000_0000_0000_0000n,
  0xffff_ffff_ffff_f000n,
  0xffff_ffff_ffff_ffffn,
]; // deno-fmt-ignore

/** Changes some places of a file: bytes, bits, whole fields, its length. Most changes are in the headers. */
function mutate(original: Uint8Array, random: RandomSource): Uint8Array {
  let bytes = original.slice();
  const changes = 1 + random.next() % 6;
  for (let i = 0; i < changes; i++) {
    const limit = random.next() % 4 === 0 ? bytes.length : Math.min(bytes.length, 512);
    if (limit === 0) break;
    const at = random.next() % limit;
    switch (random.next() % 4) {
      case 0:
        bytes[at] = random.next();
        break;
      case 1:
        bytes[at]! ^= 1 << (random.next() % 8);
        break;
      case 2: {
        const place = at - at % 8;
        const edge = EDGES[random.next() % EDGES.length]!;
        if (place + 8 <= bytes.length) new DataView(bytes.buffer).setBigUint64(place, edge, true);
        break;
      }
      case 3:
        if (random.next() % 8 === 0) bytes = bytes.slice(0, at);
    }
  }
  return bytes;
}

Deno.test(`${FILES} mutated ELF files are refused or run, without an exception of the host`, () => {
  const guest = new URL("../../src/guests/hello/hello.elf", import.meta.url);
  const originals = [
    buildElf(),
    buildElf({
      headers: [{}, { flags: 6, address: 0x60_0000n, fileSize: 0n, memorySize: 0x5000n }, {
        type: 0x6474_e551,
      }],
    }),
    buildElf({ type: 3, entry: 0x120n, headers: [{ address: 0n }] }),
    new Uint8Array(readFileSync(guest)), // a Buffer would share what slice() gives
  ];
  const random = new RandomSource(Number(Deno.env.get("CAUSEWAY_FUZZ_SEED") ?? 1));
  const processor = newProcessor(new LinearMemory(RAM), { engine: "interpreter" });
  let refused = 0, ran = 0;
  for (let i = 0; i < FILES; i++) {
    const program = mutate(originals[i % originals.length]!, random);
    const system = new LinuxSystem(processor, {
      fileSystem: new MemoryFileSystem({ "/program": program }),
      maxInstructions: INSTRUCTIONS,
    });
    try {
      system.spawn("/program", ["program"]);
      system.run();
      ran++;
    } catch (error) {
      if (!(error instanceof CannotRunError)) throw new Error(`file ${i} of this seed`, { cause: error });
      assert(!error.message.includes("\n"), error.message);
      refused++;
    }
    // The next system finds memory as a fresh one would.
    processor.memory.ram(0, RAM).fill(0);
    processor.mmu.wroteRam(0, RAM);
    for (let cr3 = 0; cr3 < RAM; cr3 += 4096) processor.mmu.dropAddressSpace(cr3);
  }
  assert(refused > FILES / 10 && ran > FILES / 10, `${refused} refused, ${ran} ran`);
});
