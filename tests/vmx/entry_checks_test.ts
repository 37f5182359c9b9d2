/** Checks of VM entry: each violates one rule of an otherwise valid VMCS. SDM vol. 3C, chapter 27. */
import { assertEquals } from "@std/assert";
import { LinearMemory } from "../../src/memory/physical.ts";
import { ALLOWED } from "../../src/vmx/controls.ts";
import { controlsAreValid, guestFailure, hostIsValid } from "../../src/vmx/entry_checks.ts";
import { Field } from "../../src/vmx/fields.ts";
import { Vmcs } from "../../src/vmx/vmcs.ts";

type Values = readonly (readonly [field: number, value: bigint | number])[];

const memory = new LinearMemory(0x1_0000);
const CR0 = 0x8001_0033, CR4 = 0x2620, LONG = 1 << 9, CODE64 = 0xa09b, DATA = 0xc093, FLAT = 0xffff_ffff;

/** A VMCS with a 64-bit host and guest under EPT, and these fields changed. */
function vmcs(...changes: Values): Vmcs {
  const v = new Vmcs(memory, 0x1000n);
  memory.ram(0x1000, 0x1000).fill(0);
  const valid: Values = [
    [Field.PIN_CONTROLS, ALLOWED.pin.one],
    [Field.PRIMARY_CONTROLS, (ALLOWED.primary.one | 1 << 31) >>> 0],
    [Field.SECONDARY_CONTROLS, 0x22],
    [Field.VPID, 1],
    [Field.EPTP, 0x205e],
    [Field.EXIT_CONTROLS, ALLOWED.exit.one | LONG],
    [Field.ENTRY_CONTROLS, ALLOWED.entry.one | LONG],
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
    [Field.GUEST_LDTR_RIGHTS, 0x1_0000],
    [Field.GUEST_TR_RIGHTS, 0x8b],
    [Field.GUEST_TR_LIMIT, 0x67],
  ]; // deno-fmt-ignore
  for (const [field, value] of [...valid, ...changes]) v.write(field, value);
  return v;
}

const NOT_CANONICAL = 0x8000_0000_0000n, TOO_HIGH = 1n << 40n;

/** Name of the rule, and the changes that break it. */
const CONTROLS: Readonly<Record<string, Values>> = {
  "pin-based reserved": [[Field.PIN_CONTROLS, 0]],
  "pin-based unsupported": [[Field.PIN_CONTROLS, ALLOWED.pin.one | 0x20]],
  "primary reserved": [[Field.PRIMARY_CONTROLS, 0]],
  "secondary unsupported": [[Field.SECONDARY_CONTROLS, 0x22 | 1 << 20]],
  "CR3-target count": [[Field.CR3_TARGET_COUNT, 5]],
  "I/O bitmap alignment": [[Field.PRIMARY_CONTROLS, ALLOWED.primary.one | 1 << 25], [Field.IO_BITMAP_A, 1]],
  "MSR bitmap address": [
    [Field.PRIMARY_CONTROLS, ALLOWED.primary.one | 1 << 28],
    [Field.MSR_BITMAPS, TOO_HIGH],
  ],
  "VPID of 0": [[Field.VPID, 0]],
  "EPTP memory type": [[Field.EPTP, 0x2059]],
  "EPTP walk length": [[Field.EPTP, 0x2066]],
  "EPTP reserved bits": [[Field.EPTP, 0x20de]],
  "EPTP address": [[Field.EPTP, TOO_HIGH | 0x5en]],
  "unrestricted guest without EPT": [[Field.SECONDARY_CONTROLS, 0xa0]],
  "VM functions reserved": [[Field.SECONDARY_CONTROLS, 0x2022], [Field.VMFUNC_CONTROLS, 2]],
  "EPTP list alignment": [
    [Field.SECONDARY_CONTROLS, 0x2022],
    [Field.VMFUNC_CONTROLS, 1],
    [Field.EPTP_LIST_ADDRESS, 8],
  ],
  "EPTP switching without EPT": [[Field.SECONDARY_CONTROLS, 0x2020], [Field.VMFUNC_CONTROLS, 1]],
  "exit reserved": [[Field.EXIT_CONTROLS, 0]],
  "timer saved but not active": [[Field.EXIT_CONTROLS, ALLOWED.exit.one | LONG | 1 << 22]],
  "exit MSR-store area": [[Field.EXIT_MSR_STORE_COUNT, 1], [Field.EXIT_MSR_STORE_ADDRESS, 8]],
  "exit MSR-load area": [[Field.EXIT_MSR_LOAD_COUNT, 1], [Field.EXIT_MSR_LOAD_ADDRESS, TOO_HIGH - 8n]],
  "entry reserved": [[Field.ENTRY_CONTROLS, 0]],
  "injection type 1": [[Field.ENTRY_INTERRUPTION, 0x8000_0100]],
  "injection type 7": [[Field.ENTRY_INTERRUPTION, 0x8000_0700]],
  "injected NMI's vector": [[Field.ENTRY_INTERRUPTION, 0x8000_0203]],
  "injected exception's vector": [[Field.ENTRY_INTERRUPTION, 0x8000_0320]],
  "injection with an error code it has not": [[Field.ENTRY_INTERRUPTION, 0x8000_0b06]],
  "injection without its error code": [[Field.ENTRY_INTERRUPTION, 0x8000_030d]],
  "injection reserved": [[Field.ENTRY_INTERRUPTION, 0x8000_1020]],
  "injected error code": [[Field.ENTRY_INTERRUPTION, 0x8000_0b0d], [Field.ENTRY_ERROR_CODE, 0x1_0000]],
  "instruction length of 0": [[Field.ENTRY_INTERRUPTION, 0x8000_0480]],
  "instruction length of 16": [
    [Field.ENTRY_INTERRUPTION, 0x8000_0480],
    [Field.ENTRY_INSTRUCTION_LENGTH, 16],
  ],
  "entry MSR-load area": [[Field.ENTRY_MSR_LOAD_COUNT, 513]],
};

