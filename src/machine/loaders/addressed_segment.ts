/** Kernels that are no ELF files: their multiboot header tells where the file's bytes go. */
import { CannotBootError } from "./boot_error.ts";
import type { LoadSegment } from "./elf_image.ts";

/** What the headers of both versions say. */
export interface HeaderAddresses {
  /** Offset of the header in the file, and its physical address. */
  readonly at: number;
  readonly header: number;
  /** Where loading begins; where it ends (0: at the file's end), and where the zeros behind it do (0: there are none). */
  readonly load: number;
  readonly loadEnd: number;
  readonly bssEnd: number;
}

/** The file's part that is loaded. */
export function addressedSegment(file: Uint8Array, addresses: HeaderAddresses): LoadSegment {
  const { at, header, load, loadEnd, bssEnd } = addresses;
  const start = at - (header - load);
  const size = loadEnd === 0 ? file.length - start : loadEnd - load;
  if (start < 0 || size < 0 || start + size > file.length) {
    throw new CannotBootError("the addresses in the kernel's multiboot header do not fit its file");
  }
  const memorySize = Math.max(size, bssEnd === 0 ? 0 : bssEnd - load);
  return { address: load, bytes: file.subarray(start, start + size), memorySize };
}
