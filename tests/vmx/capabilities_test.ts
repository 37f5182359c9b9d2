/** Fields and capability MSRs agree with each other. SDM vol. 3D, appendices A and B. */
import { assert, assertEquals } from "@std/assert";
import { LinearMemory } from "../../src/memory/physical.ts";
import { capability, REVISION } from "../../src/vmx/capabilities.ts";
import { Field, HIGHEST_INDEX, slotOf, Width, widthOf } from "../../src/vmx/fields.ts";
import { Vmcs } from "../../src/vmx/vmcs.ts";

Deno.test("fields have slots of their own inside the region, and upper halves where they are 64 bits wide", () => {
  const slots = Object.values(Field).map((field) => slotOf(field)!);
  assertEquals(new Set(slots).size, slots.length);
  assert(Math.max(...slots) * 8 + 24 < 0x1000);
  for (const field of Object.values(Field)) {
    assertEquals(slotOf(field + 1) !== undefined, widthOf(field) === Width.QUAD, field.toString(16));
  }
  assertEquals(capability(0x48a)!.lo >> 1, HIGHEST_INDEX);
});

Deno.test("fields keep as many bits as they are wide; upper halves are read and written alone, section 25.11.2", () => {
  const v = new Vmcs(new LinearMemory(0x1_0000), 0x1000n);
  const all = 0xffff_ffff_ffff_ffffn;
  for (const field of Object.values(Field)) {
    v.write(field, all);
    assertEquals(v.read(field), [0xffffn, all, 0xffff_ffffn, all][widthOf(field)], field.toString(16));
  }
  v.writeEncoding(Field.EPTP + 1, 0x1_1234_5678n, true);
  assertEquals([v.read(Field.EPTP), v.readEncoding(Field.EPTP + 1)], [0x1234_5678_ffff_ffffn, 0x1234_5678n]);
  v.writeEncoding(Field.EPTP, 5n, false);
  assertEquals(v.read(Field.EPTP), 0x1234_5678_0000_0005n);
});

Deno.test("TRUE controls allow what the plain ones do, and the revision identifier has bit 31 clear", () => {
  for (const [plain, exact] of [[0x481, 0x48d], [0x482, 0x48e], [0x483, 0x48f], [0x484, 0x490]] as const) {
    const a = capability(plain)!, b = capability(exact)!;
    assertEquals([a.hi, b.lo & ~a.lo, a.lo & ~a.hi], [b.hi, 0, 0]);
  }
  assertEquals(capability(0x480), { lo: REVISION, hi: 0x00d8_1000 });
  assert(REVISION > 0);
});
