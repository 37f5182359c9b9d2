/** The VMX instructions as helpers call them; src/vmx implements them. SDM vol. 3C, chapter 31. */

/** Instructions with the address of a pointer in memory as their operand. */
export const VmxPointer = { VMXON: 0, VMPTRLD: 1, VMPTRST: 2, VMCLEAR: 3 } as const;
/** Instructions without an operand, behind which execution may go on elsewhere. */
export const VmxTransfer = { VMXOFF: 0, VMCALL: 1, VMLAUNCH: 2, VMRESUME: 3, VMFUNC: 4 } as const;
/** INVEPT and INVVPID. */
export const VmxInvalidation = { EPT: 0, VPID: 1 } as const;
/** Number of the register operand of VMREAD and VMWRITE where it is memory. */
export const IN_MEMORY = -1;

/** A processor with VMX. Linear addresses and 64-bit values come in halves; `flags` are MemoryFlag bits. */
export interface VmxInstructions {
  pointer(instruction: number, lo: number, hi: number, flags: number): void;
  /** `nextLo` and `nextHi`: the address behind the instruction. Returns where to go on; the upper half in RETURN_HI. */
  transfer(instruction: number, nextLo: number, nextHi: number): number;
  /** VMREAD to general register `register`, or to memory. */
  read(fieldLo: number, fieldHi: number, register: number, lo: number, hi: number, flags: number): void;
  write(fieldLo: number, fieldHi: number, register: number, lo: number, hi: number, flags: number): void;
  invalidate(
    instruction: number,
    typeLo: number,
    typeHi: number,
    lo: number,
    hi: number,
    flags: number,
  ): void;
}
