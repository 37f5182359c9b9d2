/** Kernels as ELF files: what lies where in physical memory. System V ABI, chapter 5. */
import { CannotBootError } from "./boot_error.ts";

/** A piece of memory that a kernel wants. */
export interface LoadSegment {
  /** Physical address. */
  readonly address: number;
  readonly bytes: Uint8Array;
  /** Bytes it takes in memory; what `bytes` does not cover is zero. */
  readonly memorySize: number;
}

/** A kernel, ready to be put into memory. */
export interface KernelImage {
  /** Physical address of the first instruction. */
  readonly entry: number;
  readonly segments: readonly LoadSegment[];
}

const MAGIC = 0x464c_457f;
const CLASS_32 = 1, CLASS_64 = 2, LITTLE_ENDIAN = 1;
const MACHINE_386 = 3, MACHINE_X86_64 = 62;
const LOAD = 1, NOTE = 4;
/** Kernels have a dozen program headers; each may fill all of RAM. */
const MOST_HEADERS = 256;
/** Sizes of name and contents, type. */
const NOTE_HEADER = 12;

/** Where the fields of the two classes are, and how wide addresses are. */
interface Layout {
  readonly wide: boolean;
  readonly entry: number;
  readonly tableOffset: number;
  readonly entrySize: number;
  readonly entryCount: number;
  /** Bytes of a program header. */
  readonly headerSize: number;
  /** In it: offset, virtual address, physical address, file size, memory size. */
  readonly header: readonly [number, number, number, number, number];
}

const LAYOUTS: Readonly<Record<number, Layout>> = {
  [CLASS_32]: {
    wide: false,
    entry: 24,
    tableOffset: 28,
    entrySize: 42,
    entryCount: 44,
    headerSize: 32,
    header: [4, 8, 12, 16, 20],
  },
  [CLASS_64]: {
    wide: true,
    entry: 24,
    tableOffset: 32,
    entrySize: 54,
    entryCount: 56,
    headerSize: 56,
    header: [8, 16, 24, 32, 40],
  },
};

/** Whether a file is an ELF file. */
export function isElf(file: Uint8Array): boolean {
  return file.length >= 64 && new DataView(file.buffer, file.byteOffset).getUint32(0, true) === MAGIC;
}

/** What a program header says; addresses are the linked one, exact, and the physical one. */
interface ProgramHeader {
  readonly type: number;
  readonly offset: number;
  readonly linked: bigint;
  readonly physical: number;
  readonly fileSize: number;
  readonly memorySize: number;
}

/** The entry point as it is linked, and the program headers. */
function readHeaders(
  file: Uint8Array,
): { readonly entry: bigint; readonly headers: readonly ProgramHeader[] } {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const layout = LAYOUTS[file[4]!];
  const machine = view.getUint16(18, true);
  if (
    layout === undefined || file[5] !== LITTLE_ENDIAN ||
    (machine !== MACHINE_386 && machine !== MACHINE_X86_64)
  ) {
    throw new CannotBootError("the ELF file is not for x86");
  }
  const address = (at: number): bigint =>
    layout.wide ? view.getBigUint64(at, true) : BigInt(view.getUint32(at, true));
  const word = (at: number): number => Number(address(at));
  const table = word(layout.tableOffset), size = view.getUint16(layout.entrySize, true);
  const count = view.getUint16(layout.entryCount, true);
  if (count > MOST_HEADERS) {
    throw new CannotBootError(`the ELF file has ${count} program headers: at most ${MOST_HEADERS} are taken`);
  }
  if (count > 0 && size < layout.headerSize) {
    throw new CannotBootError(
      `the ELF file has program headers of ${size} bytes: they need ${layout.headerSize}`,
    );
  }
  if (table + size * count > file.length) {
    throw new CannotBootError("the ELF file ends before its program headers do");
  }
  const [offset, linked, physical, fileSize, memorySize] = layout.header;
  const headers = Array.from({ length: count }, (_, n): ProgramHeader => {
    const at = table + size * n;
    return {
      type: view.getUint32(at, true),
      offset: word(at + offset),
      linked: address(at + linked),
      physical: word(at + physical),
      fileSize: word(at + fileSize),
      memorySize: word(at + memorySize),
    };
  });
  return { entry: address(layout.entry), headers };
}

/** Reads the loadable segments of an ELF kernel. The entry point is where its segment's physical address puts it. */
export function readElfImage(file: Uint8Array): KernelImage {
  const { entry: linkedEntry, headers } = readHeaders(file);
  // Kernels are linked high: only the distance from the segment's start is a number that is exact.
  let entry = Number(linkedEntry);
  const segments: LoadSegment[] = [];
  for (const { type, offset, linked, physical, fileSize, memorySize } of headers) {
    if (type !== LOAD) continue;
    if (offset + fileSize > file.length || fileSize > memorySize) {
      throw new CannotBootError(`the ELF file does not hold its segment for 0x${physical.toString(16)}`);
    }
    const distance = Number(linkedEntry - linked);
    if (distance >= 0 && distance < memorySize) entry = physical + distance;
    segments.push({ address: physical, bytes: file.subarray(offset, offset + fileSize), memorySize });
  }
  return { entry, segments };
}

/** A note: who defined its type, and what it holds. */
export interface ElfNote {
  readonly owner: string;
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** The notes of an ELF file. What does not fit the file is left out. */
export function elfNotes(file: Uint8Array): ElfNote[] {
  const notes: ElfNote[] = [];
  for (const { type, offset, fileSize } of readHeaders(file).headers) {
    if (type !== NOTE) continue;
    const part = file.subarray(offset, offset + fileSize);
    const view = new DataView(part.buffer, part.byteOffset, part.length);
    for (let at = 0; at + NOTE_HEADER <= part.length;) {
      const nameSize = view.getUint32(at, true), size = view.getUint32(at + 4, true);
      const name = at + NOTE_HEADER, body = name + Math.ceil(nameSize / 4) * 4;
      if (body + size > part.length) break;
      const owner = new TextDecoder().decode(part.subarray(name, name + Math.max(0, nameSize - 1)));
      notes.push({ owner, type: view.getUint32(at + 8, true), bytes: part.subarray(body, body + size) });
      at = body + Math.ceil(size / 4) * 4;
    }
  }
  return notes;
}
