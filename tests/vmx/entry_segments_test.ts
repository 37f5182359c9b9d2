/** Checks of the guest's segment registers: each violates one rule of an otherwise valid VMCS. SDM vol. 3C, section 27.3.1.2. */
import { assertEquals } from "@std/assert";
import { segmentsAreValid } from "../../src/vmx/entry_segments.ts";
import { Field } from "../../src/vmx/fields.ts";
import {
  CODE64,
  DATA,
  NOT_CANONICAL,
  PAE_GUEST,
  REAL_MODE,
  type Rules,
  secondary,
  UNUSABLE,
  VIRTUAL_8086,
  vmcs,
} from "./_vmcs.ts";

const HIGH = 1n << 32n;
const LDT = 0x82;

const rights = (
  name: "CS" | "SS" | "DS" | "ES" | "FS" | "GS" | "LDTR" | "TR",
  value: number,
): Rules[string] => [
  [Field[`GUEST_${name}_RIGHTS`], value],
];
const UNRESTRICTED = secondary(0x80);

const INVALID: Rules = {
  // Selectors.
  "TI of TR": [[Field.GUEST_TR, 4]],
  "TI of LDTR": [[Field.GUEST_LDTR, 4], ...rights("LDTR", LDT)],
  "RPL of SS is not that of CS": [[Field.GUEST_SS, 0x13]],
  // Bases.
  "TR base": [[Field.GUEST_TR_BASE, NOT_CANONICAL]],
  "FS base": [[Field.GUEST_FS_BASE, NOT_CANONICAL]],
  "GS base": [[Field.GUEST_GS_BASE, NOT_CANONICAL]],
  "LDTR base": [[Field.GUEST_LDTR_BASE, NOT_CANONICAL], ...rights("LDTR", LDT)],
  "CS base": [[Field.GUEST_CS_BASE, HIGH]],
  "SS base": [[Field.GUEST_SS_BASE, HIGH]],
  "DS base": [[Field.GUEST_DS_BASE, HIGH]],
  "ES base": [[Field.GUEST_ES_BASE, HIGH]],
  // Virtual-8086 mode.
  "virtual-8086: base": [...VIRTUAL_8086, [Field.GUEST_DS_BASE, 0x200]],
  "virtual-8086: limit": [...VIRTUAL_8086, [Field.GUEST_GS_LIMIT, 0xfffff]],
  "virtual-8086: rights": [...VIRTUAL_8086, ...rights("CS", 0x9b)],
  // Types.
  "CS is data": rights("CS", DATA),
  "CS not accessed": rights("CS", 0xa09a),
  "CS is data of DPL 3, unrestricted": [...UNRESTRICTED, ...rights("CS", 0xc0f3)],
  "SS is read-only": rights("SS", 0xc091),
  "SS is code": rights("SS", 0xc09b),
  "DS not accessed": rights("DS", 0xc092),
  "ES is execute-only": rights("ES", 0xc099),
  // S.
  ...Object.fromEntries(
    (["SS", "DS", "ES", "FS", "GS"] as const).map((name) => [`S of ${name}`, rights(name, DATA & ~0x10)]),
  ),
  "S of CS": rights("CS", CODE64 & ~0x10),
  // DPL.
  "CS DPL is not that of SS": rights("CS", 0xa0fb),
  "conforming CS of a DPL above that of SS": rights("CS", 0xa0bf),
  "SS DPL is not its RPL": rights("SS", 0xc0b3),
  "SS DPL in real mode": [...REAL_MODE, ...rights("SS", 0xf3)],
  "SS DPL with CS of data": [...UNRESTRICTED, ...rights("CS", 0xc093), ...rights("SS", 0xc0b3)],
  "DS DPL below RPL": [[Field.GUEST_DS, 0x13]],
  // P, reserved bits, L and D, G.
  ...Object.fromEntries(
    (["SS", "DS", "ES", "FS", "GS"] as const).flatMap((name) => [
      [`${name} absent`, rights(name, DATA & ~0x80)],
      [`${name} reserved bits 11:8`, rights(name, DATA | 0x100)],
      [`${name} reserved bits 31:17`, rights(name, DATA | 0x2_0000)],
      [`${name} limit with G set`, [[Field[`GUEST_${name}_LIMIT`], 0xfff0_0000]]],
      [`${name} limit with G clear`, rights(name, DATA & ~0x8000)],
    ]),
  ),
  "CS absent": rights("CS", 0xa01b),
  "CS reserved": rights("CS", CODE64 | 0x800),
  "CS has L and D": rights("CS", 0xe09b),
  "CS limit": [[Field.GUEST_CS_LIMIT, 0xfff0_0000]],
  // TR and LDTR.
  "TR available": rights("TR", 0x89),
  "TR of 16 bits in IA-32e mode": rights("TR", 0x83),
  "TR unusable": rights("TR", UNUSABLE | 0x8b),
  "TR S": rights("TR", 0x9b),
  "TR absent": rights("TR", 0x0b),
  "TR reserved": rights("TR", 0x18b),
  "TR limit": [[Field.GUEST_TR_LIMIT, 0x10_0000]],
  "LDTR type": rights("LDTR", 0x8b),
  "LDTR S": rights("LDTR", 0x92),
  "LDTR absent": rights("LDTR", 0x02),
  "LDTR limit": [...rights("LDTR", LDT | 0x8000), [Field.GUEST_LDTR_LIMIT, 0x8]],
};

const VALID: Rules = {
  "as they are": [],
  "virtual-8086 mode": VIRTUAL_8086,
  "real mode": REAL_MODE,
  "CPL 3": [
    [Field.GUEST_CS, 0xb],
    [Field.GUEST_SS, 0x13],
    ...rights("CS", 0xa0fb),
    ...rights("SS", 0xc0f3),
  ],
  "conforming CS": rights("CS", 0xa09f),
  "unusable data segments": [
    ...rights("DS", UNUSABLE),
    ...rights("SS", UNUSABLE),
    [Field.GUEST_DS_BASE, HIGH],
    [Field.GUEST_SS_BASE, HIGH],
  ],
  "readable code in DS": [[Field.GUEST_DS, 0x13], ...rights("DS", 0xc09f)],
  "an LDT": rights("LDTR", LDT),
  "TR of 16 bits": [...PAE_GUEST, ...rights("TR", 0x83)],
  "expand-down stack": rights("SS", 0xc097),
  "RPLs as they come, unrestricted": [...UNRESTRICTED, [Field.GUEST_SS, 0x13], [Field.GUEST_DS, 0x13]],
};

Deno.test("segment registers are checked, section 27.3.1.2", () => {
  for (const [rule, changes] of Object.entries(INVALID)) {
    assertEquals(segmentsAreValid(vmcs(...changes)), false, rule);
  }
});

Deno.test("segment registers that the rules allow pass", () => {
  for (const [rule, changes] of Object.entries(VALID)) {
    assertEquals(segmentsAreValid(vmcs(...changes)), true, rule);
  }
});
