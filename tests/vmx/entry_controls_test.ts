/** Checks of the control fields: each violates one rule of an otherwise valid VMCS. SDM vol. 3C, section 27.2.1. */
import { assertEquals } from "@std/assert";
import { ALLOWED, ExitControl, Pin, Primary, Secondary } from "../../src/vmx/controls.ts";
import { controlsAreValid } from "../../src/vmx/entry_controls.ts";
import { Field } from "../../src/vmx/fields.ts";
import {
  entryControls,
  exitControls,
  pin,
  primary,
  REAL_MODE,
  type Rules,
  secondary,
  TOO_HIGH,
  type Values,
  VIRTUAL_APIC,
  vmcs,
} from "./_vmcs.ts";

const tprShadow = (...changes: Values): Values => [
  ...primary(Primary.TPR_SHADOW),
  [Field.VIRTUAL_APIC, VIRTUAL_APIC],
  ...changes,
];
const virtualInterrupts = (...changes: Values): Values => [
  ...tprShadow(),
  ...secondary(Secondary.INTERRUPT_DELIVERY),
  ...pin(Pin.EXTERNAL_INTERRUPT),
  ...changes,
];
const posted = (...changes: Values): Values => [
  ...virtualInterrupts(),
  ...pin(Pin.EXTERNAL_INTERRUPT | Pin.POSTED_INTERRUPTS),
  ...exitControls(ExitControl.ACKNOWLEDGE),
  [Field.POSTED_INTERRUPT_VECTOR, 0xff],
  [Field.POSTED_INTERRUPT_DESCRIPTOR, 0x40],
  ...changes,
];
const inject = (information: number, ...more: Values): Values => [
  [Field.ENTRY_INTERRUPTION, (1 << 31 | information) >>> 0],
  [Field.ENTRY_INSTRUCTION_LENGTH, 1],
  ...more,
];

