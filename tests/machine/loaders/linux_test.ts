import { assert, assertEquals, assertThrows } from "@std/assert";
import { ENGINE_NAMES } from "../../../src/machine/engines.ts";
import { CannotBootError } from "../../../src/machine/loaders/boot_error.ts";
import type { BootModule } from "../../../src/machine/loaders/boot_request.ts";
import { kernelFormat } from "../../../src/machine/loaders/load.ts";
import { loadLinux } from "../../../src/machine/loaders/linux.ts";
import { bootMachine } from "../../../src/machine/machine.ts";
import { bzImage, type SetupHeader } from "./_bzimage.ts";
import { forced } from "../../_support/forced.ts";

const RAM = 0x80_0000;

function load(
  header: SetupHeader = {},
  { modules = [], commandLine = "" }: { modules?: readonly BootModule[]; commandLine?: string } = {},
): { ram: Uint8Array; zeroPage: DataView; rip: number; cr3: number } {
  const ram = new Uint8Array(RAM);
  const entry = loadLinux(ram, { kernel: bzImage([0xf4], header), modules, commandLine });
  if (entry.mode !== "long") throw new Error("not in 64-bit mode");
  return { ram, zeroPage: new DataView(ram.buffer, entry.rsi, 0x1000), rip: entry.rip, cr3: entry.cr3 };
}

const textAt = (ram: Uint8Array, at: number): string =>
  new TextDecoder().decode(ram.subarray(at, ram.indexOf(0, at)));

Deno.test("kernelFormat() knows a bzImage by boot flag and magic number", () => {
  assertEquals(kernelFormat(bzImage([])), "linux");
  assertEquals(kernelFormat(bzImage([]).fill(0, 0x1fe, 0x200)), "multiboot 1");
  assertEquals(kernelFormat(new Uint8Array(0x210)), "multiboot 1");
});

Deno.test("loadLinux() puts the kernel at its preferred address and enters it 200H behind", () => {
  const { ram, rip } = load({ preferredAddress: 0x30_0000 });
  assertEquals([rip, ram[rip]], [0x30_0200, 0xf4]);
});

Deno.test("loadLinux() copies the setup header and tells loader, command line and memory map", () => {
  const { ram, zeroPage } = load({}, { commandLine: "console=ttyS0 quiet" });
  assertEquals(zeroPage.getUint32(0x202, true), 0x5372_6448);
  assertEquals(zeroPage.getUint8(0x210), 0xff, "an unknown loader");
  assertEquals(textAt(ram, zeroPage.getUint32(0x228, true)), "console=ttyS0 quiet");
  const ranges = Array.from({ length: zeroPage.getUint8(0x1e8) }, (_, n) => {
    const at = 0x2d0 + 20 * n;
    return [
      zeroPage.getBigUint64(at, true),
      zeroPage.getBigUint64(at + 8, true),
      zeroPage.getUint32(at + 16, true),
    ];
  });
  assertEquals(ranges[0], [0n, 0x9_fc00n, 1]);
  assertEquals(ranges.at(-1), [0x10_0000n, BigInt(RAM - 0x10_0000), 1]);
});

Deno.test("loadLinux() tells that the display is in VGA's text mode 3", () => {
  const { zeroPage } = load();
  // Linux, include/uapi/linux/screen_info.h: mode, columns; EGA's memory; lines, VGA; height of characters.
  assertEquals([zeroPage.getUint8(6), zeroPage.getUint8(7)], [3, 80]);
  assertEquals(zeroPage.getUint16(0xa, true), 3);
  assertEquals([zeroPage.getUint8(0xe), zeroPage.getUint8(0xf), zeroPage.getUint16(0x10, true)], [25, 1, 16]);
});

Deno.test("loadLinux() clears what the zero page has beside the header", () => {
  const { zeroPage } = load();
  assertEquals([zeroPage.getUint8(0x1ef), zeroPage.getUint8(0x1f0), zeroPage.getUint32(0x70, true)], [
    0,
    0,
    0,
  ]);
});

Deno.test("loadLinux() puts the parts of an initrd, each at a multiple of four, as high as they may be", () => {
  const modules = [{ bytes: new Uint8Array([1, 2, 3, 4, 5]) }, { bytes: new Uint8Array([6, 7]) }];
  for (const [initrdMax, expected] of [[0x7fff_ffff, RAM - 0x1000], [0x60_0fff, 0x60_0000]] as const) {
    const { ram, zeroPage } = load({ initrdMax }, { modules });
    const at = zeroPage.getUint32(0x218, true), size = zeroPage.getUint32(0x21c, true);
    assertEquals([at, size], [expected, 10]);
    assertEquals([...ram.subarray(at, at + size)], [1, 2, 3, 4, 5, 0, 0, 0, 6, 7]);
  }
});

Deno.test("loadLinux() maps the first four gigabytes to themselves", () => {
  const { ram, cr3 } = load();
  const view = new DataView(ram.buffer);
  for (const address of [0, 0x20_0000, 0x7fe0_0000, 0xfee0_0000]) {
    const pointers = Number(view.getBigUint64(cr3, true)) & ~0xfff;
    const directory = Number(view.getBigUint64(pointers + 8 * Math.floor(address / 2 ** 30), true)) & ~0xfff;
    const entry = view.getBigUint64(directory + 8 * (Math.floor(address / 2 ** 21) % 512), true);
    assertEquals(entry, BigInt(address) | 0x83n);
  }
});

