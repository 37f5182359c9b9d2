/** The MP table as MultiProcessor Specification 1.4, chapter 4, has it; and beside the one that SeaBIOS makes. */
import { assert, assertEquals } from "@std/assert";
import { existsSync } from "node:fs";
import { pciRoot } from "../../../src/machine/acpi/pci_root.ts";
import { writeAcpiTables } from "../../../src/machine/acpi/tables.ts";
import { leaveBiosRemains } from "../../../src/machine/loaders/bios_remains.ts";
import { writeMpTable } from "../../../src/machine/loaders/mp_table.ts";
import { bootMachine } from "../../../src/machine/machine.ts";
import { MAX_PROCESSORS } from "../../../src/machine/processors.ts";

const SEABIOS = "/usr/share/seabios/bios-256k.bin";
/** Instructions behind which SeaBIOS looks for something to boot. */
const TO_PROMPT = 8e6;
const ENTRY_BYTES = [20, 8, 8, 8, 8] as const;
const BIOS = 0xf_0000, END = 0x10_0000;

const ascii = (bytes: Uint8Array): string => new TextDecoder("latin1").decode(bytes);
const sum = (bytes: Uint8Array): number => bytes.reduce((total, byte) => total + byte, 0) & 0xff;

interface Table {
  readonly header: Uint8Array;
  /** Entries by type. */
  readonly entries: readonly (readonly number[][])[];
}

/** Finds it as an operating system does, by the floating pointer. */
function tableIn(ram: Uint8Array): Table {
  const view = new DataView(ram.buffer, ram.byteOffset);
  let pointer = BIOS;
  while (ascii(ram.subarray(pointer, pointer + 4)) !== "_MP_") {
    pointer += 16;
    assert(pointer < END, "there is no floating pointer");
  }
  assertEquals([...ram.subarray(pointer + 8, pointer + 10)], [1, 4], "one paragraph, revision 1.4");
  assertEquals(sum(ram.subarray(pointer, pointer + 16)), 0);
  assertEquals([...ram.subarray(pointer + 11, pointer + 16)], [0, 0, 0, 0, 0], "a table, and no IMCR");
  const at = view.getUint32(pointer + 4, true), length = view.getUint16(at + 4, true);
  const table = ram.subarray(at, at + length), header = table.subarray(0, 44);
  assertEquals([ascii(table.subarray(0, 4)), table[6], sum(table)], ["PCMP", 4, 0]);
  const entries: number[][][] = ENTRY_BYTES.map(() => []);
  let next = 44;
  for (let n = view.getUint16(at + 34, true); n > 0; n--) {
    const type = table[next]!, bytes = ENTRY_BYTES[type]!;
    entries[type]!.push([...table.subarray(next, next + bytes)]);
    next += bytes;
  }
  assertEquals(next, length, "entries fill the table");
  return { header, entries };
}

function written(processors: number): Table {
  const ram = new Uint8Array(END);
  writeMpTable(ram, processors);
  return tableIn(ram);
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
  assertEquals(buses!.map((bus) => ascii(new Uint8Array(bus.slice(2)))), ["PCI   ", "ISA   "]);
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
  const alone = new Uint8Array(END);
  writeMpTable(alone, MAX_PROCESSORS);
  const others = new Uint8Array(END);
  writeAcpiTables(others, MAX_PROCESSORS, [pciRoot(true)]);
  leaveBiosRemains(others);
  for (let at = BIOS; at < END; at++) {
    if (alone[at] !== 0) assertEquals(others[at], 0, `at 0x${at.toString(16)}`);
  }
});

Deno.test({
  name: `writeMpTable() says what SeaBIOS says${existsSync(SEABIOS) ? "" : " [needs seabios]"}`,
  ignore: !existsSync(SEABIOS),
  fn() {
    // Of the cores in a package it lists one.
    const machine = bootMachine({ firmware: Deno.readFileSync(SEABIOS) });
    machine.run({ instructions: TO_PROMPT });
    const theirs = tableIn(machine.readPhysical(0, END)), ours = written(1);
    for (const [type, entries] of ours.entries.entries()) {
      // It lists pins of PCI devices that are there, of which there are none here, and leaves out all lines that a PIIX3
      // can lead them to.
      const isComparable = ([, , , , bus, line]: number[]): boolean => bus === 1 && ![5, 9].includes(line!);
      assertEquals(type === 3 ? entries.filter(isComparable) : entries, theirs.entries[type], `type ${type}`);
    }
  },
});
