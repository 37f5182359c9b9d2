/** PVH: ELF kernels whose note tells a 32-bit entry point. Xen, docs/misc/pvh.pandoc and public/arch-x86/hvm/start_info.h. */
import { ACPI_BASE } from "../acpi/tables.ts";
import { CannotBootError } from "./boot_error.ts";
import type { BootEntry, BootRequest } from "./boot_request.ts";
import { elfNotes, isElf, readElfImage } from "./elf_image.ts";
import { LowMemory } from "./low_memory.ts";
import { memoryMap } from "./memory_map.ts";
import { placeKernel } from "./placement.ts";

/** XEN_ELFNOTE_PHYS32_ENTRY: the physical address where the kernel is entered. */
const OWNER = "Xen", PHYS32_ENTRY = 18;
const START_MAGIC = 0x336e_c578, VERSION = 1;
const START_BYTES = 56, MODULE_BYTES = 32, MAP_ENTRY_BYTES = 24;

/** Whether a file is an ELF file with such a note. */
export function hasPvhEntry(file: Uint8Array): boolean {
  return isElf(file) && entryOf(file) !== undefined;
}

function entryOf(file: Uint8Array): number | undefined {
  const note = elfNotes(file).find(({ owner, type }) => owner === OWNER && type === PHYS32_ENTRY);
  if (note === undefined || note.bytes.length < 4) return undefined;
  return new DataView(note.bytes.buffer, note.bytes.byteOffset).getUint32(0, true);
}

/** Puts a kernel, its modules and the start information into RAM. */
export function loadPvh(ram: Uint8Array, { kernel, modules, commandLine }: BootRequest): BootEntry {
  const entry = entryOf(kernel);
  if (entry === undefined) throw new CannotBootError("the kernel has no note with a PVH entry point");
  const placed = placeKernel(ram, readElfImage(kernel), modules);
  const low = new LowMemory(ram, placed.kernel);
  const start = low.reserve(START_BYTES);
  const list = low.reserve(Math.max(1, modules.length) * MODULE_BYTES);
  const map = memoryMap(ram.length), mapAt = low.reserve(map.length * MAP_ENTRY_BYTES);
  for (const [n, module] of placed.modules.entries()) {
    const words = [module.start, 0, module.end - module.start, 0, low.text(module.commandLine), 0, 0, 0];
    low.words(list + MODULE_BYTES * n, words);
  }
  for (const [n, { start, size, type }] of map.entries()) {
    low.words(mapAt + MAP_ENTRY_BYTES * n, [start, 0, size, 0, type, 0]);
  }
  // deno-fmt-ignore
  low.words(start, [
    START_MAGIC, VERSION, 0, modules.length, list, 0, low.text(commandLine), 0, ACPI_BASE, 0, mapAt, 0, map.length, 0,
  ]);
  return { mode: "protected", eip: entry, eax: 0, ebx: start };
}
