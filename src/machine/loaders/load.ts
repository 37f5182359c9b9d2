/** Which loader a kernel takes. */
import type { BootEntry, BootRequest } from "./boot_request.ts";
import { isLinux, loadLinux } from "./linux.ts";
import { enterLongMode } from "./long_mode.ts";
import { loadMultiboot } from "./multiboot1.ts";
import { enterProtectedMode } from "./protected_mode.ts";

/** How kernels come. */
export type KernelFormat = "linux" | "multiboot 1";

/** The format of a file; what is nothing else is taken for multiboot, whose loader says what is missing. */
export function kernelFormat(kernel: Uint8Array): KernelFormat {
  return isLinux(kernel) ? "linux" : "multiboot 1";
}

const LOADERS = {
  linux: loadLinux,
  "multiboot 1": loadMultiboot,
} as const satisfies Record<KernelFormat, (ram: Uint8Array, request: BootRequest) => BootEntry>;

/** Puts a kernel and what belongs to it into RAM. Throws `CannotBootError`. */
export function loadKernel(ram: Uint8Array, request: BootRequest): BootEntry {
  return LOADERS[kernelFormat(request.kernel)](ram, request);
}

/** Puts the processor where the kernel is entered. */
export function enterKernel(state: DataView, entry: BootEntry): void {
  if (entry.mode === "long") enterLongMode(state, entry);
  else enterProtectedMode(state, entry);
}
