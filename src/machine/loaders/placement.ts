/** Putting a kernel and its modules into RAM, the same for all protocols that take ELF files and modules. */
import type { BootModule } from "./boot_request.ts";
import type { KernelImage } from "./elf_image.ts";
import { HIGH, place } from "./memory_map.ts";

/** A range of physical addresses; `end` is the first behind it. */
export interface PhysicalRange {
  readonly start: number;
  readonly end: number;
}

/** A module, and where it is. */
export interface PlacedModule extends PhysicalRange {
  readonly commandLine: string;
}

const PAGE = 0x1000;

/** Puts the kernel where it wants to be, the modules behind it, each at the start of a page. */
export function placeKernel(
  ram: Uint8Array,
  image: KernelImage,
  modules: readonly BootModule[],
): { readonly kernel: readonly PhysicalRange[]; readonly modules: readonly PlacedModule[] } {
  for (const segment of image.segments) place(ram, segment);
  const kernel = image.segments.map(({ address, memorySize }) => ({
    start: address,
    end: address + memorySize,
  }));
  let end = Math.max(HIGH, ...kernel.map((range) => range.end));
  const placed = modules.map(({ bytes, commandLine = "" }) => {
    const start = Math.ceil(end / PAGE) * PAGE;
    end = start + bytes.length;
    place(ram, { address: start, bytes, memorySize: bytes.length });
    return { start, end, commandLine };
  });
  return { kernel, modules: placed };
}
