/** Checks of the host-state fields: each violates one rule of an otherwise valid VMCS. SDM vol. 3C, sections 27.2.2 to 27.2.4. */
import { assertEquals } from "@std/assert";
import { hostIsValid } from "../../src/vmx/entry_host.ts";
import { Field } from "../../src/vmx/fields.ts";
import { CR0, CR4, exitControls, HOST_32, NOT_CANONICAL, type Rules, TOO_HIGH, vmcs } from "./_vmcs.ts";

const LOAD_PAT = 1 << 19, LOAD_EFER = 1 << 21;

const HOST: Rules = {
  "CR0: PG must be 1": [[Field.HOST_CR0, 0x33]],
  "CR0: PE must be 1": [[Field.HOST_CR0, 0x8001_0032]],
  "CR0: upper half": [[Field.HOST_CR0, BigInt(CR0) | 1n << 32n]],
  "CR4: VMXE must be 1": [[Field.HOST_CR4, 0x620]],
  "CR4: reserved": [[Field.HOST_CR4, CR4 | 1 << 24]],
  "CR3": [[Field.HOST_CR3, TOO_HIGH]],
  "SYSENTER_ESP": [[Field.HOST_SYSENTER_ESP, NOT_CANONICAL]],
  "SYSENTER_EIP": [[Field.HOST_SYSENTER_EIP, NOT_CANONICAL]],
  "PAT: type 2": [...exitControls(LOAD_PAT), [Field.HOST_PAT, 2]],
  "PAT: type 8": [...exitControls(LOAD_PAT), [Field.HOST_PAT, 8n << 56n]],
  "EFER: reserved": [...exitControls(LOAD_EFER), [Field.HOST_EFER, 0x502]],
  "EFER: LMA": [...exitControls(LOAD_EFER), [Field.HOST_EFER, 0x100]],
  "EFER: LME": [...exitControls(LOAD_EFER), [Field.HOST_EFER, 0x400]],
  ...Object.fromEntries(
    (["CS", "SS", "DS", "ES", "FS", "GS", "TR"] as const).flatMap((name) => [
      [`RPL of ${name}`, [[Field[`HOST_${name}`], 0xb]]],
      [`TI of ${name}`, [[Field[`HOST_${name}`], 0xc]]],
    ]),
  ),
  "CS of 0": [[Field.HOST_CS, 0]],
  "TR of 0": [[Field.HOST_TR, 0]],
  ...Object.fromEntries(
    (["FS", "GS", "GDTR", "IDTR", "TR"] as const).map((name) => [
      `${name} base`,
      [[Field[`HOST_${name}_BASE`], NOT_CANONICAL]],
    ]),
  ),
  "host address-space size from IA-32e mode": HOST_32,
  "CR4.PAE of a 64-bit host": [[Field.HOST_CR4, 0x2600]],
  "RIP": [[Field.HOST_RIP, NOT_CANONICAL]],
};

const HOST_OF_32_BITS: Rules = {
  "SS of 0": [...HOST_32, [Field.HOST_SS, 0]],
  "IA-32e mode guest": [...HOST_32, [Field.ENTRY_CONTROLS, 0x13ff]],
  "CR4.PCIDE": [...HOST_32, [Field.HOST_CR4, CR4 | 1 << 17]],
  "RIP's upper half": [...HOST_32, [Field.HOST_RIP, 1n << 32n]],
  "EFER.LMA": [...HOST_32, [Field.EXIT_CONTROLS, 0x3_6dff | LOAD_EFER], [Field.HOST_EFER, 0x500]],
  "a 64-bit host": [],
};

Deno.test("host-state fields are checked, sections 27.2.2 to 27.2.4", () => {
  assertEquals(hostIsValid(vmcs(), true), true);
  for (const [rule, changes] of Object.entries(HOST)) {
    assertEquals(hostIsValid(vmcs(...changes), true), false, rule);
  }
  const reserved = vmcs([Field.HOST_PAT, 2], [Field.HOST_EFER, 2], [Field.HOST_SS, 0]);
  assertEquals(hostIsValid(reserved, true), true, "what is not loaded is not checked");
});

Deno.test("host-state fields of a host outside IA-32e mode are checked, section 27.2.4", () => {
  assertEquals(hostIsValid(vmcs(...HOST_32), false), true);
  for (const [rule, changes] of Object.entries(HOST_OF_32_BITS)) {
    assertEquals(hostIsValid(vmcs(...changes), false), false, rule);
  }
});