// Section 27.2.1.1.
const EXECUTION: Rules = {
  "pin-based: a bit that must be 1": [[Field.PIN_CONTROLS, 0]],
  "pin-based: a bit that is reserved": pin(0x100),
  "primary: a bit that must be 1": [[Field.PRIMARY_CONTROLS, 0]],
  "primary: activate tertiary controls": primary(1 << 17),
  "secondary: XSAVES": secondary(1 << 20),
  "CR3-target count of 5": [[Field.CR3_TARGET_COUNT, 5]],
  "I/O bitmap A: alignment": [...primary(Primary.IO_BITMAPS), [Field.IO_BITMAP_A, 1]],
  "I/O bitmap B: width": [...primary(Primary.IO_BITMAPS), [Field.IO_BITMAP_B, TOO_HIGH]],
  "MSR bitmaps: alignment": [...primary(Primary.MSR_BITMAPS), [Field.MSR_BITMAPS, 0x800]],
  "MSR bitmaps: width": [...primary(Primary.MSR_BITMAPS), [Field.MSR_BITMAPS, TOO_HIGH]],
  "virtual-APIC address: alignment": tprShadow([Field.VIRTUAL_APIC, 8]),
  "virtual-APIC address: width": tprShadow([Field.VIRTUAL_APIC, TOO_HIGH]),
  "TPR threshold: bits 31:4": tprShadow([Field.TPR_THRESHOLD, 0x10]),
  "TPR threshold above VTPR": tprShadow([Field.TPR_THRESHOLD, 6]),
  "x2APIC mode without TPR shadow": secondary(Secondary.X2APIC),
  "APIC-register virtualization without TPR shadow": secondary(Secondary.APIC_REGISTERS),
  "virtual-interrupt delivery without TPR shadow": [
    ...secondary(Secondary.INTERRUPT_DELIVERY),
    ...pin(Pin.EXTERNAL_INTERRUPT),
  ],
  "virtual-interrupt delivery without external-interrupt exiting": [
    ...tprShadow(),
    ...secondary(Secondary.INTERRUPT_DELIVERY),
  ],
  "APIC-access address: alignment": [...secondary(Secondary.APIC_ACCESSES), [Field.APIC_ACCESS, 0x800]],
  "APIC-access address: width": [...secondary(Secondary.APIC_ACCESSES), [Field.APIC_ACCESS, TOO_HIGH]],
  "APIC accesses and x2APIC mode": [...tprShadow(), ...secondary(Secondary.APIC_ACCESSES | Secondary.X2APIC)],
  "TPR threshold: bits 31:4, with APIC accesses": [
    ...tprShadow([Field.TPR_THRESHOLD, 0x10]),
    ...secondary(Secondary.APIC_ACCESSES),
  ],
  "posted interrupts without virtual-interrupt delivery": [
    ...posted(),
    ...secondary(Secondary.APIC_ACCESSES),
  ],
  "posted interrupts without acknowledgment": [...posted(), ...exitControls(0)],
  "posted-interrupt notification vector: bits 15:8": posted([Field.POSTED_INTERRUPT_VECTOR, 0x100]),
  "posted-interrupt descriptor: alignment": posted([Field.POSTED_INTERRUPT_DESCRIPTOR, 0x20]),
  "posted-interrupt descriptor: width": posted([Field.POSTED_INTERRUPT_DESCRIPTOR, TOO_HIGH]),
  "virtual NMIs without NMI exiting": pin(Pin.VIRTUAL_NMIS),
  "NMI-window exiting without virtual NMIs": [...pin(Pin.NMI), ...primary(Primary.NMI_WINDOW)],
  "VPID of 0": [[Field.VPID, 0]],
  "EPTP: memory type": [[Field.EPTP, 0x2059]],
  "EPTP: page-walk length": [[Field.EPTP, 0x2066]],
  "EPTP: reserved bits 11:7": [[Field.EPTP, 0x20de]],
  "EPTP: width": [[Field.EPTP, TOO_HIGH | 0x5en]],
  "unrestricted guest without EPT": [[Field.SECONDARY_CONTROLS, 0xa0]],
  "mode-based execute control without EPT": [
    [Field.SECONDARY_CONTROLS, Secondary.EXECUTE_BY_MODE | Secondary.VPID],
  ],
  "page-modification logging without EPT": [[Field.SECONDARY_CONTROLS, Secondary.PML | Secondary.VPID]],
  "PML address: alignment": [...secondary(Secondary.PML), [Field.PML_ADDRESS, 0x800]],
  "PML address: width": [...secondary(Secondary.PML), [Field.PML_ADDRESS, TOO_HIGH]],
  "VM functions: reserved": [...secondary(Secondary.VMFUNC), [Field.VMFUNC_CONTROLS, 1n << 63n]],
  "EPTP list: alignment": [
    ...secondary(Secondary.VMFUNC),
    [Field.VMFUNC_CONTROLS, 1],
    [Field.EPTP_LIST_ADDRESS, 8],
  ],
  "EPTP switching without EPT": [[Field.SECONDARY_CONTROLS, 0x2020], [Field.VMFUNC_CONTROLS, 1]],
  "VMREAD bitmap: alignment": [...secondary(Secondary.SHADOWING), [Field.VMREAD_BITMAP, 4]],
  "VMWRITE bitmap: width": [...secondary(Secondary.SHADOWING), [Field.VMWRITE_BITMAP, TOO_HIGH]],
  "#VE information: alignment": [...secondary(Secondary.EPT_EXCEPTION), [Field.EXCEPTION_INFORMATION, 8]],
  "#VE information: width": [...secondary(Secondary.EPT_EXCEPTION), [Field.EXCEPTION_INFORMATION, TOO_HIGH]],
};

// Section 27.2.1.2.
const EXIT: Rules = {
  "exit: a bit that must be 1": [[Field.EXIT_CONTROLS, 0]],
  "exit: load IA32_PERF_GLOBAL_CTRL": exitControls(1 << 12),
  "timer saved but not active": exitControls(1 << 22),
  "exit MSR-store area: alignment": [[Field.EXIT_MSR_STORE_COUNT, 1], [Field.EXIT_MSR_STORE_ADDRESS, 8]],
  "exit MSR-store area: last byte": [
    [Field.EXIT_MSR_STORE_COUNT, 2],
    [Field.EXIT_MSR_STORE_ADDRESS, TOO_HIGH - 16n],
  ],
  "exit MSR-load area: alignment": [[Field.EXIT_MSR_LOAD_COUNT, 1], [Field.EXIT_MSR_LOAD_ADDRESS, 4]],
  "exit MSR-load area: width": [[Field.EXIT_MSR_LOAD_COUNT, 1], [Field.EXIT_MSR_LOAD_ADDRESS, TOO_HIGH]],
};

