/** Extended page tables by the manual: rights, misconfigurations, page sizes, accessed and dirty flags. SDM vol. 3C, section 29.3. */
import { assertEquals } from "@std/assert";
import { EPTP, EVENT } from "../../src/cpu/state.ts";
import { Event } from "../../src/cpu/fault.ts";
import { RAM_BASE } from "../../src/memory/physical.ts";
import type { SecondStageAccess } from "../../src/memory/second_stage.ts";
import { Vmx } from "../../src/vmx/vmx.ts";
import { SystemMachine } from "../cpu/system/_machine.ts";

const ROOT = 0x30_0000, LEVEL3 = 0x30_1000, LEVEL2 = 0x30_2000, LEVEL1 = 0x30_3000;
const READ: SecondStageAccess = { read: true, write: false, execute: false, table: false };
const WRITE: SecondStageAccess = { read: false, write: true, execute: false, table: false };
const FETCH: SecondStageAccess = { read: false, write: false, execute: true, table: false };
const TABLE: SecondStageAccess = { read: true, write: false, execute: false, table: true };
const VIOLATION = 48, MISCONFIGURATION = 49;
const GPA = 0x5123;

/** Four levels that map GPA to 7123H, with the lowest entries given. */
class Stage {
  readonly machine = new SystemMachine({ engine: "interpreter" });
  readonly vmx: Vmx;

  constructor(eptp = 0x1e) {
    const { memory, processor } = this.machine.bare;
    this.vmx = new Vmx(memory, processor.mmu, this.machine.unit, {
      instruction: () => undefined,
      now: () => 0,
      waiting: { activity: 0 },
    });
    memory.i32[EPTP >> 2] = ROOT | eptp;
    this.entry(ROOT, LEVEL3 | 7);
    this.entry(LEVEL3, LEVEL2 | 7);
    this.entry(LEVEL2, LEVEL1 | 7);
    this.entry(LEVEL1 + 8 * 5, 0x7000 | 0x37);
  }
  entry(place: number, value: number | bigint): void {
    this.machine.bare.memory.view.setBigUint64(RAM_BASE + place, BigInt(value), true);
  }
  read(place: number): number {
    return Number(this.machine.bare.memory.view.getBigUint64(RAM_BASE + place, true));
  }
  /** Page, or reason and qualification of the exit. */
  translate(gpa: number, access: SecondStageAccess): number | [reason: number, qualification: number] {
    const { m } = this.machine;
    m[EVENT >> 2] = 0;
    const page = this.machine.bare.processor.mmu.secondStage!.translate(gpa, access);
    if (page >= 0) return page;
    assertEquals(m[EVENT >> 2], Event.VM_EXIT);
    const { reason, qualification, physical } = this.vmx.state.pending!;
    assertEquals(physical, BigInt(gpa));
    return [reason, Number(qualification)];
  }
}

Deno.test("EPT: rights of the entries, and the qualification of violations, table 28-7", () => {
  for (
    const [rights, allowed] of [[1, [READ]], [3, [READ, WRITE]], [4, [FETCH]], [5, [READ, FETCH]]] as const
  ) {
    const stage = new Stage();
    stage.entry(LEVEL1 + 8 * 5, 0x7000 | 0x30 | rights);
    for (const [bit, access] of [[1, READ], [2, WRITE], [4, FETCH]] as const) {
      const expected = (allowed as readonly SecondStageAccess[]).includes(access)
        ? 0x7000
        : [VIOLATION, bit | (rights << 3) | 0x180];
      assertEquals(stage.translate(GPA, access), expected, `rights ${rights}, access ${bit}`);
    }
  }
  const stage = new Stage();
  stage.entry(LEVEL2, LEVEL1 | 1);
  assertEquals(stage.translate(GPA, WRITE), [VIOLATION, 0x18a], "rights of all levels count");
  assertEquals(stage.translate(0x6000, TABLE), [VIOLATION, 0x81], "a table's page that is not present");
  assertEquals(stage.translate(2 ** 47, READ), [VIOLATION, 0x181], "not present at the first level");
});

Deno.test("EPT: misconfigurations, section 29.3.3.1", () => {
  const cases: readonly (readonly [place: number, value: number | bigint])[] = [
    [LEVEL1 + 8 * 5, 0x7032], // write without read
    [LEVEL1 + 8 * 5, 0x7036],
    [LEVEL1 + 8 * 5, 0x7000 | 2 << 3 | 7], // memory types
    [LEVEL1 + 8 * 5, 0x7000 | 7 << 3 | 7],
    [LEVEL1 + 8 * 5, (1n << 40n) | 0x7037n], // beyond the physical addresses
    [LEVEL2, LEVEL1 | 0xf], // reserved bits of an entry that leads to a table
    [LEVEL2, 0x20_1000 | 0xb7], // address of a 2 MB page
    [LEVEL3, 0x20_0000 | 0xb7], // of a 1 GB page
    [ROOT, LEVEL3 | 0x87], // no pages of 512 GB
  ];
  for (const [place, value] of cases) {
    const stage = new Stage();
    stage.entry(place, value);
    assertEquals(stage.translate(GPA, READ), [MISCONFIGURATION, 0], value.toString(16));
  }
});

Deno.test("EPT: pages of 2 MB and 1 GB", () => {
  const stage = new Stage();
  stage.entry(LEVEL2 + 8, 0x60_0000 | 0xb7);
  assertEquals(stage.translate(0x2a_b123, READ), 0x6a_b000);
  stage.entry(LEVEL3 + 8, 0x8000_00b7);
  assertEquals(stage.translate(0x4012_3456, READ), 0x8012_3000);
});

Deno.test("EPT: accessed and dirty flags, section 29.3.5", () => {
  const stage = new Stage(0x5e), backend = stage.machine.bare.processor.mmu.secondStage!;
  stage.translate(GPA, READ);
  assertEquals([stage.read(ROOT), stage.read(LEVEL1 + 40)], [LEVEL3 | 0x107, 0x7137]);
  assertEquals(backend.writable, false, "so that the next write is seen");
  stage.translate(GPA, WRITE);
  assertEquals([stage.read(LEVEL1 + 40), stage.read(LEVEL2), backend.writable], [
    0x7337,
    LEVEL1 | 0x107,
    true,
  ]);
  const other = new Stage(0x5e);
  other.translate(GPA, TABLE);
  assertEquals(other.read(LEVEL1 + 40), 0x7337, "tables count as written");
  other.entry(LEVEL1 + 40, 0x7031);
  assertEquals(other.translate(GPA, TABLE), [VIOLATION, 0x8b]);
  const plain = new Stage();
  plain.translate(GPA, WRITE);
  assertEquals(plain.read(LEVEL1 + 40), 0x7037, "not without EPTP bit 6");
});