for (const header of [{ flags: 0 }, { version: 0x20b, flags: 1 }]) {
  Deno.test(`loadLinux() enters a kernel with ${JSON.stringify(header)} in protected mode, at its beginning`, () => {
    const ram = new Uint8Array(RAM), view = new DataView(ram.buffer);
    const kernel = bzImage([], { ...header, preferredAddress: 0x30_0000 });
    const entry = loadLinux(ram, { kernel, modules: [], commandLine: "quiet" });
    assert(entry.mode === "protected");
    assertEquals([entry.eip, entry.eax, entry.ebx], [0x30_0000, 0, 0]);
    assertEquals(textAt(ram, view.getUint32(entry.esi! + 0x228, true)), "quiet");
    const { gdt, gdtSize } = entry.descriptors!;
    assertEquals(gdtSize, 0x20);
    // Selectors 10H and 18H: flat segments of 32 bits, code that can be read, data that can be written.
    assertEquals([view.getBigUint64(gdt + 0x10, true), view.getBigUint64(gdt + 0x18, true)], [
      0x00cf_9b00_0000_ffffn,
      0x00cf_9300_0000_ffffn,
    ]);
  });
}

const REFUSED: readonly [why: string, header: SetupHeader, modules: readonly BootModule[], line: string][] = [
  ["boot protocol 2.9: 2.10", { version: 0x209 }, [], ""],
  ["below 1 MB", { preferredAddress: 0x1_0000 }, [], ""],
  ["RAM ends", { preferredAddress: RAM }, [], ""],
  ["more memory", { initSize: RAM }, [], ""],
  ["does not fit", {}, [{ bytes: new Uint8Array(RAM) }], ""],
  ["does not fit", { initrdMax: 0x10_0000 }, [{ bytes: new Uint8Array(1) }], ""],
  ["the kernel takes 4", { commandLineSize: 4 }, [], "quiet"],
];

for (const [why, header, modules, commandLine] of REFUSED) {
  Deno.test(`loadLinux() refuses ${JSON.stringify(header)}, ${modules.length} modules: ${why}`, () => {
    assertThrows(() => load(header, { modules, commandLine }), CannotBootError, why);
  });
}

Deno.test("loadLinux() refuses a kernel that ends in its setup code", () => {
  const kernel = bzImage([]).subarray(0, 0x400);
  assertThrows(
    () => loadLinux(new Uint8Array(RAM), { kernel, modules: [], commandLine: "" }),
    CannotBootError,
    "setup code",
  );
});

Deno.test("loadLinux() refuses a kernel that is shorter than its header says, by a paragraph or more", () => {
  const kernel = bzImage(new Array<number>(40).fill(0x90)),
    setup = new DataView(kernel.buffer, kernel.byteOffset);
  const bytes = kernel.length - 512 * (kernel[0x1f1]! + 1);
  const request = { kernel, modules: [], commandLine: "" };
  setup.setUint32(0x1f4, Math.ceil(bytes / 16), true);
  loadLinux(new Uint8Array(RAM), request);
  setup.setUint32(0x1f4, Math.ceil(bytes / 16) + 1, true);
  assertThrows(() => loadLinux(new Uint8Array(RAM), request), CannotBootError, "cut off");
});

for (const engine of ENGINE_NAMES) {
  Deno.test(`bootMachine() enters Linux in 64-bit mode with its zero page in RSI (${engine})`, () => {
    // deno-fmt-ignore
    const machine = bootMachine({
      kernel: bzImage([
        0x8b, 0xbe, 0x28, 0x02, 0, 0, // mov edi, [rsi+228h]: the command line
        0x8a, 0x07, 0xba, 0xf8, 0x03, 0, 0, 0xee, // mov al, [rdi]; mov edx, 3f8h; out dx, al
        0x48, 0xb8, 0, 0, 0, 0, 1, 0, 0, 0, // mov rax, 100000000h
        0x48, 0xc1, 0xe8, 0x20, // shr rax, 32: 0 outside 64-bit mode
        0xe6, 0xf4, // out 0f4h, al
      ]),
      commandLine: "x", ...forced(engine), memory: RAM,
    });
    const selectors = (["cs", "ss", "ds", "es"] as const).map((name) => machine.get(name));
    assertEquals(selectors, [0x10n, 0x18n, 0x18n, 0x18n]);
    assertEquals(machine.run(), { kind: "exit", code: 3 });
    assertEquals(machine.console.text, "x");
  });

  Deno.test(`bootMachine() enters Linux without a 64-bit entry point in protected mode, with its zero page in ESI (${engine})`, () => {
    // deno-fmt-ignore
    const code32 = [
      0x8b, 0xbe, 0x28, 0x02, 0, 0, // mov edi, [esi+228h]: the command line
      0x8a, 0x07, 0xba, 0xf8, 0x03, 0, 0, 0xee, // mov al, [edi]; mov edx, 3f8h; out dx, al
      0x0f, 0x01, 0x05, 0, 0, 0x40, 0, // sgdt [400000h]
      0xb8, 0x18, 0, 0, 0, 0x8e, 0xd8, // mov eax, 18h; mov ds, eax: from the table
      0xb8, 1, 0, 0, 0, 0x48, // mov eax, 1; dec eax, a prefix in 64-bit mode
      0xe6, 0xf4, // out 0f4h, al
    ];
    const kernel = bzImage([], { flags: 0, code32 });
    const machine = bootMachine({ kernel, commandLine: "x", ...forced(engine), memory: RAM });
    const selectors = (["cs", "ss", "ds", "es"] as const).map((name) => machine.get(name));
    assertEquals(selectors, [0x10n, 0x18n, 0x18n, 0x18n]);
    assertEquals(machine.run(), { kind: "exit", code: 1 });
    assertEquals(machine.console.text, "x");
    assertEquals(machine.readPhysical(0x40_0000, 2), new Uint8Array([0x1f, 0]), "the table's limit");
  });
}
