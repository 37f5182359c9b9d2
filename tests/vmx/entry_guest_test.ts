/** Checks of the guest-state fields but segments: each violates one rule of an otherwise valid VMCS. SDM vol. 3C, section 27.3.1. */
import { assertEquals } from "@std/assert";
import { Pin, Secondary } from "../../src/vmx/controls.ts";
import { guestFailure } from "../../src/vmx/entry_guest.ts";
import { Field } from "../../src/vmx/fields.ts";
import {
  BAD_PDPT,
  CODE32,
  CR0,
  CR4,
  entryControls,
  NOT_CANONICAL,
  OTHER_VMCS,
  PAE_GUEST,
  PDPT,
  pin,
  REAL_MODE,
  type Rules,
  secondary,
  SHADOW_VMCS,
  TOO_HIGH,
  type Values,
  VMCS,
  vmcs,
} from "./_vmcs.ts";

const LOAD_PAT = 1 << 14, LOAD_EFER = 1 << 15;
const HLT = 1, SHUTDOWN = 2, WAIT_FOR_SIPI = 3;
const STI = 1, MOV_SS = 2, SMI = 4, NMI_BLOCKED = 8;
const IF = 0x202, TF = 0x102, BS = 0x4000;

const inject = (information: number): Values => [
  [Field.ENTRY_INTERRUPTION, (1 << 31 | information) >>> 0],
  [Field.ENTRY_INSTRUCTION_LENGTH, 1],
];
const INTERRUPT = inject(0x20), NMI = inject(0x202), UD = inject(0x306), MC = inject(0x312);
const state = (activity: number, ...more: Values): Values => [[Field.GUEST_ACTIVITY, activity], ...more];
const blocked = (by: number, ...more: Values): Values => [[Field.GUEST_INTERRUPTIBILITY, by], ...more];
const flags = (value: number): Values => [[Field.GUEST_RFLAGS, value]];

// Section 27.3.1.1.
const REGISTERS: Rules = {
  "CR0: PG must be 1": [[Field.GUEST_CR0, 0x33]],
  "CR0: NE must be 1": [[Field.GUEST_CR0, CR0 & ~0x20]],
  "CR0: upper half": [[Field.GUEST_CR0, BigInt(CR0) | 1n << 32n]],
  "CR0: PG without PE": [...REAL_MODE, [Field.GUEST_CR0, 0x8000_0020]],
  "CR4: VMXE must be 1": [[Field.GUEST_CR4, 0x620]],
  "CR4: reserved": [[Field.GUEST_CR4, CR4 | 1 << 24]],
  "CR4: PAE in IA-32e mode": [[Field.GUEST_CR4, 0x2600]],
  "CR4: PCIDE outside IA-32e mode": [...PAE_GUEST, [Field.GUEST_CR4, CR4 | 1 << 17]],
  "IA-32e mode without paging": [...secondary(0x80), [Field.GUEST_CR0, 0x33]],
  "CR3": [[Field.GUEST_CR3, TOO_HIGH]],
  "DEBUGCTL: reserved": [[Field.GUEST_DEBUGCTL, 0x20]],
  "DR7: upper half": [[Field.GUEST_DR7, 1n << 32n]],
  "SYSENTER_ESP": [[Field.GUEST_SYSENTER_ESP, NOT_CANONICAL]],
  "SYSENTER_EIP": [[Field.GUEST_SYSENTER_EIP, NOT_CANONICAL]],
  "PAT": [...entryControls(LOAD_PAT), [Field.GUEST_PAT, 3]],
  "EFER: reserved": [...entryControls(LOAD_EFER), [Field.GUEST_EFER, 0x502]],
  "EFER: LMA is that of the control": [...entryControls(LOAD_EFER), [Field.GUEST_EFER, 1]],
  "EFER: LME is LMA with paging": [...entryControls(LOAD_EFER), [Field.GUEST_EFER, 0x400]],
};

