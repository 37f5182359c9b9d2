/** Kernels that are damaged: the loaders load them, or refuse them with a message; they raise nothing else. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { readFileSync } from "node:fs";
import { writeAcpiTables } from "../../../src/machine/acpi/tables.ts";
import { CannotBootError } from "../../../src/machine/loaders/boot_error.ts";
import { kernelFormat, loadKernel } from "../../../src/machine/loaders/load.ts";
import { bootMachine } from "../../../src/machine/machine.ts";
import { bzImage } from "./_bzimage.ts";
import { kernelWith } from "./_multiboot2.ts";
import { elfWithNote } from "./_pvh.ts";

const RAM = 0x80_0000;
/** Everything that the loaders read lies in so many bytes of these files; of Linux, nothing before its setup header. */
const HEADERS = 0x280, SETUP_HEADER = 0x1f0;
const BYTES = [0, 1, 0x7f, 0x80, 0xff], WORDS = [0, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
const MULTIBOOT_1 = 0x1bad_b002, MULTIBOOT_2 = 0xe852_50d6;

const ECHO = new Uint8Array(readFileSync("src/guests/echo/echo.elf"));
/** Multiboot 1 with the addresses in its header, at 0. */
const ADDRESSED = new Uint8Array(0x80);
[
  MULTIBOOT_1,
  0x1_0000,
  -(MULTIBOOT_1 + 0x1_0000),
  0x10_0000,
  0x10_0000,
  0x10_0040,
  0x10_0060,
  0x10_0004,
].forEach((word, n) => new DataView(ADDRESSED.buffer).setUint32(4 * n, word >>> 0, true));

const KERNELS = {
  "multiboot 1 ELF file": { file: ECHO, format: "multiboot 1" },
  "multiboot 1 file with addresses": { file: ADDRESSED, format: "multiboot 1" },
  "multiboot 2 file": {
    file: kernelWith([[2, 0, 0x10_0010, 0x10_0000, 0x10_0080, 0x10_0100], [3, 0, 0x10_0004]]),
    format: "multiboot 2",
  },
  "PVH file": { file: elfWithNote([0xf4]), format: "PVH" },
  bzImage: { file: bzImage([0xf4]), format: "linux" },
} as const;

/** Makes the sums of the multiboot headers right again, so that what else they say is read. */
function repaired(file: Uint8Array): Uint8Array {
  const view = new DataView(file.buffer);
  for (let at = 0; at + 16 <= Math.min(file.length, 0x2000); at += 4) {
    const magic = view.getUint32(at, true), second = view.getUint32(at + 4, true);
    if (magic === MULTIBOOT_1) view.setInt32(at + 8, -(magic + second) | 0, true);
    if (magic === MULTIBOOT_2) {
      view.setInt32(at + 12, -(magic + second + view.getUint32(at + 8, true)) | 0, true);
    }
  }
  return file;
}

const ram = new Uint8Array(RAM);
writeAcpiTables(ram, 1);

/** Whether the file can be loaded; other exceptions than the loaders' own go on. */
function loads(file: Uint8Array): boolean {
  const modules = [{ bytes: new Uint8Array(3), commandLine: "module" }];
  try {
    loadKernel(ram, { kernel: file, modules, commandLine: "quiet" });
    return true;
  } catch (error) {
    assert(error instanceof CannotBootError, `${error}`);
    return false;
  }
}

/** The file with each of its headers' bytes and words changed. */
function* damages(file: Uint8Array, from: number): Generator<Uint8Array> {
  const end = Math.min(file.length, HEADERS);
  for (let at = from; at < end; at++) {
    for (const byte of BYTES) {
      const copy = file.slice();
      copy[at] = byte;
      yield copy;
    }
    for (const word of at % 2 === 0 && at + 4 <= end ? WORDS : []) {
      const copy = file.slice();
      new DataView(copy.buffer).setUint32(at, word, true);
      yield copy;
    }
  }
}

for (const [name, { file, format }] of Object.entries(KERNELS)) {
  Deno.test(`loadKernel() loads a ${name}, and refuses or loads it with any byte or word of its headers changed`, () => {
    assertEquals([kernelFormat(file), loads(file)], [format, true]);
    let refused = 0;
    for (const damaged of damages(file, format === "linux" ? SETUP_HEADER : 0)) {
      if (!loads(damaged)) refused++;
      if (format !== "linux" && !loads(repaired(damaged))) refused++;
    }
    assert(refused > 10, `${refused} refused`);
  });

  Deno.test(`loadKernel() refuses or loads a ${name} that is cut off anywhere`, () => {
    const lengths = [...Array(Math.min(file.length, HEADERS)).keys()];
    for (let length = HEADERS; length < file.length; length += 37) lengths.push(length);
    assertEquals(loads(file.slice(0, 0)), false);
    for (const length of lengths) loads(file.slice(0, length));
  });
}

/** An ELF file for x86-64 whose header tells these program headers. */
function elf({ size, count }: { readonly size: number; readonly count: number }): Uint8Array {
  const file = elfWithNote([]), view = new DataView(file.buffer);
  view.setUint16(54, size, true);
  view.setUint16(56, count, true);
  return file;
}

for (
  const [what, file, message] of [
    ["for another processor", forArm(), "the ELF file is not for x86"],
    [
      "that ends before its program headers",
      ECHO.slice(0, 100),
      "the ELF file ends before its program headers do",
    ],
    [
      "with short program headers",
      elf({ size: 8, count: 2 }),
      "has program headers of 8 bytes: they need 56",
    ],
    ["with very many program headers", elf({ size: 56, count: 257 }), "has 257 program headers: at most 256"],
  ] as const
) {
  Deno.test(`loadKernel() refuses an ELF file ${what}`, () => {
    assertThrows(
      () => loadKernel(ram, { kernel: file, modules: [], commandLine: "" }),
      CannotBootError,
      message,
    );
  });
}

function forArm(): Uint8Array {
  const file = elfWithNote([]);
  new DataView(file.buffer).setUint16(18, 183, true);
  return file;
}

Deno.test("loadKernel() refuses an empty flat binary", () => {
  const request = { kernel: new Uint8Array(0), modules: [], commandLine: "", loadAddress: 0x10_0000 };
  assertThrows(() => loadKernel(ram, request), CannotBootError, "the kernel is empty");
});

Deno.test("bootMachine() refuses a kernel with less than 1 MB of RAM", () => {
  for (const { file } of Object.values(KERNELS)) {
    assertThrows(
      () => bootMachine({ kernel: file, memory: 0xf_0000 }),
      CannotBootError,
      "a kernel needs 1 MB of RAM",
    );
  }
});