const HOST: Readonly<Record<string, Values>> = {
  "CR0.PG": [[Field.HOST_CR0, 0x33]],
  "CR0 upper half": [[Field.HOST_CR0, BigInt(CR0) | 1n << 32n]],
  "CR4.VMXE": [[Field.HOST_CR4, 0x620]],
  "CR4 reserved": [[Field.HOST_CR4, CR4 | 1 << 24]],
  "CR4.PAE": [[Field.HOST_CR4, 0x2600]],
  "CR3": [[Field.HOST_CR3, TOO_HIGH]],
  "SYSENTER_ESP": [[Field.HOST_SYSENTER_ESP, NOT_CANONICAL]],
  "SYSENTER_EIP": [[Field.HOST_SYSENTER_EIP, NOT_CANONICAL]],
  "PAT": [[Field.EXIT_CONTROLS, ALLOWED.exit.one | LONG | 1 << 19], [Field.HOST_PAT, 2]],
  "EFER": [[Field.EXIT_CONTROLS, ALLOWED.exit.one | LONG | 1 << 21], [Field.HOST_EFER, 0x100]],
  "RPL of DS": [[Field.HOST_DS, 3]],
  "TI of ES": [[Field.HOST_ES, 4]],
  "CS of 0": [[Field.HOST_CS, 0]],
  "TR of 0": [[Field.HOST_TR, 0]],
  "FS base": [[Field.HOST_FS_BASE, NOT_CANONICAL]],
  "GDTR base": [[Field.HOST_GDTR_BASE, NOT_CANONICAL]],
  "TR base": [[Field.HOST_TR_BASE, NOT_CANONICAL]],
  "address-space size": [[Field.EXIT_CONTROLS, ALLOWED.exit.one]],
  "RIP": [[Field.HOST_RIP, NOT_CANONICAL]],
};

