/** The memory-management unit: page walks, soft TLB refills, slow paths of loads and stores. */
import type { LinearMemory } from "./physical.ts";
import type { Access, Translation } from "./mmu_types.ts";

/** The part of the memory-management unit that operating-system code of the host uses. */
export interface Mmu {
  readonly memory: LinearMemory;
  /** Translates a linear address under the current CR3 as user (CPL 3) or supervisor access; sets A/D bits as the processor would. */
  translate(linear: bigint, access: Access, user: boolean): Translation;
  /** Makes the page tables at `cr3` current: finds or takes the world slot for it. Nothing is flushed. */
  switchAddressSpace(cr3: number): void;
  /** INVLPG in the current address space: call after changing a present page-table entry. */
  invalidatePage(linear: bigint): void;
  /** Drops everything cached for the address space `cr3` (after its tables are freed, or changed in bulk). */
  dropAddressSpace(cr3: number): void;
  /** Must be told when host code has written guest RAM (host-physical range): drops translated code there. */
  wroteRam(hpa: number, length: number): void;
}
