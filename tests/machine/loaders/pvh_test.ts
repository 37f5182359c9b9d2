import { assertEquals, assertThrows } from "@std/assert";
import { ENGINE_NAMES } from "../../../src/machine/engines.ts";
import { CannotBootError } from "../../../src/machine/loaders/boot_error.ts";
import { kernelFormat } from "../../../src/machine/loaders/load.ts";
import { loadPvh } from "../../../src/machine/loaders/pvh.ts";
import { bootMachine } from "../../../src/machine/machine.ts";
import { BASE, CODE, elfWithNote } from "./_pvh.ts";
import { forced } from "../../_support/forced.ts";

const RAM = 0x80_0000;

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