// Section 27.2.1.3.
const ENTRY: Rules = {
  "entry: a bit that must be 1": [[Field.ENTRY_CONTROLS, 0]],
  "entry: entry to SMM": entryControls(1 << 10),
  "injection: type 1": inject(0x100),
  "injection: reserved bits 30:12": inject(0x1000),
  "injection: an NMI's vector": inject(0x203),
  "injection: an exception's vector": inject(0x320),
  "injection: another event's vector": inject(0x701),
  "injection: #GP without error code": inject(0x30d),
  "injection: #UD with error code": inject(0xb06),
  "injection: software exception with error code": inject(0xe0d),
  "injection: error code in real mode": [...REAL_MODE, ...inject(0xb0d)],
  "injection: error code's bits 31:16": inject(0xb0d, [Field.ENTRY_ERROR_CODE, 0x1_0000]),
  "injection: software interrupt of 0 bytes": inject(0x480, [Field.ENTRY_INSTRUCTION_LENGTH, 0]),
  "injection: INT1 of 16 bytes": inject(0x501, [Field.ENTRY_INSTRUCTION_LENGTH, 16]),
  "injection: INT3 of 0 bytes": inject(0x603, [Field.ENTRY_INSTRUCTION_LENGTH, 0]),
  "entry MSR-load area: alignment": [[Field.ENTRY_MSR_LOAD_COUNT, 1], [Field.ENTRY_MSR_LOAD_ADDRESS, 1]],
  "entry MSR-load area: number of entries": [[Field.ENTRY_MSR_LOAD_COUNT, 513]],
};

const VALID: Rules = {
  "as it is": [],
  "secondary controls that are not activated": [
    [Field.PRIMARY_CONTROLS, ALLOWED.primary.one],
    [Field.SECONDARY_CONTROLS, 0xffff_ffff],
    [Field.VPID, 0],
  ],
  "addresses that are not used": [[Field.IO_BITMAP_A, 1], [Field.VIRTUAL_APIC, 1], [Field.VMREAD_BITMAP, 1]],
  "all primary controls": [
    ...primary(ALLOWED.primary.mayBeOne),
    ...pin(Pin.NMI | Pin.VIRTUAL_NMIS),
    [Field.VIRTUAL_APIC, VIRTUAL_APIC],
  ],
  "TPR threshold of VTPR": tprShadow([Field.TPR_THRESHOLD, 5]),
  "TPR threshold above VTPR, with APIC accesses": [
    ...tprShadow([Field.TPR_THRESHOLD, 6]),
    ...secondary(Secondary.APIC_ACCESSES),
  ],
  "any TPR threshold, with virtual-interrupt delivery": virtualInterrupts([Field.TPR_THRESHOLD, 0xff]),
  "APIC accesses without TPR shadow": secondary(Secondary.APIC_ACCESSES),
  "APIC registers": [...tprShadow(), ...secondary(Secondary.APIC_REGISTERS)],
  "x2APIC mode with virtual-interrupt delivery": virtualInterrupts(
    ...secondary(Secondary.INTERRUPT_DELIVERY | Secondary.X2APIC),
  ),
  "posted interrupts": posted(),
  "x2APIC mode": [...tprShadow(), ...secondary(Secondary.X2APIC)],
  "NMI-window exiting": [...pin(Pin.NMI | Pin.VIRTUAL_NMIS), ...primary(Primary.NMI_WINDOW)],
  "page-modification logging": [...secondary(Secondary.PML), [Field.PML_INDEX, 0xffff]],
  "mode-based execute control": secondary(Secondary.EXECUTE_BY_MODE),
  "EPTP: uncacheable": [[Field.EPTP, 0x2018]],
  "an interrupt": inject(0x20),
  "an NMI": inject(0x202),
  "#GP with error code": inject(0xb0d, [Field.ENTRY_ERROR_CODE, 0xffff]),
  "#GP in real mode": [...REAL_MODE, ...inject(0x30d)],
  "a software interrupt of 15 bytes": inject(0x480, [Field.ENTRY_INSTRUCTION_LENGTH, 15]),
  "the monitor trap flag": inject(0x700, [Field.ENTRY_INSTRUCTION_LENGTH, 0]),
  "an empty MSR area anywhere": [[Field.EXIT_MSR_STORE_ADDRESS, 1]],
  "512 entries that end with the physical addresses": [
    [Field.ENTRY_MSR_LOAD_COUNT, 512],
    [Field.ENTRY_MSR_LOAD_ADDRESS, TOO_HIGH - 0x2000n],
  ],
};

for (
  const [what, rules, valid] of [
    ["VM-execution controls are checked, section 27.2.1.1", EXECUTION, false],
    ["VM-exit controls are checked, section 27.2.1.2", EXIT, false],
    ["VM-entry controls are checked, section 27.2.1.3", ENTRY, false],
    ["controls that the rules allow pass", VALID, true],
  ] as const
) {
  Deno.test(what, () => {
    for (const [rule, changes] of Object.entries(rules)) {
      assertEquals(controlsAreValid(vmcs(...changes)), valid, rule);
    }
  });
}
