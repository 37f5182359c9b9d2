/** Multiboot 1: finding the header, loading the kernel, telling it about the machine. Multiboot Specification 0.6.96. */
import { addressedSegment } from "./addressed_segment.ts";
import { CannotBootError } from "./boot_error.ts";
import type { BootEntry, BootRequest } from "./boot_request.ts";
import { isElf, type KernelImage, readElfImage } from "./elf_image.ts";
import { LowMemory } from "./low_memory.ts";
import { HIGH, LOW_END, memoryMap } from "./memory_map.ts";
import { placeKernel } from "./placement.ts";

const HEADER_MAGIC = 0x1bad_b002, BOOT_MAGIC = 0x2bad_b002;
/** The header lies in this many bytes of the file's beginning. */
const SEARCHED = 8192;
/** Header flags: those that must be understood are bits 15:0. */
const WANTS_VIDEO = 4, HAS_ADDRESSES = 0x1_0000;
const UNDERSTOOD = 7;
/** Information flags: memory sizes, boot device, command line, modules, memory map, loader's name. */
const INFO_FLAGS = 1 | 2 | 4 | 8 | 0x40 | 0x200;
const INFO_BYTES = 116, MODULE_BYTES = 16, MAP_ENTRY_BYTES = 24;
/** The first hard disk, no partition. */
const BOOT_DEVICE = 0x8000_ffff;

/** Whether a file has a multiboot 1 header. */
export function hasMultibootHeader(file: Uint8Array): boolean {
  return findHeader(file) >= 0;
}

function findHeader(file: Uint8Array): number {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  for (let at = 0; at + 12 <= Math.min(file.length, SEARCHED); at += 4) {
    if (view.getUint32(at, true) !== HEADER_MAGIC) continue;
    if (((HEADER_MAGIC + view.getUint32(at + 4, true) + view.getUint32(at + 8, true)) | 0) === 0) return at;
  }
  return -1;
}

/** Puts a kernel, its modules and the information for it into RAM. */
export function loadMultiboot(
  ram: Uint8Array,
  { kernel, modules, commandLine }: BootRequest,
): Extract<BootEntry, { mode: "protected" }> {
  const image = readKernel(kernel);
  const placed = placeKernel(ram, image, modules);
  const low = new LowMemory(ram, placed.kernel);
  const info = low.reserve(INFO_BYTES);
  const list = low.reserve(Math.max(1, modules.length) * MODULE_BYTES);
  const map = memoryMap(ram.length);
  const mapAt = low.reserve(map.length * MAP_ENTRY_BYTES);
  for (const [n, module] of placed.modules.entries()) {
    low.words(list + MODULE_BYTES * n, [module.start, module.end, low.text(module.commandLine), 0]);
  }
  for (const [n, { start, size, type }] of map.entries()) {
    low.words(mapAt + MAP_ENTRY_BYTES * n, [MAP_ENTRY_BYTES - 4, start, 0, size, 0, type]);
  }
  const kilobytes = (bytes: number): number => Math.floor(bytes / 1024);
  // deno-fmt-ignore
  low.words(info, [
    INFO_FLAGS, kilobytes(LOW_END), kilobytes(Math.max(0, ram.length - HIGH)), BOOT_DEVICE,
    low.text(commandLine), modules.length, list, 0, 0, 0, 0, map.length * MAP_ENTRY_BYTES, mapAt,
    0, 0, 0, low.text("causeway"),
  ]);
  return { mode: "protected", eip: image.entry, eax: BOOT_MAGIC, ebx: info };
}

function readKernel(file: Uint8Array): KernelImage {
  const at = findHeader(file);
  if (at < 0) {
    throw new CannotBootError(
      "it is no kernel of a kind known here: no Linux boot header, no multiboot header in its first 8192 bytes, " +
        "no ELF file with a PVH entry point",
    );
  }
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const flags = view.getUint32(at + 4, true);
  if ((flags & 0xffff & ~UNDERSTOOD) !== 0) {
    throw new CannotBootError(
      `the kernel asks for multiboot features unknown here: flags 0x${flags.toString(16)}`,
    );
  }
  if ((flags & WANTS_VIDEO) !== 0) {
    throw new CannotBootError("the kernel asks for a video mode, and there is no display");
  }
  if ((flags & HAS_ADDRESSES) !== 0) return readAddresses(file, view, at);
  if (isElf(file)) return readElfImage(file);
  throw new CannotBootError("the kernel is no ELF file, and its multiboot header tells no addresses");
}

/** A kernel whose header tells where its bytes go. */
function readAddresses(file: Uint8Array, view: DataView, at: number): KernelImage {
  if (at + 32 > file.length) throw new CannotBootError("the kernel ends in its multiboot header");
  const [header, load, loadEnd, bssEnd, entry] = [12, 16, 20, 24, 28].map((field) =>
    view.getUint32(at + field, true)
  ) as [number, number, number, number, number];
  return { entry, segments: [addressedSegment(file, { at, header, load, loadEnd, bssEnd })] };
}
