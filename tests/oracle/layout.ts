/** Where a case's memory lies, natively and in the guest: the same linear addresses. runner.c has the same numbers. */

export const PAGE = 0x1000;
/** Three data pages, the third read-only; what lies around them is not mapped. */
export const LOW_DATA = 0x1000_0000n;
/** One data page far above 4 GB. */
export const HIGH_DATA = 0x1234_1000_0000n;
/** Two pages of code, writable. */
export const CODE = 0x2000_0000n;
/** Bases of FS and GS. */
export const FS_BASE = LOW_DATA + 0x800n;
export const GS_BASE = HIGH_DATA + 0x800n;

/** Pages in the order of the flat memory image. */
export const PAGES: readonly { readonly address: bigint; readonly protection: "rw" | "r" | "rwx" }[] = [
  { address: LOW_DATA, protection: "rw" },
  { address: LOW_DATA + 0x1000n, protection: "rw" },
  { address: LOW_DATA + 0x2000n, protection: "r" },
  { address: HIGH_DATA, protection: "rw" },
  { address: CODE, protection: "rwx" },
  { address: CODE + 0x1000n, protection: "rwx" },
];
/** Bytes of the flat memory image, and where its code pages start. */
export const IMAGE_BYTES = PAGES.length * PAGE;
export const CODE_OFFSET = 4 * PAGE;
