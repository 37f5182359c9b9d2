/** Executable files: what the headers say, checked. elf(5); System V ABI, AMD64 supplement. */
import { USER_END } from "./memory/page_tables.ts";
import { Prot } from "./memory/vma.ts";
import { PAGE_SIZE } from "../memory/physical.ts";

/** A file is no program that can be run here: the reason, as the end of a sentence that starts with its path. */
export class NotExecutable extends Error {
  override readonly name = "NotExecutable";
}

/** A part of the file that is loaded. */
export interface ElfSegment {
  readonly address: number;
  readonly offset: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly prot: number;
}

/** A program or a shared library, as its headers describe it. */
export interface ElfImage {
  /** ET_DYN: may be loaded anywhere. */
  readonly relocatable: boolean;
  readonly entry: number;
  readonly segments: readonly ElfSegment[];
  readonly interpreter: string | undefined;
  /** Address of the program headers in memory, before relocation; 0 if they are not loaded. */
  readonly programHeaders: number;
  readonly programHeaderCount: number;
  readonly executableStack: boolean;
  /** The span of all segments, in whole pages. */
  readonly low: number;
  readonly high: number;
  /** Largest alignment of a segment. */
  readonly alignment: number;
}

/** Size of the ELF header and of a program header. */
const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const MAX_PROGRAM_HEADERS = Math.floor(65536 / PROGRAM_HEADER_BYTES);
const PT_LOAD = 1, PT_INTERP = 3, PT_PHDR = 6, PT_GNU_STACK = 0x6474_e551;
const EM_X86_64 = 62;
const MACHINES: Readonly<Record<number, string>> = {
  2: "SPARC",
  3: "32-bit x86",
  8: "MIPS",
  20: "PowerPC",
  21: "64-bit PowerPC",
  22: "S/390",
  40: "32-bit ARM",
  43: "64-bit SPARC",
  50: "Itanium",
  183: "64-bit ARM",
  243: "RISC-V",
  258: "LoongArch",
}; // deno-fmt-ignore

/** Reads bytes of the file: how many. */
export type ReadBytes = (target: Uint8Array, position: number) => number;

/** True if the bytes begin as an ELF file does. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/** Reads and checks the headers. Throws `NotExecutable`. */
export function parseElf(read: ReadBytes, fileSize: number): ElfImage {
  const header = readPart(read, 0, HEADER_BYTES, "the ELF header");
  if (!isElf(header)) throw new NotExecutable("is no ELF file");
  const view = new DataView(header.buffer);
  const machine = view.getUint16(18, true);
  if (header[4] !== 2) {
    throw new NotExecutable(
      header[4] === 1 && machine === 3
        ? "is a 32-bit program: only 64-bit x86 programs can be run"
        : header[4] === 1
        ? `is a 32-bit program for ${MACHINES[machine] ?? `machine ${machine}`}`
        : `is malformed: its ELF class is ${header[4]}`,
    );
  }
  if (header[5] !== 1) throw new NotExecutable("is a program for a big-endian processor");
  if (machine !== EM_X86_64) {
    throw new NotExecutable(`is a program for ${MACHINES[machine] ?? `machine ${machine}`}, not for x86-64`);
  }
  const type = view.getUint16(16, true);
  if (type !== 2 && type !== 3) throw new NotExecutable(notAProgram(type));
  const count = view.getUint16(56, true);
  if (view.getUint16(54, true) !== PROGRAM_HEADER_BYTES || count === 0 || count > MAX_PROGRAM_HEADERS) {
    throw new NotExecutable("is malformed: its program headers are not those of a 64-bit program");
  }
  const tableOffset = number64(view, 32, "the place of the program headers");
  const table = readPart(read, tableOffset, count * PROGRAM_HEADER_BYTES, "the program headers");
  return readProgramHeaders(read, fileSize, {
    relocatable: type === 3,
    entry: number64(view, 24, "the entry point"),
    count,
    tableOffset,
    table: new DataView(table.buffer),
  });
}

function notAProgram(type: number): string {
  if (type === 1) return "is an object file, not a program";
  if (type === 4) return "is a core dump, not a program";
  return `is malformed: its ELF type is ${type}`;
}

interface Headers {
  readonly relocatable: boolean;
  readonly entry: number;
  readonly count: number;
  readonly tableOffset: number;
  readonly table: DataView;
}

