import { assertEquals, assertThrows } from "@std/assert";
import { writeAcpiTables } from "../../../src/machine/acpi/tables.ts";
import { CannotBootError } from "../../../src/machine/loaders/boot_error.ts";
import type { BootRequest } from "../../../src/machine/loaders/boot_request.ts";
import { kernelFormat } from "../../../src/machine/loaders/load.ts";
import { loadMultiboot2 } from "../../../src/machine/loaders/multiboot2.ts";
import { kernelWith, MAGIC, type Tag } from "./_multiboot2.ts";

const RAM = 0x80_0000;
/** Addresses of the header, of the load's beginning and end, and of the BSS's end; the entry point. */
const ADDRESSES: Tag = [2, 0, 0x10_0010, 0x10_0000, 0x10_0080, 0x10_0100], ENTRY: Tag = [3, 0, 0x10_0004];

function load(
  kernel: Uint8Array,
  more: Partial<BootRequest> = {},
): { ram: Uint8Array; eip: number; info: number } {
  const ram = new Uint8Array(RAM);
  writeAcpiTables(ram, 1);
  const entry = loadMultiboot2(ram, { kernel, modules: [], commandLine: "", ...more });
  if (entry.mode !== "protected") throw new Error("not in protected mode");
  assertEquals(entry.eax, 0x36d7_6289);
  return { ram, eip: entry.eip, info: entry.ebx };
}

/** The tags of the information, by type: what each holds behind its size. */
function information(ram: Uint8Array, at: number): [type: number, body: Uint8Array][] {
  const view = new DataView(ram.buffer), end = at + view.getUint32(at, true);
  const found: [number, Uint8Array][] = [];
  for (let next = at + 8; next < end;) {
    assertEquals(next % 8, 0);
    const size = view.getUint32(next + 4, true);
    found.push([view.getUint32(next, true), ram.subarray(next + 8, next + size)]);
    next += Math.ceil(size / 8) * 8;
  }
  return found;
}

Deno.test("kernelFormat() knows multiboot 2 by magic number and checksum, at a multiple of eight", () => {
  assertEquals(kernelFormat(kernelWith([])), "multiboot 2");
  assertEquals(kernelFormat(kernelWith([], { at: 0x14 })), "multiboot 1", "at a multiple of four");
});

Deno.test("loadMultiboot2() puts a kernel where its address tag says and enters it where its entry tag does", () => {
  const { ram, eip } = load(kernelWith([ADDRESSES, ENTRY]));
  assertEquals([eip, new DataView(ram.buffer).getUint32(0x10_0010, true)], [0x10_0004, MAGIC]);
});

Deno.test("loadMultiboot2() tells command line, modules, memory and ACPI's root pointer", () => {
  const modules = [{ bytes: new Uint8Array([1, 2, 3]), commandLine: "first" }, {
    bytes: new Uint8Array([4]),
  }];
  const { ram, info } = load(kernelWith([ADDRESSES, ENTRY]), { modules, commandLine: "kernel a=b" });
  const tags = information(ram, info);
  assertEquals(tags.map(([type]) => type), [1, 2, 3, 3, 4, 6, 15, 0]);
  const text = (body: Uint8Array): string => new TextDecoder().decode(body);
  assertEquals(text(tags[0]![1]), "kernel a=b\0");
  const [, first] = tags[2]!;
  const view = new DataView(first.buffer, first.byteOffset);
  assertEquals([...ram.subarray(view.getUint32(0, true), view.getUint32(4, true))], [1, 2, 3]);
  assertEquals(text(first.subarray(8)), "first\0");
  const map = tags[5]![1];
  assertEquals(new DataView(map.buffer, map.byteOffset).getUint32(0, true), 24);
  assertEquals((map.length - 8) % 24, 0);
  assertEquals(text(tags[6]![1].subarray(0, 8)), "RSD PTR ");
});

const REFUSED: readonly (readonly [why: string, kernel: Uint8Array])[] = [
  ["another architecture", kernelWith([ADDRESSES, ENTRY], { architecture: 4 })],
  ["tag 5", kernelWith([[5, 0, 0, 0, 0], ADDRESSES, ENTRY])],
  ["no entry point", kernelWith([ADDRESSES])],
  ["no ELF file", kernelWith([ENTRY])],
  ["do not fit its file", kernelWith([[2, 0, 0x10_0010, 0x10_0000, 0x10_4000, 0], ENTRY])],
  ["RAM ends", kernelWith([[2, 0, RAM + 0x10, RAM, RAM + 0x80, 0], ENTRY])],
  ["no multiboot 2 header", new Uint8Array(0x100)],
];
for (const [why, kernel] of REFUSED) {
  Deno.test(`loadMultiboot2() refuses: ${why}`, () => {
    assertThrows(() => load(kernel), CannotBootError, why);
  });
}

Deno.test("loadMultiboot2() passes over unknown tags that are optional", () => {
  assertEquals(load(kernelWith([[5, 1, 0, 0, 0], ADDRESSES, ENTRY])).eip, 0x10_0004);
});
