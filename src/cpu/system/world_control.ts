/** What privileged instructions ask of the memory side: worlds and what is cached for them. SDM vol. 3A, section 4.10. */

import type { Breakpoints } from "./breakpoints.ts";

/** INVPCID's types. SDM vol. 2A, "INVPCID". */
export const InvpcidType = { ADDRESS: 0, CONTEXT: 1, ALL: 2, ALL_BUT_GLOBAL: 3 } as const;

/** What came of loading the page-directory-pointer entries; `refused`: the second stage has recorded a VM exit. */
export type PdpteLoad = "loaded" | "reserved bits" | "refused";

/** Links between worlds that differ in little: to CPL 0 with RFLAGS.AC clear; from CPL 0 to 3; in RFLAGS.AC alone. */
export const RingLink = { SYSCALL: 0, TO_USER: 1, AC: 2 } as const;
/** One of them. */
export type RingLinkKind = (typeof RingLink)[keyof typeof RingLink];

/** Implemented by the memory-management unit. */
export interface WorldControl {
  /** CR0, CR4, EFER, CPL, RFLAGS.AC, EPTP or VPID in the state has changed: selects the world they describe. Nothing is flushed. */
  enterWorld(): void;
  /** Notes that a link leads from the world with this slot to the current one. They differ in nothing else. */
  linkRing?(from: number, kind: RingLinkKind): void;
  /** MOV to CR3. `flush`: drops what is cached for the new PCID, except global pages. */
  loadCr3(value: bigint, flush: boolean): void;
  /** Loads the page-directory-pointer entries of PAE paging from the table at a guest-physical address. */
  loadPdptes(table: number): PdpteLoad;
  /** INVLPG: the page that holds a linear address, global or not, for the current VPID. */
  invalidatePage(linear: bigint): void;
  /** INVPCID of one of the types, for the current VPID. */
  invalidatePcid(type: number, pcid: number, linear: bigint): void;
  /** Everything cached for the current VPID, global pages included (CR4.PGE changed, paging turned off). */
  flushAll(): void;
  /** The breakpoints in force; undefined where there are no debug registers. */
  readonly breakpoints: Breakpoints | undefined;
  /** The debug registers have changed. */
  breakpointsChanged(): void;
}
