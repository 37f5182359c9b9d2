/** The ACPI tables that tell an operating system what the machine has. ACPI 6.4, section 5.2. */
import { APIC_PAGE } from "../devices/local_apic.ts";
import { IO_APIC_PAGE } from "../devices/82093aa_io_apic.ts";
import {
  PM1_CONTROL_PORT,
  PM1_EVENT_PORT,
  PM_TIMER_PORT,
  RESET_PORT,
  RESET_VALUE,
  SCI_LINE,
  SLEEP_TYPE_OFF,
  SLEEP_TYPE_RAM,
} from "../devices/acpi_power.ts";
import { ioApicInput, TIMER_LINE } from "../devices/isa_lines.ts";
import { CENTURY } from "../devices/mc146818_rtc.ts";
import { type Aml, device, eisaId, integer, named, packageOf, resources, scope } from "./aml.ts";
import { acpiTable, checksum, TableWriter } from "./table.ts";

/** Where they lie: in the BIOS's part of low memory, where the root pointer is searched. */
export const ACPI_BASE = 0xf_0000;
/** Size of the root pointer, which is there. */
export const ROOT_POINTER_BYTES = 36;
/** Of the tables' places. */
export const ALIGNMENT = 64;

/** The first table, the FACS, which the operating system writes to. Section 5.2.10. */
const FACS = ACPI_BASE + ALIGNMENT;
const WAKING_VECTOR = 12, X_WAKING_VECTOR = 24;
/** Flags of the FADT: WBINVD works, sleep buttons are none of the fixed hardware, there is a reset register. */
const WBINVD = 1, NO_POWER_BUTTON = 0x10, NO_SLEEP_BUTTON = 0x20, RESET_REGISTER = 0x400;
/** Boot architecture: legacy devices on the ISA bus, an 8042, no VGA. */
const LEGACY_DEVICES = 1, HAS_8042 = 2, NO_VGA = 4;
const NO_C2 = 0xfff, NO_C3 = 0xffff;
/** MADT: the 8259 pair is there too. Types of entries. */
const HAS_8259 = 1, LOCAL_APIC = 0, IO_APIC = 1, OVERRIDE = 2, LOCAL_APIC_NMI = 4;
const ENABLED = 1, ALL_PROCESSORS = 0xff, LINT1 = 1;
/** Of interrupts: active high, edge-triggered; level-triggered. MPS INTI flags, table 5-57. */
const EDGE_HIGH = 5, LEVEL_HIGH = 0xd;

/** Places of pointers in tables, and their sizes. */
const FADT_POINTERS = [[36, 4], [40, 4], [140, 8]] as const;
const TABLE_HEADER = 36, RSDT_ENTRY = 4, XSDT_ENTRY = 8;

/** The tables one behind the other, and what depends on where they lie. */
export interface AcpiLayout {
  /** All but the root pointer. */
  readonly tables: Uint8Array;
  /** The root pointer, RSDP. */
  readonly root: Uint8Array;
  /** Addresses inside `tables`. */
  readonly pointers: readonly { readonly at: number; readonly size: number }[];
  /** Tables in `tables` that have such addresses. */
  readonly pointing: readonly { readonly at: number; readonly length: number }[];
}

/** Makes the tables for a physical address. `terms` are added to the DSDT. */
export function layOutAcpi(base: number, processors: number, terms: readonly Aml[] = []): AcpiLayout {
  const placed: { readonly at: number; readonly table: Uint8Array }[] = [];
  let next = 0;
  const put = (table: Uint8Array): number => {
    const at = next;
    placed.push({ at, table });
    next = Math.ceil((at + table.length) / ALIGNMENT) * ALIGNMENT;
    return at;
  };
  const facs = put(new TableWriter().text("FACS", 4).numbers(4, 64).padTo(32).numbers(1, 2).padTo(64).done());
  const dsdt = put(acpiTable("DSDT", 2, new Uint8Array([...basicTerms(), ...terms.flat()])));
  const fadtAt = put(fadt(base + facs, base + dsdt));
  const listed = [fadtAt, put(madt(processors))].map((at) => base + at);
  // Software that knows only the first revision of the root pointer follows the RSDT.
  const list = (signature: string, size: typeof RSDT_ENTRY | typeof XSDT_ENTRY): number =>
    put(acpiTable(signature, 1, new TableWriter().numbers(size, ...listed).done()));
  const rsdt = list("RSDT", RSDT_ENTRY), xsdt = list("XSDT", XSDT_ENTRY);
  const tables = new Uint8Array(next);
  for (const { at, table } of placed) tables.set(table, at);
  return {
    tables,
    root: rootPointer(base + rsdt, base + xsdt),
    pointers: [
      ...FADT_POINTERS.map(([at, size]) => ({ at: fadtAt + at, size })),
      ...[[rsdt, RSDT_ENTRY], [xsdt, XSDT_ENTRY]].flatMap(([at, size]) =>
        listed.map((_, n) => ({ at: at! + TABLE_HEADER + n * size!, size: size! }))
      ),
    ],
    pointing: placed.filter(({ at }) => [fadtAt, rsdt, xsdt].includes(at))
      .map(({ at, table }) => ({ at, length: table.length })),
  };
}

/** Writes the tables into RAM, for a kernel that is booted without firmware. */
export function writeAcpiTables(ram: Uint8Array, processors: number, terms: readonly Aml[] = []): void {
  const { tables, root } = layOutAcpi(FACS, processors, terms);
  ram.set(root, ACPI_BASE);
  ram.set(tables, FACS);
}

