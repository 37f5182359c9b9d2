/** What the memory-management unit offers to those who set up address spaces and copy to and from them. */

/** Kinds of access, as page-fault error codes and TLB tags tell them apart. */
export type Access = "read" | "write" | "execute";

/** Result of a translation: the host-physical address, or the error code of the page fault it raises. */
export type Translation = { readonly hpa: number } | { readonly error: number };
