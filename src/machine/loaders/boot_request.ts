/** What a loader is given and what it answers. */
import type { DescriptorTable } from "./boot_descriptors.ts";

/** A file that the loader puts into memory along with the kernel: a multiboot module, a part of Linux's initrd. */
export interface BootModule {
  readonly bytes: Uint8Array;
  /** The string that goes with it, where the protocol has one. Default: empty. */
  readonly commandLine?: string;
}

/** What is booted. */
export interface BootRequest {
  readonly kernel: Uint8Array;
  readonly modules: readonly BootModule[];
  readonly commandLine: string;
  /** The kernel is a flat binary, which goes to this physical address and is entered at its first byte. */
  readonly loadAddress?: number | undefined;
}

/** How the kernel is entered: processor mode, and the general registers that are not 0. */
export type BootEntry =
  | {
    readonly mode: "protected";
    readonly eip: number;
    readonly eax: number;
    readonly ebx: number;
    /** Default: 0. */
    readonly esi?: number;
    /** Where the protocol has one. The segments are as if loaded from there. */
    readonly descriptors?: DescriptorTable;
  }
  | {
    readonly mode: "long";
    readonly rip: number;
    readonly rsi: number;
    /** Physical address of the page tables. */
    readonly cr3: number;
    readonly descriptors: DescriptorTable;
  };
