import { assertEquals, assertThrows } from "@std/assert";
import { CannotBootError } from "../../../src/machine/loaders/boot_error.ts";
import type { BootRequest } from "../../../src/machine/loaders/boot_request.ts";
import { loadMultiboot } from "../../../src/machine/loaders/multiboot1.ts";

const MAGIC = 0x1bad_b002, ADDRESSES = 0x1_0000;

/** A file of words at offsets. */
function fileOf(size: number, words: Readonly<Record<number, number>>): Uint8Array {
  const bytes = new Uint8Array(size), view = new DataView(bytes.buffer);
  for (const [at, word] of Object.entries(words)) view.setUint32(Number(at), word >>> 0, true);
  return bytes;
}

const header = (at: number, flags: number, ...more: number[]): Record<number, number> =>
  Object.fromEntries([MAGIC, flags, -(MAGIC + flags), ...more].map((word, n) => [at + 4 * n, word]));

function load(
  kernel: Uint8Array,
  more: Partial<BootRequest> = {},
): { ram: Uint8Array; view: DataView; info: number; eip: number } {
  const ram = new Uint8Array(0x80_0000);
  const { eip, eax, ebx } = loadMultiboot(ram, { kernel, modules: [], commandLine: "", ...more });
  assertEquals(eax, 0x2bad_b002);
  return { ram, view: new DataView(ram.buffer), info: ebx, eip };
}

const textAt = (ram: Uint8Array, at: number): string =>
  new TextDecoder().decode(ram.subarray(at, ram.indexOf(0, at)));

Deno.test("loadMultiboot() puts a kernel where its header's address fields say, BSS zeroed", () => {
  const kernel = fileOf(0x80, {
    ...header(0x20, ADDRESSES, 0x10_0010, 0x10_0000, 0x10_0040, 0x10_0060, 0x10_0004),
    0x14: 0x1234_5678,
    0x50: 0xdead_beef,
  });
  const { view, eip } = load(kernel);
  assertEquals([eip, view.getUint32(0x10_0004, true), view.getUint32(0x10_0010, true)], [
    0x10_0004,
    0x1234_5678,
    MAGIC,
  ]);
  assertEquals(view.getUint32(0x10_0040, true), 0, "behind the load end");
});

/** A 64-bit ELF file with one segment, linked high and loaded low. */
function elf64(): Uint8Array {
  const file = fileOf(0x200, {
    0: 0x464c_457f,
    4: 0x0001_0102,
    0x10: 0x003e_0002,
    0x18: 0x8010_0080,
    0x1c: 0xffff_ffff,
    0x20: 0x40,
    0x34: 0x0038_0040,
    0x38: 1,
    0x40: 1,
    0x48: 0x100, // offset
    0x50: 0x8010_0000, // virtual
    0x54: 0xffff_ffff,
    0x58: 0x20_0000, // physical
    0x60: 0x100,
    0x68: 0x1000,
    ...header(0x100, 3),
  });
  return file;
}

Deno.test("loadMultiboot() loads ELF64 at physical addresses; the entry point follows", () => {
  const { eip, view } = load(elf64());
  assertEquals([eip, view.getUint32(0x20_0000, true)], [0x20_0080, MAGIC]);
});

Deno.test("loadMultiboot() tells memory, command line, modules and memory map", () => {
  const modules = [
    { bytes: new Uint8Array([1, 2, 3]), commandLine: "first" },
    { bytes: new Uint8Array([4]) },
  ];
  const { ram, view, info } = load(elf64(), { modules, commandLine: "kernel a=b" });
  const word = (at: number): number => view.getUint32(at, true);
  assertEquals(word(info) & 0x4f, 0x4f);
  assertEquals([word(info + 4), word(info + 8)], [639, 7 * 1024]);
  assertEquals(textAt(ram, word(info + 16)), "kernel a=b");
  assertEquals(word(info + 20), 2);
  const list = word(info + 24);
  assertEquals([word(list), word(list + 4), textAt(ram, word(list + 8))], [0x20_1000, 0x20_1003, "first"]);
  assertEquals([word(list + 16), word(list + 20), textAt(ram, word(list + 24))], [0x20_2000, 0x20_2001, ""]);
  assertEquals([...ram.subarray(0x20_1000, 0x20_1003)], [1, 2, 3]);
  const map: number[][] = [];
  const start = word(info + 48), end = start + word(info + 44);
  for (let at = start; at < end; at += word(at) + 4) map.push([word(at + 4), word(at + 12), word(at + 20)]);
  assertEquals(map, [
    [0, 0x9_fc00, 1],
    [0x9_fc00, 0x400, 2],
    [0xf_0000, 0x1_0000, 2],
    [0x10_0000, 0x70_0000, 1],
  ]);
});

Deno.test("loadMultiboot() keeps the information clear of a kernel in low memory", () => {
  const kernel = fileOf(0x1000, header(0, ADDRESSES, 0x8000, 0x8000, 0, 0x2_0000, 0x8000));
  assertEquals(load(kernel).info >= 0x2_0000, true);
});

for (
  const [name, file] of Object.entries({
    "no header": new Uint8Array(64),
    "a wrong checksum": fileOf(64, { 0: MAGIC, 4: 0, 8: 1 }),
    "a header behind 8192 bytes": fileOf(0x3000, header(0x2000, ADDRESSES)),
    "unknown required features": fileOf(64, header(0, 0x8000)),
    "a video mode": fileOf(64, header(0, 4)),
    "neither ELF nor addresses": fileOf(128, header(0, 0)),
    "addresses outside the file": fileOf(64, header(0, ADDRESSES, 0x10_0000, 0x10_0000, 0x20_0000, 0, 0)),
    "addresses outside RAM": fileOf(64, header(0, ADDRESSES, 0xf000_0000, 0xf000_0000, 0, 0, 0)),
    "a header cut short": fileOf(12, header(0, ADDRESSES)),
    "program headers behind the end": fileOf(0x200, { ...wordsOf(elf64()), 0x20: 0x1000 }),
    "a segment behind the end": fileOf(0x200, { ...wordsOf(elf64()), 0x60: 0x800 }),
    "another machine": fileOf(0x200, { ...wordsOf(elf64()), 0x10: 0x00b7_0002 }),
  })
) {
  Deno.test(`loadMultiboot() refuses ${name}`, () => {
    assertThrows(() => load(file), CannotBootError);
  });
}

function wordsOf(file: Uint8Array): Record<number, number> {
  const view = new DataView(file.buffer);
  return Object.fromEntries(
    Array.from({ length: file.length / 4 }, (_, n) => [4 * n, view.getUint32(4 * n, true)]),
  );
}
