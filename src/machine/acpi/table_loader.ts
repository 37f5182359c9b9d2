/**
 * The ACPI tables as files in fw_cfg, and the script by which firmware puts them into memory, links them to one another and
 * corrects their checksums. QEMU, hw/acpi/bios-linker-loader.c, has the format; SeaBIOS executes it.
 */
import type { Aml } from "./aml.ts";
import { TableWriter } from "./table.ts";
import { ALIGNMENT, layOutAcpi, ROOT_POINTER_BYTES } from "./tables.ts";

const SCRIPT = "etc/table-loader", TABLES = "etc/acpi/tables", ROOT = "etc/acpi/rsdp";
/** Commands, which take so many bytes each; names in them are padded with zeros. */
const Command = { ALLOCATE: 1, ADD_POINTER: 2, ADD_CHECKSUM: 3 } as const;
const COMMAND_BYTES = 128, NAME_BYTES = 56;
/** Where memory is taken: near the end of RAM; between 0F0000H and 0FFFFFH, where the root pointer is searched. */
const Zone = { HIGH: 1, BIOS: 2 } as const;
/** Of a table, and of the root pointer: the addresses of RSDT and XSDT; checksums of its first 20 bytes, and of all. */
const TABLE_CHECKSUM = 9,
  ROOT_RSDT = 16,
  ROOT_XSDT = 24,
  ROOT_FIRST_PART = 20,
  ROOT_CHECKSUM = 8,
  ROOT_SECOND_CHECKSUM = 32;
const ROOT_ALIGNMENT = 16;

/** The files, by name. `terms` are added to the DSDT. */
export function acpiFiles(
  processors: number,
  terms: readonly Aml[] = [],
): Readonly<Record<string, Uint8Array>> {
  const { tables, root, pointers, pointing } = layOutAcpi(0, processors, terms);
  const script = [
    allocate(TABLES, ALIGNMENT, Zone.HIGH),
    allocate(ROOT, ROOT_ALIGNMENT, Zone.BIOS),
    ...pointers.map(({ at, size }) => addPointer(TABLES, at, size)),
    ...pointing.map(({ at, length }) => addChecksum(TABLES, at + TABLE_CHECKSUM, at, length)),
    addPointer(ROOT, ROOT_RSDT, 4),
    addPointer(ROOT, ROOT_XSDT, 8),
    addChecksum(ROOT, ROOT_CHECKSUM, 0, ROOT_FIRST_PART),
    addChecksum(ROOT, ROOT_SECOND_CHECKSUM, 0, ROOT_POINTER_BYTES),
  ];
  return { [SCRIPT]: new Uint8Array(script.flat()), [TABLES]: tables, [ROOT]: root };
}

const command = (code: number): TableWriter => new TableWriter().numbers(4, code);

function name(writer: TableWriter, file: string): TableWriter {
  const end = writer.length + NAME_BYTES;
  return writer.text(file, file.length).padTo(end);
}

function done(writer: TableWriter): number[] {
  return [...writer.padTo(COMMAND_BYTES).done()];
}

/** Takes memory for a file. */
function allocate(file: string, alignment: number, zone: number): number[] {
  return done(name(command(Command.ALLOCATE), file).numbers(4, alignment).numbers(1, zone));
}

/** Adds the address of the tables to a number in a file. */
function addPointer(file: string, at: number, size: number): number[] {
  return done(name(name(command(Command.ADD_POINTER), file), TABLES).numbers(4, at).numbers(1, size));
}

/** Makes the sum of a part of a file 0 by the byte at `at`. */
function addChecksum(file: string, at: number, start: number, length: number): number[] {
  return done(name(command(Command.ADD_CHECKSUM), file).numbers(4, at, start, length));
}