function readProgramHeaders(read: ReadBytes, fileSize: number, headers: Headers): ElfImage {
  const { table, tableOffset } = headers;
  const segments: ElfSegment[] = [];
  let interpreter: string | undefined;
  let programHeaders = 0;
  let executableStack = false;
  let alignment = PAGE_SIZE;
  for (let i = 0; i < headers.count; i++) {
    const at = i * PROGRAM_HEADER_BYTES;
    const type = table.getUint32(at, true);
    const flags = table.getUint32(at + 4, true);
    if (type === PT_GNU_STACK) executableStack = (flags & 1) !== 0;
    else if (type === PT_PHDR) programHeaders = lossy64(table, at + 16);
    else if (type === PT_INTERP && interpreter === undefined) {
      interpreter = readInterpreter(read, lossy64(table, at + 8), lossy64(table, at + 32));
    }
    if (type !== PT_LOAD) continue;
    const segment = readSegment(table, at, flags, fileSize);
    if (segment.memorySize === 0) continue;
    segments.push(segment);
    const align = lossy64(table, at + 48);
    if (align > alignment && align <= 0x4000_0000 && Number.isInteger(Math.log2(align))) alignment = align;
    if (
      programHeaders === 0 && tableOffset >= segment.offset && tableOffset < segment.offset + segment.fileSize
    ) {
      programHeaders = segment.address + tableOffset - segment.offset;
    }
  }
  if (segments.length === 0) throw new NotExecutable("is malformed: it has no segment to load");
  const low = Math.min(...segments.map(({ address }) => address - address % PAGE_SIZE));
  const high = Math.max(...segments.map(({ address, memorySize }) => pageUp(address + memorySize)));
  if (high > USER_END) throw new NotExecutable("is malformed: a segment lies outside of user space");
  return {
    relocatable: headers.relocatable,
    entry: headers.entry,
    segments,
    interpreter,
    programHeaders,
    programHeaderCount: headers.count,
    executableStack,
    low,
    high,
    alignment,
  };
}

function readSegment(table: DataView, at: number, flags: number, fileSize: number): ElfSegment {
  const offset = lossy64(table, at + 8);
  const address = lossy64(table, at + 16);
  const inFile = lossy64(table, at + 32);
  const inMemory = lossy64(table, at + 40);
  if (inFile > inMemory) {
    throw new NotExecutable("is malformed: a segment is larger in the file than in memory");
  }
  if (address >= USER_END || inMemory > USER_END || address + inMemory > USER_END) {
    throw new NotExecutable("is malformed: a segment lies outside of user space");
  }
  if (inFile > 0) {
    if (offset + inFile > fileSize) {
      throw new NotExecutable("is truncated: a segment lies behind the end of the file");
    }
    if (offset % PAGE_SIZE !== address % PAGE_SIZE) {
      throw new NotExecutable("is malformed: a segment's place in the file does not fit its address");
    }
  }
  const prot = ((flags & 4) !== 0 ? Prot.READ : 0) | ((flags & 2) !== 0 ? Prot.WRITE : 0) |
    ((flags & 1) !== 0 ? Prot.EXEC : 0);
  return { address, offset, fileSize: inFile, memorySize: inMemory, prot };
}

function readInterpreter(read: ReadBytes, offset: number, length: number): string {
  if (length < 2 || length > 4096) {
    throw new NotExecutable("is malformed: the name of its interpreter has no valid length");
  }
  const bytes = readPart(read, offset, length, "the name of its interpreter");
  if (bytes[length - 1] !== 0) {
    throw new NotExecutable("is malformed: the name of its interpreter does not end");
  }
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

function readPart(read: ReadBytes, offset: number, length: number, what: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  if (offset > Number.MAX_SAFE_INTEGER - length || read(bytes, offset) < length) {
    throw new NotExecutable(
      offset === 0
        ? "is no program: it is too short"
        : `is truncated: the file ends before the end of ${what}`,
    );
  }
  return bytes;
}

function lossy64(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

function number64(view: DataView, at: number, what: string): number {
  const value = lossy64(view, at);
  if (value > Number.MAX_SAFE_INTEGER) {
    throw new NotExecutable(`is malformed: ${what} is 0x${value.toString(16)}`);
  }
  return value;
}

/** Rounds up to a whole page. */
export function pageUp(address: number): number {
  return Math.ceil(address / PAGE_SIZE) * PAGE_SIZE;
}
