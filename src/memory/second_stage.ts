/** The second stage of translation: guest-physical to host-physical. EPT (vmx/ept.ts) is one. SDM vol. 3C, chapter 29. */

/**
 * What paging allows at a linear address: each only if all entries of its translation do. Without paging all three.
 */
export interface PagingRights {
  /** It is a user-mode address. SDM vol. 3A, section 4.6. */
  readonly user: boolean;
  readonly writable: boolean;
  readonly executable: boolean;
}

/** What an access to guest-physical memory wants. */
export interface SecondStageAccess {
  readonly read: boolean;
  readonly write: boolean;
  readonly execute: boolean;
  /** The access is to a paging-structure entry, not to what a linear address names. */
  readonly table: boolean;
  /** False: it does not arise from a linear address. */
  readonly linear?: boolean;
  /** Of the linear address that it is the translation of; not with `table`. */
  readonly paging?: PagingRights;
}

/** Translates guest-physical addresses while the EPTP cell of the state is not 0. */
export interface SecondStage {
  /**
   * Host-physical address of the 4-KB page that holds a guest-physical address; -1 after recording a VM exit (then the
   * EVENT cell is Event.VM_EXIT).
   */
  translate(gpa: number, access: SecondStageAccess): number;
  /** Rights of the last page translated. Pages may be executable without being readable. */
  readonly readable: boolean;
  readonly writable: boolean;
  readonly executable: boolean;
}
