/** Checks of VM entry that have succeeded are made again as soon as a field that they depend on changes. */
import { assertEquals } from "@std/assert";
import { controlsAreValid } from "../../src/vmx/entry_controls.ts";
import { guestFailure } from "../../src/vmx/entry_guest.ts";
import { hostIsValid } from "../../src/vmx/entry_host.ts";
import { FieldCheck } from "../../src/vmx/field_check.ts";
import { Field, Width, widthOf } from "../../src/vmx/fields.ts";
import { secondaryOf } from "../../src/vmx/vmx_state.ts";
import type { Vmcs } from "../../src/vmx/vmcs.ts";
import {
  entryControls,
  exitControls,
  HOST_32,
  PAE_GUEST,
  pin,
  primary,
  REAL_MODE,
  secondary,
  type Values,
  VIRTUAL_8086,
  VIRTUAL_APIC,
  vmcs,
} from "./_vmcs.ts";

const BITS: Readonly<Record<number, number>> = {
  [Width.WORD]: 16,
  [Width.LONG]: 32,
  [Width.QUAD]: 64,
  [Width.NATURAL]: 64,
};
const EVERYTHING_LOADED: Values = [...exitControls(0x3c_0000), ...entryControls(0xc004)];
const EVERY_CONTROL: Values = [
  ...pin(0x7f),
  ...primary(1 << 21 | 0x3200_0000),
  ...secondary(0x1_7f80),
  [Field.VIRTUAL_APIC, VIRTUAL_APIC],
];

/** Valid VMCSs of different kinds. */
const KINDS: Readonly<Record<string, Values>> = {
  "64-bit": [],
  "PAE": PAE_GUEST,
  "virtual-8086": VIRTUAL_8086,
  "real mode": REAL_MODE,
  "everything loaded": EVERYTHING_LOADED,
  "every control": EVERY_CONTROL,
  "TPR threshold": [...primary(1 << 21), [Field.VIRTUAL_APIC, VIRTUAL_APIC], [Field.TPR_THRESHOLD, 5]],
};

/** What all checks find. */
const verdict = (v: Vmcs): string => `${controlsAreValid(v)} ${hostIsValid(v, true)} ${guestFailure(v)}`;

/** The same when none of them remembers this VMCS, as each has just failed. */
function freshVerdict(v: Vmcs, changed: () => Vmcs): string {
  v.write(Field.GUEST_TR_RIGHTS, 0);
  assertEquals(guestFailure(v), 0n);
  for (const field of [Field.PIN_CONTROLS, Field.HOST_CR0, Field.GUEST_CR0]) v.write(field, 0);
  assertEquals(verdict(v), "false false 0");
  return verdict(changed());
}

for (const [kind, values] of Object.entries(KINDS)) {
  Deno.test(`a check that has succeeded comes to the same after any change of a field: ${kind}`, () => {
    for (const [name, field] of Object.entries(Field)) {
      for (let bit = 0; bit < BITS[widthOf(field)]!; bit++) {
        const changed = (): Vmcs => {
          const v = vmcs(...values);
          v.write(field, v.read(field) ^ (1n << BigInt(bit)));
          return v;
        };
        const expected = freshVerdict(vmcs(...values), changed);
        const before = verdict(vmcs(...values));
        assertEquals(verdict(changed()), expected, `bit ${bit} of ${name}`);
        assertEquals(verdict(vmcs(...values)), before, `bit ${bit} of ${name}, and back`);
      }
    }
  });
}

Deno.test("what decides besides the fields is asked each time", () => {
  assertEquals(hostIsValid(vmcs(), true), true);
  assertEquals(hostIsValid(vmcs(), false), false);
  assertEquals(hostIsValid(vmcs(...HOST_32), false), true);
  assertEquals(hostIsValid(vmcs(...HOST_32), true), false);
  const calls: Values = [...secondary(1 << 13), [Field.VMFUNC_CONTROLS, 2]];
  assertEquals(controlsAreValid(vmcs(...calls), 3), true);
  assertEquals(controlsAreValid(vmcs(...calls), 1), false);
});

Deno.test("a check is not made again while it would read the same", () => {
  let made = 0;
  const check = new FieldCheck<number>((v, given) => {
    made++;
    return secondaryOf(v) !== 0 && v.word(Field.VPID) === given;
  });
  const expect = (passes: boolean, madeSoFar: number, given: number, ...changes: Values): void => {
    assertEquals([check.passes(vmcs(...changes), given), made], [passes, madeSoFar]);
  };
  expect(true, 1, 1);
  expect(true, 1, 1);
  expect(true, 1, 1, [Field.GUEST_RIP, 5]);
  expect(false, 2, 1, [Field.VPID, 2]);
  expect(true, 3, 1);
  expect(false, 4, 2);
  expect(true, 5, 2, [Field.VPID, 2]);
  expect(true, 5, 2, [Field.VPID, 2]);
});
