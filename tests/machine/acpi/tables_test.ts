import { assert, assertEquals } from "@std/assert";
import { buffer, device, eisaId, integer, named, packageOf, scope } from "../../../src/machine/acpi/aml.ts";
import { ACPI_BASE, writeAcpiTables } from "../../../src/machine/acpi/tables.ts";
import { latin1, sum } from "../_bios_tables.ts";

/** The tables of a machine, by signature. */
function tables(processors: number): Map<string, Uint8Array> {
  const ram = new Uint8Array(0x10_0000), view = new DataView(ram.buffer);
  writeAcpiTables(ram, processors);
  const table = (at: number): Uint8Array => ram.subarray(at, at + view.getUint32(at + 4, true));
  const root = ram.subarray(ACPI_BASE, ACPI_BASE + 36);
  const xsdt = table(Number(view.getBigUint64(ACPI_BASE + 24, true)));
  const rsdt = table(view.getUint32(ACPI_BASE + 16, true));
  const found = new Map([["RSD PTR ", root], ["RSDT", rsdt], ["XSDT", xsdt]]);
  for (let at = 36; at < xsdt.length; at += 8) {
    const entry = table(Number(new DataView(xsdt.buffer, xsdt.byteOffset).getBigUint64(at, true)));
    found.set(latin1(entry.subarray(0, 4)), entry);
  }
  const fadt = found.get("FACP")!;
  found.set("DSDT", table(new DataView(fadt.buffer, fadt.byteOffset).getUint32(40, true)));
  return found;
}

Deno.test("writeAcpiTables() writes tables whose bytes add up to 0, found from a root pointer on a 16-byte boundary", () => {
  const found = tables(2);
  assertEquals([...found.keys()].sort(), ["APIC", "DSDT", "FACP", "RSD PTR ", "RSDT", "XSDT"]);
  assertEquals(ACPI_BASE % 16, 0);
  for (const [name, table] of found) assertEquals(sum(table), 0, name);
  assertEquals(sum(found.get("RSD PTR ")!.subarray(0, 20)), 0, "the first revision's part");
});

Deno.test("writeAcpiTables() lists the same tables in the RSDT and the XSDT", () => {
  const found = tables(1), rsdt = found.get("RSDT")!, xsdt = found.get("XSDT")!;
  const addresses = (table: Uint8Array, size: number): number[] => {
    const view = new DataView(table.buffer, table.byteOffset, table.length),
      count = (table.length - 36) / size;
    return Array.from({ length: count }, (_, n) => view.getUint32(36 + n * size, true));
  };
  assertEquals(latin1(rsdt.subarray(0, 4)), "RSDT");
  assertEquals(addresses(rsdt, 4), addresses(xsdt, 8));
  assertEquals(addresses(rsdt, 4).length, 2);
});

Deno.test("writeAcpiTables() lists every processor's local APIC, the I/O APIC and the line overrides in the MADT", () => {
  for (const processors of [1, 3, 255]) {
    const madt = tables(processors).get("APIC")!, entries: number[][] = [];
    for (let at = 44; at < madt.length; at += madt[at + 1]!) {
      entries.push([...madt.subarray(at, at + madt[at + 1]!)]);
    }
    const ofType = (type: number): number[][] => entries.filter(([own]) => own === type);
    assertEquals(ofType(0).map((entry) => entry[3]), Array.from({ length: processors }, (_, id) => id));
    assertEquals(ofType(1), [[1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0]]);
    assertEquals(ofType(2).map((entry) => [entry[3], entry[4]]), [[0, 2], [9, 9]]);
  }
});

Deno.test("writeAcpiTables() writes an FADT of revision 4 with PM1, timer and reset registers", () => {
  const fadt = tables(1).get("FACP")!, view = new DataView(fadt.buffer, fadt.byteOffset, fadt.length);
  assertEquals([fadt.length, fadt[8]], [244, 4]);
  assertEquals([56, 64, 76].map((at) => view.getUint32(at, true)), [0x600, 0x604, 0x608]);
  assertEquals([fadt[116], view.getUint32(120, true), fadt[128]], [1, 0x60c, 6]);
  assertEquals([fadt[148], view.getUint32(152, true), view.getUint32(176, true), view.getUint32(212, true)], [
    1,
    0x600,
    0x604,
    0x608,
  ]);
});

Deno.test("AML: lengths of packages count themselves, in one byte to 63 and in two from there", () => {
  const body = (bytes: number): number[] => [...buffer(new Array<number>(bytes).fill(0xaa))];
  assertEquals(body(1).slice(0, 4), [0x11, 4, 0x0a, 1]);
  assertEquals(body(60).slice(0, 3), [0x11, 63, 0x0a]);
  assertEquals(body(61).slice(0, 4), [0x11, 0x41, 4, 0x0a], "65 bytes: 4 in the low nibble's place");
  assertEquals(body(61).length - 1, 65);
});

Deno.test("AML: names, integers, packages, IDs", () => {
  assertEquals([...named("\\_S5", packageOf(5, 0))], [
    8,
    0x5c,
    ...new TextEncoder().encode("_S5_"),
    0x12,
    5,
    2,
    0x0a,
    5,
    0,
  ]);
  assertEquals([...integer(0x1234)], [0x0b, 0x34, 0x12]);
  assertEquals([...integer(0x8000_0000)], [0x0c, 0, 0, 0, 0x80]);
  assertEquals([...eisaId("PNP0A03")], [0x0c, 0x41, 0xd0, 0x0a, 0x03]);
  assert(latin1(new Uint8Array(scope("\\_SB", device("RTC")))).includes("RTC_"));
});
