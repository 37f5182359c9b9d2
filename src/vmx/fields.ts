/** VMCS fields: encodings of the supported controls. SDM vol. 3D, appendix B; vol. 3C, section 25.11.2 (encoding). */

// deno-fmt-ignore
/** 16-bit fields. Section B.1. */
const WORD_FIELDS = {
  VPID: 0x0000, POSTED_INTERRUPT_VECTOR: 0x0002, EPTP_INDEX: 0x0004,
  GUEST_ES: 0x0800, GUEST_CS: 0x0802, GUEST_SS: 0x0804, GUEST_DS: 0x0806, GUEST_FS: 0x0808, GUEST_GS: 0x080a,
  GUEST_LDTR: 0x080c, GUEST_TR: 0x080e, GUEST_INTERRUPT_STATUS: 0x0810, PML_INDEX: 0x0812,
  HOST_ES: 0x0c00, HOST_CS: 0x0c02, HOST_SS: 0x0c04, HOST_DS: 0x0c06, HOST_FS: 0x0c08, HOST_GS: 0x0c0a,
  HOST_TR: 0x0c0c,
} as const;

// deno-fmt-ignore
/** 64-bit fields. Section B.2. */
const QUAD_FIELDS = {
  IO_BITMAP_A: 0x2000, IO_BITMAP_B: 0x2002, MSR_BITMAPS: 0x2004, EXIT_MSR_STORE_ADDRESS: 0x2006,
  EXIT_MSR_LOAD_ADDRESS: 0x2008, ENTRY_MSR_LOAD_ADDRESS: 0x200a, EXECUTIVE_VMCS: 0x200c, PML_ADDRESS: 0x200e,
  TSC_OFFSET: 0x2010, VIRTUAL_APIC: 0x2012, APIC_ACCESS: 0x2014, POSTED_INTERRUPT_DESCRIPTOR: 0x2016,
  VMFUNC_CONTROLS: 0x2018, EPTP: 0x201a, EOI_EXIT_BITMAP0: 0x201c, EOI_EXIT_BITMAP1: 0x201e,
  EOI_EXIT_BITMAP2: 0x2020, EOI_EXIT_BITMAP3: 0x2022, EPTP_LIST_ADDRESS: 0x2024, VMREAD_BITMAP: 0x2026,
  VMWRITE_BITMAP: 0x2028, EXCEPTION_INFORMATION: 0x202a, TSC_MULTIPLIER: 0x2032,
  GUEST_PHYSICAL_ADDRESS: 0x2400,
  VMCS_LINK_POINTER: 0x2800, GUEST_DEBUGCTL: 0x2802, GUEST_PAT: 0x2804, GUEST_EFER: 0x2806,
  GUEST_PDPTE0: 0x280a, GUEST_PDPTE1: 0x280c, GUEST_PDPTE2: 0x280e, GUEST_PDPTE3: 0x2810,
  HOST_PAT: 0x2c00, HOST_EFER: 0x2c02,
} as const;

// deno-fmt-ignore
/** 32-bit fields. Section B.3. */
const LONG_FIELDS = {
  PIN_CONTROLS: 0x4000, PRIMARY_CONTROLS: 0x4002, EXCEPTION_BITMAP: 0x4004, PAGE_FAULT_MASK: 0x4006,
  PAGE_FAULT_MATCH: 0x4008, CR3_TARGET_COUNT: 0x400a, EXIT_CONTROLS: 0x400c, EXIT_MSR_STORE_COUNT: 0x400e,
  EXIT_MSR_LOAD_COUNT: 0x4010, ENTRY_CONTROLS: 0x4012, ENTRY_MSR_LOAD_COUNT: 0x4014,
  ENTRY_INTERRUPTION: 0x4016, ENTRY_ERROR_CODE: 0x4018, ENTRY_INSTRUCTION_LENGTH: 0x401a, TPR_THRESHOLD: 0x401c,
  SECONDARY_CONTROLS: 0x401e, PLE_GAP: 0x4020, PLE_WINDOW: 0x4022,
  INSTRUCTION_ERROR: 0x4400, EXIT_REASON: 0x4402, EXIT_INTERRUPTION: 0x4404, EXIT_ERROR_CODE: 0x4406,
  VECTORING: 0x4408, VECTORING_ERROR_CODE: 0x440a, EXIT_INSTRUCTION_LENGTH: 0x440c,
  EXIT_INSTRUCTION_INFORMATION: 0x440e,
  GUEST_ES_LIMIT: 0x4800, GUEST_CS_LIMIT: 0x4802, GUEST_SS_LIMIT: 0x4804, GUEST_DS_LIMIT: 0x4806,
  GUEST_FS_LIMIT: 0x4808, GUEST_GS_LIMIT: 0x480a, GUEST_LDTR_LIMIT: 0x480c, GUEST_TR_LIMIT: 0x480e,
  GUEST_GDTR_LIMIT: 0x4810, GUEST_IDTR_LIMIT: 0x4812,
  GUEST_ES_RIGHTS: 0x4814, GUEST_CS_RIGHTS: 0x4816, GUEST_SS_RIGHTS: 0x4818, GUEST_DS_RIGHTS: 0x481a,
  GUEST_FS_RIGHTS: 0x481c, GUEST_GS_RIGHTS: 0x481e, GUEST_LDTR_RIGHTS: 0x4820, GUEST_TR_RIGHTS: 0x4822,
  GUEST_INTERRUPTIBILITY: 0x4824, GUEST_ACTIVITY: 0x4826, GUEST_SMBASE: 0x4828, GUEST_SYSENTER_CS: 0x482a,
  PREEMPTION_TIMER: 0x482e,
  HOST_SYSENTER_CS: 0x4c00,
} as const;

