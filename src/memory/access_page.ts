/** A page whose accesses go elsewhere. The APIC-access page of VMX (vmx/apic_access.ts) is one. SDM vol. 3C, section 30.4. */

/** How linear addresses access the page. */
export type PageAccess = "read" | "write" | "fetch";

/** A page of host-physical memory that answers otherwise than RAM. */
export interface AccessPage {
  /** Its host-physical address; -1 while there is none. */
  readonly page: number;
  /**
   * Host-physical address in RAM that an access of `size` bytes goes to instead; -1 after recording a VM exit (then the EVENT
   * cell is Event.VM_EXIT). A write that is granted must follow.
   */
  locate(offset: number, size: number, access: PageAccess): number;
  /** The page holds a guest's paging structure: records a VM exit. */
  refuseTable(): void;
}