// Sections 27.3.1.3 and 27.3.1.4.
const TABLES_AND_FLAGS: Rules = {
  "GDTR base": [[Field.GUEST_GDTR_BASE, NOT_CANONICAL]],
  "IDTR base": [[Field.GUEST_IDTR_BASE, NOT_CANONICAL]],
  "GDTR limit": [[Field.GUEST_GDTR_LIMIT, 0x1_0000]],
  "IDTR limit": [[Field.GUEST_IDTR_LIMIT, 0x1_0000]],
  "RIP": [[Field.GUEST_RIP, NOT_CANONICAL]],
  "RIP's upper half outside 64-bit mode": [[Field.GUEST_CS_RIGHTS, CODE32], [Field.GUEST_RIP, 1n << 32n]],
  "RFLAGS: bit 1 must be 1": flags(0),
  ...Object.fromEntries([3, 5, 15, 22, 31].map((bit) => [`RFLAGS: bit ${bit}`, flags((2 | 1 << bit) >>> 0)])),
  "RFLAGS: upper half": [[Field.GUEST_RFLAGS, 1n << 32n | 2n]],
  "RFLAGS: VM in IA-32e mode": flags(0x2_0002),
  "RFLAGS: VM in real mode": [...REAL_MODE, ...flags(0x2_0002)],
  "an interrupt with IF clear": INTERRUPT,
};

// Section 27.3.1.5.
const OTHER_STATE: Rules = {
  "activity: no such state": state(4),
  "activity: HLT at CPL 3": state(HLT, [Field.GUEST_SS_RIGHTS, 0xc0f3], [Field.GUEST_SS, 0x13], [
    Field.GUEST_CS,
    0xb,
  ], [Field.GUEST_CS_RIGHTS, 0xa0fb]),
  "activity: HLT in the shadow of STI": state(HLT, ...blocked(STI), ...flags(IF)),
  "activity: HLT in the shadow of MOV SS": state(HLT, ...blocked(MOV_SS)),
  "activity: HLT and #UD": state(HLT, ...UD),
  "activity: HLT and a software interrupt": state(HLT, ...inject(0x480)),
  "activity: shutdown and an interrupt": state(SHUTDOWN, ...INTERRUPT, ...flags(IF)),
  "activity: shutdown and the monitor trap flag": state(SHUTDOWN, ...inject(0x700)),
  "activity: wait-for-SIPI and an NMI": state(WAIT_FOR_SIPI, ...NMI),
  "interruptibility: reserved": blocked(0x20),
  "interruptibility: enclave": blocked(0x10),
  "interruptibility: STI and MOV SS": blocked(STI | MOV_SS, ...flags(IF)),
  "interruptibility: STI with IF clear": blocked(STI),
  "interruptibility: SMI": blocked(SMI),
  "interruptibility: an interrupt in the shadow of STI": blocked(STI, ...flags(IF), ...INTERRUPT),
  "interruptibility: an interrupt in the shadow of MOV SS": blocked(MOV_SS, ...flags(IF), ...INTERRUPT),
  "interruptibility: an NMI in the shadow of MOV SS": blocked(MOV_SS, ...NMI),
  "interruptibility: a virtual NMI while they are blocked": [
    ...pin(Pin.NMI | Pin.VIRTUAL_NMIS),
    ...blocked(NMI_BLOCKED, ...NMI),
  ],
  "pending debug exceptions: reserved bit 4": [[Field.GUEST_PENDING_DEBUG, 0x10]],
  "pending debug exceptions: reserved bit 13": [[Field.GUEST_PENDING_DEBUG, 0x2000]],
  "pending debug exceptions: RTM": [[Field.GUEST_PENDING_DEBUG, 0x1_1000]],
  "pending debug exceptions: TF without BS in a shadow": blocked(MOV_SS, ...flags(TF)),
  "pending debug exceptions: BS without TF in a shadow": blocked(MOV_SS, [Field.GUEST_PENDING_DEBUG, BS]),
  "pending debug exceptions: TF without BS in HLT": state(HLT, ...flags(TF)),
  "pending debug exceptions: BS with BTF in a shadow": blocked(
    MOV_SS,
    ...flags(TF),
    [Field.GUEST_DEBUGCTL, 2],
    [Field.GUEST_PENDING_DEBUG, BS],
  ),
};

