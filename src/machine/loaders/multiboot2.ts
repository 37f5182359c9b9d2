/** Multiboot 2: finding the header, loading the kernel, telling it about the machine. Multiboot2 Specification 2.0. */
import { ACPI_BASE, ROOT_POINTER_BYTES } from "../acpi/tables.ts";
import { addressedSegment } from "./addressed_segment.ts";
import { CannotBootError } from "./boot_error.ts";
import type { BootEntry, BootRequest } from "./boot_request.ts";
import { isElf, type KernelImage, readElfImage } from "./elf_image.ts";
import { LowMemory } from "./low_memory.ts";
import { HIGH, LOW_END, memoryMap } from "./memory_map.ts";
import { placeKernel } from "./placement.ts";

const HEADER_MAGIC = 0xe852_50d6, BOOT_MAGIC = 0x36d7_6289;
/** The header lies in this many bytes of the file's beginning, at a multiple of eight. */
const SEARCHED = 32_768, ALIGNMENT = 8;
const HEADER_BYTES = 16, ARCHITECTURE_386 = 0;

/** Tags of the header. Those with OPTIONAL set may be passed over. */
const HeaderTag = { END: 0, INFORMATION: 1, ADDRESS: 2, ENTRY: 3, CONSOLE: 4, MODULE_ALIGNMENT: 6 } as const;
const OPTIONAL = 1;
/** Tags of the information. */
const Tag = {
  END: 0,
  COMMAND_LINE: 1,
  LOADER: 2,
  MODULE: 3,
  MEMORY: 4,
  MEMORY_MAP: 6,
  ACPI_NEW: 15,
} as const;
const MAP_ENTRY_BYTES = 24;

/** Whether a file has a multiboot 2 header. */
export function hasMultiboot2Header(file: Uint8Array): boolean {
  return findHeader(file) >= 0;
}

function findHeader(file: Uint8Array): number {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  for (let at = 0; at + HEADER_BYTES <= Math.min(file.length, SEARCHED); at += ALIGNMENT) {
    if (view.getUint32(at, true) !== HEADER_MAGIC) continue;
    const sum = [0, 4, 8, 12].reduce((total, field) => (total + view.getUint32(at + field, true)) | 0, 0);
    if (sum === 0) return at;
  }
  return -1;
}

/** Puts a kernel, its modules and the information for it into RAM. ACPI's root pointer must be there already. */
export function loadMultiboot2(ram: Uint8Array, { kernel, modules, commandLine }: BootRequest): BootEntry {
  const image = readKernel(kernel);
  const placed = placeKernel(ram, image, modules);
  const tags = [
    tag(Tag.COMMAND_LINE, text(commandLine)),
    tag(Tag.LOADER, text("causeway")),
    ...placed.modules.map(({ start, end, commandLine }) =>
      tag(Tag.MODULE, [...words(start, end), ...text(commandLine)])
    ),
    tag(Tag.MEMORY, words(Math.floor(LOW_END / 1024), Math.floor(Math.max(0, ram.length - HIGH) / 1024))),
    tag(Tag.MEMORY_MAP, [
      ...words(MAP_ENTRY_BYTES, 0),
      ...memoryMap(ram.length).flatMap(({ start, size, type }) => words(start, 0, size, 0, type, 0)),
    ]),
    tag(Tag.ACPI_NEW, [...ram.subarray(ACPI_BASE, ACPI_BASE + ROOT_POINTER_BYTES)]),
    tag(Tag.END, []),
  ].flat();
  const information = [...words(tags.length + 8, 0), ...tags];
  const at = new LowMemory(ram, placed.kernel).reserve(information.length);
  ram.set(information, at);
  return { mode: "protected", eip: image.entry, eax: BOOT_MAGIC, ebx: at };
}

function words(...values: readonly number[]): number[] {
  return values.flatMap((value) => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff));
}

function text(characters: string): number[] {
  return [...new TextEncoder().encode(characters), 0];
}

/** A tag of the information, padded to a multiple of eight bytes, which its size does not count. */
function tag(type: number, body: readonly number[]): number[] {
  const bytes = [...words(type, body.length + 8), ...body];
  while (bytes.length % ALIGNMENT !== 0) bytes.push(0);
  return bytes;
}

function readKernel(file: Uint8Array): KernelImage {
  const at = findHeader(file);
  if (at < 0) throw new CannotBootError("the kernel has no multiboot 2 header in its first 32768 bytes");
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  if (view.getUint32(at + 4, true) !== ARCHITECTURE_386) {
    throw new CannotBootError("the kernel's multiboot 2 header is for another architecture");
  }
  const end = at + view.getUint32(at + 8, true);
  if (end > file.length) throw new CannotBootError("the kernel ends in its multiboot 2 header");
  let addresses: readonly number[] | undefined, entry: number | undefined;
  for (let next = at + HEADER_BYTES; next + 8 <= end;) {
    const type = view.getUint16(next, true), flags = view.getUint16(next + 2, true);
    const size = view.getUint32(next + 4, true), tag = next;
    const word = (n: number): number => view.getUint32(tag + 8 + 4 * n, true);
    if (type === HeaderTag.END) break;
    if (size < 8 || next + size > end) {
      throw new CannotBootError("a tag of the multiboot 2 header does not fit it");
    }
    if (type === HeaderTag.ADDRESS && size >= 24) addresses = [0, 1, 2, 3].map(word);
    else if (type === HeaderTag.ENTRY && size >= 12) entry = word(0);
    else if (!Object.values<number>(HeaderTag).includes(type) && (flags & OPTIONAL) === 0) {
      throw new CannotBootError(`the kernel asks for a multiboot 2 feature unknown here: tag ${type}`);
    }
    next += Math.ceil(size / ALIGNMENT) * ALIGNMENT;
  }
  if (addresses !== undefined) {
    if (entry === undefined) {
      throw new CannotBootError("the multiboot 2 header has addresses but no entry point");
    }
    const [header, load, loadEnd, bssEnd] = addresses as [number, number, number, number];
    return { entry, segments: [addressedSegment(file, { at, header, load, loadEnd, bssEnd })] };
  }
  if (!isElf(file)) {
    throw new CannotBootError("the kernel is no ELF file, and its multiboot 2 header has no addresses");
  }
  const image = readElfImage(file);
  return { ...image, entry: entry ?? image.entry };
}
