/** Physical memory as a PC's firmware describes it (INT 15H, AX = E820H): what boot loaders pass on to kernels. */
import { CannotBootError } from "./boot_error.ts";
import type { LoadSegment } from "./elf_image.ts";

/** Types of ranges, the same numbers in E820H, multiboot and PVH. ACPI specification, table 15-374. */
export const MemoryType = { AVAILABLE: 1, RESERVED: 2 } as const;

/** A range of physical addresses. */
export interface MemoryRange {
  readonly start: number;
  readonly size: number;
  readonly type: number;
}

/** Where the extended BIOS data area would be, where low memory ends, where the BIOS begins and high memory. */
export const LOW_END = 0x9_fc00, HIGH = 0x10_0000;
const VIDEO = 0xa_0000, BIOS = 0xf_0000;

/** The ranges of a machine with so many bytes of RAM, in ascending order. */
export function memoryMap(ramBytes: number): MemoryRange[] {
  const { AVAILABLE, RESERVED } = MemoryType;
  const high = Math.max(0, ramBytes - HIGH);
  return [
    { start: 0, size: LOW_END, type: AVAILABLE },
    { start: LOW_END, size: VIDEO - LOW_END, type: RESERVED },
    { start: BIOS, size: HIGH - BIOS, type: RESERVED },
    ...(high > 0 ? [{ start: HIGH, size: high, type: AVAILABLE }] : []),
  ];
}

/** Refuses a machine that has no RAM where something is to lie. */
export function requireRam(ram: Uint8Array, address: number, size: number): void {
  if (address + size <= ram.length) return;
  throw new CannotBootError(
    `RAM ends at 0x${ram.length.toString(16)}, and ${size} bytes are to go to 0x${address.toString(16)}; ` +
      `more memory may help`,
  );
}

/** Puts a piece of a kernel into RAM. */
export function place(ram: Uint8Array, { address, bytes, memorySize }: LoadSegment): void {
  requireRam(ram, address, memorySize);
  ram.set(bytes, address);
  ram.fill(0, address + bytes.length, address + memorySize);
}
