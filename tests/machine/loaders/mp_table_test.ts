/** The MP table as MultiProcessor Specification 1.4, chapter 4, has it. */
import { assertEquals } from "@std/assert";
import { pciRoot } from "../../../src/machine/acpi/pci_root.ts";
import { writeAcpiTables } from "../../../src/machine/acpi/tables.ts";
import { leaveBiosRemains } from "../../../src/machine/loaders/bios_remains.ts";
import { writeMpTable } from "../../../src/machine/loaders/mp_table.ts";
import { MAX_PROCESSORS } from "../../../src/machine/processors.ts";
import { BIOS, BIOS_END, latin1, type MpTable, mpTableIn } from "../_bios_tables.ts";

function written(processors: number): MpTable {
  const ram = new Uint8Array(BIOS_END);
  writeMpTable(ram, processors);
  return mpTableIn(ram);
}

Deno.test("writeMpTable() lists processors, of which the first is the first", () => {
  const { entries: [listed], header } = written(3);
  assertEquals(listed!.map(([, id, version, flags]) => [id, version, flags]), [
    [0, 0x14, 3],
    [1, 0x14, 1],
    [2, 0x14, 1],
  ]);
  assertEquals([...header.subarray(36, 40)], [0, 0, 0xe0, 0xfe], "local APICs' address");
});

Deno.test("writeMpTable() leads pins of PCI slots and lines of the ISA bus to the I/O APIC, each input once by ISA", () => {
  const { entries: [, buses, ioApics, interrupts] } = written(1);
  assertEquals(buses!.map((bus) => latin1(new Uint8Array(bus.slice(2)))), ["PCI   ", "ISA   "]);
  assertEquals(ioApics, [[2, 0, 0x11, 1, 0, 0, 0xc0, 0xfe]]);
  const of = (bus: number): number[][] => interrupts!.filter((entry) => entry[4] === bus);
  // Slot 1 INTA#, slot 1 INTD#, slot 3 INTA#.
  for (const [pin, input] of [[4, 10], [7, 11], [12, 11]] as const) {
    assertEquals(of(0).find((entry) => entry[5] === pin), [3, 0, 0, 0, 0, pin, 0, input]);
  }
  const inputs = new Map(of(1).map((entry) => [entry[5], entry[7]]));
  assertEquals([inputs.get(0), inputs.get(1), inputs.get(4), inputs.get(14)], [2, 1, 4, 14]);
  assertEquals(new Set(inputs.values()).size, inputs.size);
  assertEquals(
    of(1).find((entry) => entry[5] === 9)!.slice(2, 4),
    [0xd, 0],
    "ACPI's line is level-triggered",
  );
});

Deno.test("writeMpTable() lies apart from ACPI's tables and the BIOS's handlers, however many processors there are", () => {
  const alone = new Uint8Array(BIOS_END);
  writeMpTable(alone, MAX_PROCESSORS);
  const others = new Uint8Array(BIOS_END);
  writeAcpiTables(others, MAX_PROCESSORS, [pciRoot(true)]);
  leaveBiosRemains(others);
  for (let at = BIOS; at < BIOS_END; at++) {
    if (alone[at] !== 0) assertEquals(others[at], 0, `at 0x${at.toString(16)}`);
  }
});