// deno-fmt-ignore
/** Natural-width fields. Section B.4. */
const NATURAL_FIELDS = {
  CR0_MASK: 0x6000, CR4_MASK: 0x6002, CR0_SHADOW: 0x6004, CR4_SHADOW: 0x6006,
  CR3_TARGET0: 0x6008, CR3_TARGET1: 0x600a, CR3_TARGET2: 0x600c, CR3_TARGET3: 0x600e,
  EXIT_QUALIFICATION: 0x6400, IO_RCX: 0x6402, IO_RSI: 0x6404, IO_RDI: 0x6406, IO_RIP: 0x6408,
  GUEST_LINEAR_ADDRESS: 0x640a,
  GUEST_CR0: 0x6800, GUEST_CR3: 0x6802, GUEST_CR4: 0x6804,
  GUEST_ES_BASE: 0x6806, GUEST_CS_BASE: 0x6808, GUEST_SS_BASE: 0x680a, GUEST_DS_BASE: 0x680c,
  GUEST_FS_BASE: 0x680e, GUEST_GS_BASE: 0x6810, GUEST_LDTR_BASE: 0x6812, GUEST_TR_BASE: 0x6814,
  GUEST_GDTR_BASE: 0x6816, GUEST_IDTR_BASE: 0x6818,
  GUEST_DR7: 0x681a, GUEST_RSP: 0x681c, GUEST_RIP: 0x681e, GUEST_RFLAGS: 0x6820,
  GUEST_PENDING_DEBUG: 0x6822, GUEST_SYSENTER_ESP: 0x6824, GUEST_SYSENTER_EIP: 0x6826,
  HOST_CR0: 0x6c00, HOST_CR3: 0x6c02, HOST_CR4: 0x6c04, HOST_FS_BASE: 0x6c06, HOST_GS_BASE: 0x6c08,
  HOST_TR_BASE: 0x6c0a, HOST_GDTR_BASE: 0x6c0c, HOST_IDTR_BASE: 0x6c0e, HOST_SYSENTER_ESP: 0x6c10,
  HOST_SYSENTER_EIP: 0x6c12, HOST_RSP: 0x6c14, HOST_RIP: 0x6c16,
} as const;

/**
 * Encodings by name. Bit 0 (the upper half of a 64-bit field) is clear. Not one literal: V8 makes those of 128 properties or
 * more hash tables, which are searched each time a name is mentioned.
 */
export const Field = { ...WORD_FIELDS, ...QUAD_FIELDS, ...LONG_FIELDS, ...NATURAL_FIELDS } as const;

/** Width of a field, encoding bits 14:13. */
export const Width = { WORD: 0, QUAD: 1, LONG: 2, NATURAL: 3 } as const;
/** Width of the field with this encoding. */
export const widthOf = (encoding: number): number => (encoding >> 13) & 3;
/** The encoding names the upper half of a 64-bit field. */
export const isHigh = (encoding: number): boolean => (encoding & 1) !== 0;

const NO_SLOT = -1;
/** By the encoding without its bit 0. */
const SLOTS = new Int16Array(0x4000).fill(NO_SLOT);
for (const [slot, encoding] of Object.values(Field).entries()) SLOTS[encoding >> 1] = slot;

/** Number of the field's place in our VMCS layout; undefined if the field is not supported. */
export function slotOf(encoding: number): number | undefined {
  if (isHigh(encoding) && widthOf(encoding) !== Width.QUAD) return undefined;
  const slot = SLOTS[encoding >>> 1] ?? NO_SLOT;
  return slot === NO_SLOT ? undefined : slot;
}

/** Highest index in bits 9:1 of a supported encoding, as IA32_VMX_VMCS_ENUM reports it. */
export const HIGHEST_INDEX: number = Math.max(
  ...Object.values(Field).map((encoding) => (encoding >> 1) & 0x1ff),
);
