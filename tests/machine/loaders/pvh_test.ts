import { assertEquals, assertThrows } from "@std/assert";
import { ENGINE_NAMES } from "../../../src/machine/engines.ts";
import { CannotBootError } from "../../../src/machine/loaders/boot_error.ts";
import { kernelFormat } from "../../../src/machine/loaders/load.ts";
import { loadPvh } from "../../../src/machine/loaders/pvh.ts";
import { bootMachine } from "../../../src/machine/machine.ts";
import { forced } from "../../_support/forced.ts";

const BASE = 0x20_0000, CODE = 0x200, RAM = 0x80_0000;

/** A 64-bit ELF file with a segment that holds all of it, and a note whose type and owner are given. */
function elfWithNote(code: readonly number[], { owner = "Xen\0", type = 18 } = {}): Uint8Array {
  const NOTE = 0x100, file = new Uint8Array(0x400), view = new DataView(file.buffer);
  const header = (at: number, kind: number, offset: number, size: number): void => {
    view.setUint32(at, kind, true);
    for (
      const [field, value] of [[8, offset], [16, BASE + offset], [24, BASE + offset], [32, size], [
        40,
        size,
      ]] as const
    ) {
      view.setBigUint64(at + field, BigInt(value), true);
    }
  };
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(18, 62, true);
  view.setBigUint64(24, BigInt(BASE), true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 2, true);
  header(64, 1, 0, file.length);
  header(120, 4, NOTE, 20);
  view.setUint32(NOTE, owner.length, true);
  view.setUint32(NOTE + 4, 4, true);
  view.setUint32(NOTE + 8, type, true);
  file.set(new TextEncoder().encode(owner), NOTE + 12);
  view.setUint32(NOTE + 16, BASE + CODE, true);
  file.set(code, CODE);
  return file;
}

Deno.test("kernelFormat() knows PVH by Xen's note of type 18", () => {
  assertEquals(kernelFormat(elfWithNote([])), "PVH");
  assertEquals(kernelFormat(elfWithNote([], { type: 17 })), "multiboot 1");
  assertEquals(kernelFormat(elfWithNote([], { owner: "GNU\0" })), "multiboot 1");
});

Deno.test("loadPvh() tells modules, command line, ACPI's root pointer and memory map in the start information", () => {
  const ram = new Uint8Array(RAM), view = new DataView(ram.buffer);
  const modules = [{ bytes: new Uint8Array([1, 2, 3]), commandLine: "first" }];
  const entry = loadPvh(ram, { kernel: elfWithNote([]), modules, commandLine: "quiet" });
  if (entry.mode !== "protected") throw new Error("not in protected mode");
  const word = (at: number): number => view.getUint32(at, true);
  const text = (at: number): string => new TextDecoder().decode(ram.subarray(at, ram.indexOf(0, at)));
  const start = entry.ebx, module = word(start + 16), map = word(start + 40);
  assertEquals([entry.eip, word(start), word(start + 4), word(start + 12)], [BASE + CODE, 0x336e_c578, 1, 1]);
  assertEquals([text(word(start + 24)), text(word(module + 16)), word(start + 32)], [
    "quiet",
    "first",
    0xf_0000,
  ]);
  assertEquals([...ram.subarray(word(module), word(module) + word(module + 8))], [1, 2, 3]);
  assertEquals([word(start + 48), word(map), word(map + 8), word(map + 16)], [4, 0, 0x9_fc00, 1]);
});

Deno.test("loadPvh() refuses a file without such a note", () => {
  const request = { kernel: elfWithNote([], { type: 1 }), modules: [], commandLine: "" };
  assertThrows(() => loadPvh(new Uint8Array(RAM), request), CannotBootError, "PVH entry point");
});

for (const engine of ENGINE_NAMES) {
  Deno.test(`bootMachine() enters a PVH kernel in protected mode with the start information in EBX (${engine})`, () => {
    // mov eax, [ebx]; out 0f4h, al: the lowest byte of the magic number
    const kernel = elfWithNote([0x8b, 0x03, 0xe6, 0xf4]);
    const machine = bootMachine({ kernel, ...forced(engine), memory: RAM });
    assertEquals(machine.run(), { kind: "exit", code: 0xf1 });
  });

  Deno.test(`bootMachine() enters a flat binary at its load address (${engine})`, () => {
    // call over nothing; pop eax; shr eax, 8; out 0f4h, al: where the code lies
    const kernel = new Uint8Array([0xe8, 0, 0, 0, 0, 0x58, 0xc1, 0xe8, 8, 0xe6, 0xf4]);
    const machine = bootMachine({ kernel, ...forced(engine), memory: RAM, loadAddress: 0x7c00 });
    machine.set("rsp", 0x7000);
    assertEquals(machine.run(), { kind: "exit", code: 0x7c << 1 | 1 });
  });
}

Deno.test("bootMachine() refuses a flat binary outside RAM", () => {
  const options = { kernel: new Uint8Array(16), memory: RAM, loadAddress: RAM - 8 };
  assertThrows(() => bootMachine(options), CannotBootError, "RAM ends");
});
