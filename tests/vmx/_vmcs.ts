/** A VMCS that passes all checks of VM entry, for tests that change it. */
import { LinearMemory, RAM_BASE } from "../../src/memory/physical.ts";
import { REVISION } from "../../src/vmx/capabilities.ts";
import { ALLOWED } from "../../src/vmx/controls.ts";
import { Field } from "../../src/vmx/fields.ts";
import { Vmcs } from "../../src/vmx/vmcs.ts";

/** Fields and what they hold. */
export type Values = readonly (readonly [field: number, value: bigint | number])[];
/** Name of a rule, and the changes that break it. */
export type Rules = Readonly<Record<string, Values>>;

export const CR0 = 0x8001_0033, CR4 = 0x2620, LONG = 1 << 9;
export const CODE64 = 0xa09b, CODE32 = 0xc09b, DATA = 0xc093, FLAT = 0xffff_ffff, UNUSABLE = 0x1_0000;
export const NOT_CANONICAL = 0x8000_0000_0000n, TOO_HIGH = 1n << 40n;
/** Physical addresses: of the VMCS, of another one with the right revision, and of a shadow VMCS. */
export const VMCS = 0x1000, OTHER_VMCS = 0x2000, SHADOW_VMCS = 0x3000;
/** Of the virtual-APIC page: its task priority is 5. */
export const VIRTUAL_APIC = 0x4000;
/** Of page-directory-pointer tables: a valid one, and one with a reserved bit set. */
export const PDPT = 0x5000, BAD_PDPT = 0x5020;

const memory = new LinearMemory(0x1_0000);

/** Pin-based and primary controls with these bits set, as changes. */
export const pin = (bits: number): Values => [[Field.PIN_CONTROLS, ALLOWED.pin.one | bits]];
export const primary = (bits: number): Values => [
  [Field.PRIMARY_CONTROLS, (ALLOWED.primary.one | 1 << 31 | bits) >>> 0],
];
export const exitControls = (bits: number): Values => [[Field.EXIT_CONTROLS, ALLOWED.exit.one | LONG | bits]];
export const entryControls = (bits: number): Values => [
  [Field.ENTRY_CONTROLS, ALLOWED.entry.one | LONG | bits],
];
/** Secondary controls with EPT and VPID. */
export const secondary = (bits: number): Values => [[Field.SECONDARY_CONTROLS, 0x22 | bits]];

/** A guest in protected mode with PAE paging. */
export const PAE_GUEST: Values = [
  [Field.ENTRY_CONTROLS, ALLOWED.entry.one],
  [Field.GUEST_CS_RIGHTS, CODE32],
];
/** One in virtual-8086 mode. */
export const VIRTUAL_8086: Values = [
  ...PAE_GUEST,
  [Field.GUEST_RFLAGS, 0x2_0002],
  ...[0, 1, 2, 3, 4, 5].flatMap((n): Values => [
    [Field.GUEST_ES + 2 * n, 0x10],
    [Field.GUEST_ES_BASE + 2 * n, 0x100],
    [Field.GUEST_ES_LIMIT + 2 * n, 0xffff],
    [Field.GUEST_ES_RIGHTS + 2 * n, 0xf3],
  ]),
];
/** One in real mode, unrestricted. */
export const REAL_MODE: Values = [
  ...secondary(0x80),
  [Field.ENTRY_CONTROLS, ALLOWED.entry.one],
  [Field.GUEST_CR0, 0x20],
  [Field.GUEST_CR4, 0x2000],
  [Field.GUEST_CS_RIGHTS, 0x93],
  [Field.GUEST_CS_LIMIT, 0xffff],
  [Field.GUEST_CS, 0xf000],
];
/** A host in 32-bit mode that enters such a guest. */
export const HOST_32: Values = [
  ...PAE_GUEST,
  [Field.EXIT_CONTROLS, ALLOWED.exit.one],
  [Field.HOST_SS, 0x10],
];

/** Fields of a VMCS with a 64-bit host and guest under EPT. */
export const VALID: Values = [
  ...pin(0),
  ...primary(0),
  ...secondary(0),
  ...exitControls(0),
  ...entryControls(0),
  [Field.VPID, 1],
  [Field.EPTP, 0x205e],
  [Field.HOST_CR0, CR0],
  [Field.HOST_CR4, CR4],
  [Field.HOST_CS, 8],
  [Field.HOST_TR, 0x18],
  [Field.GUEST_CR0, CR0],
  [Field.GUEST_CR4, CR4],
  [Field.GUEST_RFLAGS, 2],
  [Field.VMCS_LINK_POINTER, 0xffff_ffff_ffff_ffffn],
  ...[0, 1, 2, 3, 4, 5].flatMap((n): Values => [
    [Field.GUEST_ES + 2 * n, n === 1 ? 8 : 0x10],
    [Field.GUEST_ES_LIMIT + 2 * n, FLAT],
    [Field.GUEST_ES_RIGHTS + 2 * n, n === 1 ? CODE64 : DATA],
  ]),
  [Field.GUEST_LDTR_RIGHTS, UNUSABLE],
  [Field.GUEST_TR_RIGHTS, 0x8b],
  [Field.GUEST_TR_LIMIT, 0x67],
];

/** A VMCS with those, and these fields changed. */
export function vmcs(...changes: Values): Vmcs {
  const v = new Vmcs(memory, BigInt(VMCS));
  memory.ram(VMCS, 0x5000).fill(0);
  memory.view.setInt32(RAM_BASE + VMCS, REVISION, true);
  memory.view.setInt32(RAM_BASE + OTHER_VMCS, REVISION, true);
  memory.view.setInt32(RAM_BASE + SHADOW_VMCS, REVISION | 1 << 31, true);
  memory.view.setInt32(RAM_BASE + VIRTUAL_APIC + 0x80, 0x50, true);
  memory.view.setInt32(RAM_BASE + PDPT, 0x6001, true);
  memory.view.setInt32(RAM_BASE + BAD_PDPT + 8, 0x6003, true);
  for (const [field, value] of [...VALID, ...changes]) v.write(field, value);
  return v;
}
