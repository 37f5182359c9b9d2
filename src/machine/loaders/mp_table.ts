/**
 * The tables by which operating systems without ACPI find processors and the I/O APIC, as a BIOS leaves them: MultiProcessor
 * Specification 1.4, chapter 4. What they say is what ACPI's tables say.
 */
import { machineCpuid } from "../../cpu/machine_cpuid.ts";
import { ACPI_BASE } from "../acpi/tables.ts";
import { checksum, TableWriter } from "../acpi/table.ts";
import { IO_APIC_PAGE, IO_APIC_VERSION } from "../devices/82093aa_io_apic.ts";
import { SCI_LINE } from "../devices/acpi_power.ts";
import { ioApicInput, ISA_LINES } from "../devices/isa_lines.ts";
import { APIC_PAGE, APIC_VERSION } from "../devices/local_apic.ts";
import { slotPins } from "../pci_slots.ts";

/** Where the floating pointer lies, and the table behind it: in the BIOS's part of low memory, behind ACPI's tables. */
const MP_POINTER: number = ACPI_BASE + 0x4000;
const POINTER_BYTES = 16, HEADER_BYTES = 44;
/** Where both have what makes their sums 0. */
const POINTER_CHECKSUM = 10, TABLE_CHECKSUM = 7;
const REVISION_1_4 = 4;

/** Types of entries. */
const Entry = { PROCESSOR: 0, BUS: 1, IO_APIC: 2, IO_INTERRUPT: 3, LOCAL_INTERRUPT: 4 } as const;
/** Types of interrupts. */
const Interrupt = { INT: 0, NMI: 1, EXT_INT: 3 } as const;
/** What is so unless the bus has it otherwise: polarity and trigger; active high and level-triggered. Table 4-10. */
const AS_ON_THE_BUS = 0, LEVEL_HIGH = 0xd;
const ENABLED = 1, FIRST_PROCESSOR = 2;
/** Buses by number. */
const PCI = 0, ISA = 1;
/** IDs: ours of the I/O APIC is what its register has after a reset. */
const IO_APIC_ID = 0, ALL_APICS = 0xff;
/** The line between the two 8259s. */
const CASCADE = 2;

/** Writes them into RAM, for a kernel that is booted without firmware. */
export function writeMpTable(ram: Uint8Array, processors: number): void {
  const table = configuration(processors);
  const pointer = new TableWriter().text("_MP_", 4).numbers(4, MP_POINTER + POINTER_BYTES)
    .numbers(1, POINTER_BYTES / 16, REVISION_1_4).padTo(POINTER_BYTES).done();
  pointer[POINTER_CHECKSUM] = checksum(pointer);
  ram.set(pointer, MP_POINTER);
  ram.set(table, MP_POINTER + POINTER_BYTES);
}

/** The configuration table: section 4.2, with the entries of section 4.3. */
function configuration(processors: number): Uint8Array {
  const entries = [
    ...Array.from({ length: processors }, (_, id) => processor(id, processors)),
    bus(PCI, "PCI"),
    bus(ISA, "ISA"),
    ioApic(),
    ...ioInterrupts(),
    interrupt(Entry.LOCAL_INTERRUPT, Interrupt.EXT_INT, AS_ON_THE_BUS, [ISA, 0], [0, 0]),
    interrupt(Entry.LOCAL_INTERRUPT, Interrupt.NMI, AS_ON_THE_BUS, [ISA, 0], [ALL_APICS, 1]),
  ].map((writer) => writer.done());
  const length = entries.reduce((sum, entry) => sum + entry.length, HEADER_BYTES);
  const table = new TableWriter().text("PCMP", 4).numbers(2, length).numbers(1, REVISION_1_4, 0)
    .text("CAUSEWAY", 8).text("PC", 12).numbers(4, 0).numbers(2, 0, entries.length).numbers(4, APIC_PAGE)
    .padTo(HEADER_BYTES);
  for (const entry of entries) table.bytes(entry);
  const bytes = table.done();
  bytes[TABLE_CHECKSUM] = checksum(bytes);
  return bytes;
}

/** Processors are listed each, as they are no threads of one. Models (`--cpu`) have these features in common. */
function processor(id: number, processors: number): TableWriter {
  const facts = { apicId: id, hasApic: true, processors };
  const [signature, , , features] = machineCpuid(1, 0, { osxsave: false }, facts);
  return new TableWriter().numbers(1, Entry.PROCESSOR, id, APIC_VERSION)
    .numbers(1, id === 0 ? ENABLED | FIRST_PROCESSOR : ENABLED).numbers(4, signature, features, 0, 0);
}

function bus(number: number, name: string): TableWriter {
  return new TableWriter().numbers(1, Entry.BUS, number).text(name, 6);
}

function ioApic(): TableWriter {
  return new TableWriter().numbers(1, Entry.IO_APIC, IO_APIC_ID, IO_APIC_VERSION, ENABLED)
    .numbers(4, IO_APIC_PAGE);
}

/** Where the pins of the slots lead, and the lines of the ISA bus that they leave. */
function ioInterrupts(): TableWriter[] {
  const pins = slotPins(), ofSlots = new Set(pins.map(({ line }) => line));
  const ofIsa = Array.from({ length: ISA_LINES }, (_, line) => line)
    .filter((line) => line !== CASCADE && !ofSlots.has(line));
  return [
    ...pins.map(({ slot, pin, line }) => ioInterrupt(AS_ON_THE_BUS, [PCI, (slot << 2) | pin], line)),
    ...ofIsa.map((line) => ioInterrupt(line === SCI_LINE ? LEVEL_HIGH : AS_ON_THE_BUS, [ISA, line], line)),
  ];
}

type Source = readonly [bus: number, line: number];

const ioInterrupt = (flags: number, source: Source, line: number): TableWriter =>
  interrupt(Entry.IO_INTERRUPT, Interrupt.INT, flags, source, [IO_APIC_ID, ioApicInput(line)]);

function interrupt(
  entry: number,
  type: number,
  flags: number,
  source: Source,
  to: readonly [apic: number, input: number],
): TableWriter {
  return new TableWriter().numbers(1, entry, type).numbers(2, flags).numbers(1, ...source, ...to);
}