const GUEST: Readonly<Record<string, Values>> = {
  "CR0.PG": [[Field.GUEST_CR0, 0x33]],
  "CR4.VMXE": [[Field.GUEST_CR4, 0x620]],
  "CR4.PAE in IA-32e mode": [[Field.GUEST_CR4, 0x2600]],
  "DR7 upper half": [[Field.GUEST_DR7, 1n << 32n]],
  "CR3": [[Field.GUEST_CR3, TOO_HIGH]],
  "SYSENTER_EIP": [[Field.GUEST_SYSENTER_EIP, NOT_CANONICAL]],
  "PAT": [[Field.ENTRY_CONTROLS, ALLOWED.entry.one | LONG | 1 << 14], [Field.GUEST_PAT, 3]],
  "EFER.LMA": [[Field.ENTRY_CONTROLS, ALLOWED.entry.one | LONG | 1 << 15], [Field.GUEST_EFER, 1]],
  "TI of TR": [[Field.GUEST_TR, 4]],
  "RPL of SS": [[Field.GUEST_SS, 0x13]],
  "FS base": [[Field.GUEST_FS_BASE, NOT_CANONICAL]],
  "CS base": [[Field.GUEST_CS_BASE, 1n << 32n]],
  "CS is data": [[Field.GUEST_CS_RIGHTS, DATA]],
  "CS absent": [[Field.GUEST_CS_RIGHTS, 0xa01b]],
  "CS has L and D": [[Field.GUEST_CS_RIGHTS, 0xe09b]],
  "CS limit and G": [[Field.GUEST_CS_LIMIT, 0xfff0_0000]],
  "CS DPL": [[Field.GUEST_CS_RIGHTS, 0xa0fb]],
  "SS is read-only": [[Field.GUEST_SS_RIGHTS, 0xc091]],
  "DS not accessed": [[Field.GUEST_DS_RIGHTS, 0xc092]],
  "DS reserved": [[Field.GUEST_DS_RIGHTS, 0xc193]],
  "DS DPL below RPL": [[Field.GUEST_DS, 0x13]],
  "TR available": [[Field.GUEST_TR_RIGHTS, 0x89]],
  "TR unusable": [[Field.GUEST_TR_RIGHTS, 0x1_008b]],
  "LDTR type": [[Field.GUEST_LDTR_RIGHTS, 0x8b]],
  "GDTR limit": [[Field.GUEST_GDTR_LIMIT, 0x1_0000]],
  "IDTR base": [[Field.GUEST_IDTR_BASE, NOT_CANONICAL]],
  "RIP": [[Field.GUEST_RIP, NOT_CANONICAL]],
  "RFLAGS bit 1": [[Field.GUEST_RFLAGS, 0]],
  "RFLAGS reserved": [[Field.GUEST_RFLAGS, 0xa]],
  "RFLAGS.VM in IA-32e mode": [[Field.GUEST_RFLAGS, 0x2_0002]],
  "interrupt injected with IF clear": [[Field.ENTRY_INTERRUPTION, 0x8000_0020]],
  "activity state": [[Field.GUEST_ACTIVITY, 1]],
  "interruptibility reserved": [[Field.GUEST_INTERRUPTIBILITY, 0x20]],
  "STI and MOV SS": [[Field.GUEST_INTERRUPTIBILITY, 3], [Field.GUEST_RFLAGS, 0x202]],
  "STI with IF clear": [[Field.GUEST_INTERRUPTIBILITY, 1]],
  "NMI in the shadow of MOV SS": [
    [Field.GUEST_INTERRUPTIBILITY, 2],
    [Field.ENTRY_INTERRUPTION, 0x8000_0202],
  ],
  "pending debug exceptions": [[Field.GUEST_PENDING_DEBUG, 0x10]],
};

Deno.test("the VMCS from which the tables start is valid", () => {
  const v = vmcs();
  assertEquals([controlsAreValid(v), hostIsValid(v, true), guestFailure(v)], [true, true, undefined]);
});

Deno.test("VM-execution, exit and entry controls are checked, section 27.2.1", () => {
  for (const [rule, changes] of Object.entries(CONTROLS)) {
    assertEquals(controlsAreValid(vmcs(...changes)), false, rule);
  }
});

Deno.test("the host state is checked, sections 27.2.2 to 27.2.4", () => {
  for (const [rule, changes] of Object.entries(HOST)) {
    assertEquals(hostIsValid(vmcs(...changes), true), false, rule);
  }
  assertEquals(hostIsValid(vmcs(), false), false, "64-bit host from 32-bit code");
});

Deno.test("the guest state is checked, section 27.3.1; the link pointer with qualification 4", () => {
  for (const [rule, changes] of Object.entries(GUEST)) {
    assertEquals(guestFailure(vmcs(...changes)), 0n, rule);
  }
  assertEquals(guestFailure(vmcs([Field.VMCS_LINK_POINTER, 0x1000])), 4n);
  const unrestricted: Values = [
    [Field.SECONDARY_CONTROLS, 0xa2],
    [Field.ENTRY_CONTROLS, ALLOWED.entry.one],
    [Field.GUEST_CR0, 0x20],
  ];
  assertEquals(guestFailure(vmcs(...unrestricted)), undefined, "unrestricted guest without paging");
});
