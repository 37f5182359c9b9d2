import { assertEquals } from "@std/assert";
import { combine } from "../../../src/cpu/system/double_fault.ts";
import { Vector } from "../../../src/cpu/fault.ts";

const CONTRIBUTORY = [Vector.DE, Vector.TS, Vector.NP, Vector.SS, Vector.GP, Vector.CP];
const PAGE_FAULTS = [Vector.PF, Vector.VE];
const BENIGN = [
  Vector.DB,
  Vector.NMI,
  Vector.BP,
  Vector.OF,
  Vector.BR,
  Vector.UD,
  Vector.NM,
  Vector.MF,
  Vector.AC,
  Vector.XM,
];

Deno.test("combine() is SDM vol. 3A, table 6-5", () => {
  const expect = (
    firsts: readonly (number | undefined)[],
    seconds: readonly number[],
    result: string,
  ): void => {
    for (const first of firsts) {
      for (const second of seconds) assertEquals(combine(first, second), result, `${first}, then ${second}`);
    }
  };
  const all = [...BENIGN, ...CONTRIBUTORY, ...PAGE_FAULTS];
  expect([undefined, ...BENIGN], all, "serial");
  expect(all, BENIGN, "serial");
  expect(CONTRIBUTORY, CONTRIBUTORY, "double fault");
  expect(CONTRIBUTORY, PAGE_FAULTS, "serial");
  expect(PAGE_FAULTS, [...CONTRIBUTORY, ...PAGE_FAULTS], "double fault");
  expect([Vector.DF], [...CONTRIBUTORY, ...PAGE_FAULTS], "shutdown");
  expect([Vector.DF], BENIGN, "serial");
});

Deno.test("combine() shuts down at a machine check in any delivery", () => {
  assertEquals([combine(Vector.MC, Vector.MC), combine(Vector.GP, Vector.MC)], ["shutdown", "shutdown"]);
});