/**
 * Where the operating system wants to wake up, by these tables: a physical address that is entered in real mode, or, in the
 * later field, in protected mode. 0: nowhere.
 */
export function wakingVector(ram: Uint8Array): { readonly address: number; readonly isProtected: boolean } {
  const view = new DataView(ram.buffer, ram.byteOffset + FACS, ALIGNMENT);
  const address = view.getUint32(X_WAKING_VECTOR, true);
  if (address !== 0) return { address, isProtected: true };
  return { address: view.getUint32(WAKING_VECTOR, true), isProtected: false };
}

/** RSDP, revision 2. Section 5.2.5.3. */
function rootPointer(rsdt: number, xsdt: number): Uint8Array {
  const FIRST_PART = 20;
  const pointer = new TableWriter().text("RSD PTR ", 8).numbers(1, 0).text("CAUSWY", 6).numbers(1, 2)
    .numbers(4, rsdt, ROOT_POINTER_BYTES).numbers(8, xsdt).numbers(4, 0).done();
  pointer[8] = checksum(pointer.subarray(0, FIRST_PART));
  pointer[32] = checksum(pointer);
  return pointer;
}

/** FADT, revision 4. Section 5.2.9. */
function fadt(facs: number, dsdt: number): Uint8Array {
  const SYSTEM_IO = 1;
  const address = (
    port: number,
    bits: number,
  ): readonly number[] => [SYSTEM_IO, bits, 0, 0, port & 0xff, port >> 8];
  const generic = (w: TableWriter, port: number, bits: number): TableWriter =>
    w.bytes(port === 0 ? new Array<number>(12).fill(0) : [...address(port, bits), 0, 0, 0, 0, 0, 0]);
  const w = new TableWriter();
  w.numbers(4, facs, dsdt).numbers(1, 0, 0).numbers(2, SCI_LINE);
  // No SMI command port: ACPI is always enabled.
  w.numbers(4, 0).numbers(1, 0, 0, 0, 0);
  w.numbers(4, PM1_EVENT_PORT, 0, PM1_CONTROL_PORT, 0, 0, PM_TIMER_PORT, 0, 0);
  w.numbers(1, 4, 2, 0, 4, 0, 0, 0, 0).numbers(2, NO_C2, NO_C3, 0, 0);
  w.numbers(1, 0, 0, 0, 0, CENTURY).numbers(2, LEGACY_DEVICES | HAS_8042 | NO_VGA).numbers(1, 0);
  w.numbers(4, WBINVD | NO_POWER_BUTTON | NO_SLEEP_BUTTON | RESET_REGISTER);
  generic(w, RESET_PORT, 8).numbers(1, RESET_VALUE, 0, 0, 0).numbers(8, 0, dsdt);
  for (
    const [port, bits] of [[PM1_EVENT_PORT, 32], [0, 0], [PM1_CONTROL_PORT, 16], [0, 0], [0, 0]] as const
  ) {
    generic(w, port, bits);
  }
  for (const [port, bits] of [[PM_TIMER_PORT, 32], [0, 0], [0, 0]] as const) generic(w, port, bits);
  return acpiTable("FACP", 4, w.done());
}

/** MADT, revision 3. Section 5.2.12. */
function madt(processors: number): Uint8Array {
  const w = new TableWriter().numbers(4, APIC_PAGE, HAS_8259);
  for (let id = 0; id < processors; id++) w.numbers(1, LOCAL_APIC, 8, id, id).numbers(4, ENABLED);
  w.numbers(1, IO_APIC, 12, 0, 0).numbers(4, IO_APIC_PAGE, 0);
  const override = (line: number, input: number, flags: number): void => {
    w.numbers(1, OVERRIDE, 10, 0, line).numbers(4, input).numbers(2, flags);
  };
  override(TIMER_LINE, ioApicInput(TIMER_LINE), EDGE_HIGH);
  override(SCI_LINE, SCI_LINE, LEVEL_HIGH);
  w.numbers(1, LOCAL_APIC_NMI, 6, ALL_PROCESSORS).numbers(2, EDGE_HIGH).numbers(1, LINT1);
  return acpiTable("APIC", 3, w.done());
}

/** What every machine has: suspend to RAM, soft off, the serial ports, the real-time clock, the keyboard controller. */
function basicTerms(): Aml {
  return [
    ...named("\\_S3", packageOf(SLEEP_TYPE_RAM, SLEEP_TYPE_RAM, 0, 0)),
    ...named("\\_S5", packageOf(SLEEP_TYPE_OFF, SLEEP_TYPE_OFF, 0, 0)),
    ...scope(
      "\\_SB",
      serialPort(1, 0x3f8, 4),
      serialPort(2, 0x2f8, 3),
      device("KBD", named("_HID", eisaId("PNP0303")), named("_CRS", resources([[0x60, 1], [0x64, 1]], 1))),
      device("RTC", named("_HID", eisaId("PNP0B00")), named("_CRS", resources([[0x70, 2]], 8))),
    ),
  ];
}

function serialPort(number: number, port: number, line: number): Aml {
  return device(
    `COM${number}`,
    named("_HID", eisaId("PNP0501")),
    named("_UID", integer(number)),
    named("_CRS", resources([[port, 8]], line)),
  );
}