const link = (pointer: bigint | number, ...more: Values): Values => [
  [Field.VMCS_LINK_POINTER, pointer],
  ...more,
];
const LINK_POINTER: Rules = {
  "alignment": link(OTHER_VMCS + 8),
  "width": link(TOO_HIGH),
  "the current VMCS": link(VMCS),
  "another revision": link(0x4000),
  "a shadow VMCS without shadowing": link(SHADOW_VMCS),
  "an ordinary VMCS with shadowing": link(OTHER_VMCS, ...secondary(Secondary.SHADOWING)),
};

const VPID_ONLY: Values = [[Field.SECONDARY_CONTROLS, 0x20]];
const PDPTES: Rules = {
  "in the VMCS, with EPT": [...PAE_GUEST, [Field.GUEST_PDPTE2, 0x1003]],
  "in the VMCS: width": [...PAE_GUEST, [Field.GUEST_PDPTE0, TOO_HIGH | 1n]],
  "in memory, without EPT": [...PAE_GUEST, ...VPID_ONLY, [Field.GUEST_CR3, BAD_PDPT]],
};

const VALID: Rules = {
  "as it is": [],
  "real mode": REAL_MODE,
  "PAE paging": [...PAE_GUEST, [Field.GUEST_PDPTE0, 0x1001], [Field.GUEST_PDPTE1, TOO_HIGH | 0x1fen]],
  "PAE paging without EPT": [...PAE_GUEST, ...VPID_ONLY, [Field.GUEST_CR3, PDPT]],
  "what is not loaded": [[Field.GUEST_PAT, 3], [Field.GUEST_EFER, 2]],
  "DEBUGCTL.BTF": [[Field.GUEST_DEBUGCTL, 2]],
  "an interrupt": [...INTERRUPT, ...flags(IF)],
  "HLT and an interrupt": state(HLT, ...INTERRUPT, ...flags(IF)),
  "HLT and an NMI": state(HLT, ...NMI),
  "HLT and #DB": state(HLT, ...inject(0x301)),
  "HLT and #MC": state(HLT, ...MC),
  "HLT and the monitor trap flag": state(HLT, ...inject(0x700)),
  "shutdown and an NMI": state(SHUTDOWN, ...NMI),
  "shutdown and #MC": state(SHUTDOWN, ...MC),
  "wait-for-SIPI": state(WAIT_FOR_SIPI),
  "an NMI while those of the processor are blocked": blocked(NMI_BLOCKED, ...NMI),
  "a single step in a shadow": blocked(MOV_SS, ...flags(TF), [Field.GUEST_PENDING_DEBUG, BS]),
  "a shadow VMCS": link(SHADOW_VMCS, ...secondary(Secondary.SHADOWING)),
  "another VMCS": link(OTHER_VMCS),
};

for (
  const [what, rules, qualification] of [
    ["guest registers are checked, section 27.3.1.1", REGISTERS, 0n],
    ["guest table registers, RIP and RFLAGS are checked, 27.3.1.3 and 27.3.1.4", TABLES_AND_FLAGS, 0n],
    ["guest state that is no register is checked, section 27.3.1.5", OTHER_STATE, 0n],
    ["the VMCS link pointer is checked: qualification 4, section 27.3.1.5", LINK_POINTER, 4n],
    ["page-directory-pointer entries are checked: qualification 2, section 27.3.1.6", PDPTES, 2n],
    ["guest state that the rules allow passes", VALID, undefined],
  ] as const
) {
  Deno.test(what, () => {
    for (const [rule, changes] of Object.entries(rules)) {
      assertEquals(guestFailure(vmcs(...changes)), qualification, rule);
    }
  });
}
