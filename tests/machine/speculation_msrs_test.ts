import { assertEquals } from "@std/assert";
import { SpeculationMsrs } from "../../src/machine/speculation_msrs.ts";

const SPEC_CTRL = 0x48, PRED_CMD = 0x49, ARCH_CAPABILITIES = 0x10a;

Deno.test("SpeculationMsrs keep IBRS, STIBP and BHI_DIS_S, and refuse other bits of IA32_SPEC_CTRL", () => {
  const msrs = new SpeculationMsrs();
  assertEquals(msrs.write(SPEC_CTRL, 0x403, 0), true);
  assertEquals(msrs.read(SPEC_CTRL), { lo: 0x403, hi: 0 });
  for (const [lo, hi] of [[4, 0], [0x800, 0], [0, 1]] as const) {
    assertEquals(msrs.write(SPEC_CTRL, lo, hi), false);
  }
  assertEquals(msrs.read(SPEC_CTRL), { lo: 0x403, hi: 0 });
});

Deno.test("SpeculationMsrs take IBPB; IA32_PRED_CMD cannot be read", () => {
  const msrs = new SpeculationMsrs();
  assertEquals([msrs.write(PRED_CMD, 1, 0), msrs.write(PRED_CMD, 2, 0), msrs.read(PRED_CMD)], [
    true,
    false,
    undefined,
  ]);
});

Deno.test("SpeculationMsrs say RDCL_NO, IBRS_ALL and MDS_NO; IA32_ARCH_CAPABILITIES cannot be written", () => {
  const msrs = new SpeculationMsrs();
  assertEquals(msrs.read(ARCH_CAPABILITIES)!.lo & 0x23, 0x23);
  assertEquals(msrs.write(ARCH_CAPABILITIES, 0, 0), false);
});

Deno.test("SpeculationMsrs know no other registers", () => {
  const msrs = new SpeculationMsrs();
  assertEquals([msrs.read(0x10), msrs.write(0x10, 0, 0)], [undefined, undefined]);
});
