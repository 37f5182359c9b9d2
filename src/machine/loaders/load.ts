/** Which loader a kernel takes. */
import { CannotBootError } from "./boot_error.ts";
import type { BootEntry, BootRequest } from "./boot_request.ts";
import { isLinux, loadLinux } from "./linux.ts";
import { enterLongMode } from "./long_mode.ts";
import { place } from "./memory_map.ts";
import { hasMultibootHeader, loadMultiboot } from "./multiboot1.ts";
import { hasMultiboot2Header, loadMultiboot2 } from "./multiboot2.ts";
import { enterProtectedMode } from "./protected_mode.ts";
import { hasPvhEntry, loadPvh } from "./pvh.ts";

/** How kernels come. */
export type KernelFormat = "linux" | "multiboot 1" | "multiboot 2" | "PVH";

/** The format of a file; what is nothing else is taken for multiboot, whose loader says what is missing. */
export function kernelFormat(kernel: Uint8Array): KernelFormat {
  if (isLinux(kernel)) return "linux";
  if (hasMultibootHeader(kernel)) return "multiboot 1";
  if (hasMultiboot2Header(kernel)) return "multiboot 2";
  return hasPvhEntry(kernel) ? "PVH" : "multiboot 1";
}

const LOADERS = {
  linux: loadLinux,
  "multiboot 1": loadMultiboot,
  "multiboot 2": loadMultiboot2,
  PVH: loadPvh,
} as const satisfies Record<KernelFormat, (ram: Uint8Array, request: BootRequest) => BootEntry>;

/** Puts a kernel and what belongs to it into RAM. ACPI's tables must be there already. Throws `CannotBootError`. */
export function loadKernel(ram: Uint8Array, request: BootRequest): BootEntry {
  if (request.loadAddress !== undefined) return loadFlat(ram, request.kernel, request.loadAddress);
  return LOADERS[kernelFormat(request.kernel)](ram, request);
}

/** Puts the processor where the kernel is entered. */
export function enterKernel(state: DataView, entry: BootEntry): void {
  if (entry.mode === "long") enterLongMode(state, entry);
  else enterProtectedMode(state, entry);
}

/** Puts a file that has no format at an address, where it is entered as multiboot kernels are, with empty registers. */
function loadFlat(ram: Uint8Array, file: Uint8Array, address: number): BootEntry {
  if (file.length === 0) throw new CannotBootError("the kernel is empty");
  place(ram, { address, bytes: file, memorySize: file.length });
  return { mode: "protected", eip: address, eax: 0, ebx: 0 };
}
