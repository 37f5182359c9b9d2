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
const LOAD = 1;

/** Where the fields of the two classes are, and how wide addresses are. */
interface Layout {
  readonly wide: boolean;
  readonly entry: number;
  readonly tableOffset: number;
  readonly entrySize: number;
  readonly entryCount: number;
  /** In a program header: offset, virtual address, physical address, file size, memory size. */
  readonly header: readonly [number, number, number, number, number];
}

const LAYOUTS: Readonly<Record<number, Layout>> = {
  [CLASS_32]: {
    wide: false,
    entry: 24,
    tableOffset: 28,
    entrySize: 42,
    entryCount: 44,
    header: [4, 8, 12, 16, 20],
  },
  [CLASS_64]: {
    wide: true,
    entry: 24,
    tableOffset: 32,
    entrySize: 54,
    entryCount: 56,
    header: [8, 16, 24, 32, 40],
  },
};

/** Whether a file is an ELF file. */
export function isElf(file: Uint8Array): boolean {
  return file.length >= 64 && new DataView(file.buffer, file.byteOffset).getUint32(0, true) === MAGIC;
}

/** Reads the loadable segments of an ELF kernel. The entry point is where its segment's physical address puts it. */
export function readElfImage(file: Uint8Array): KernelImage {
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
  if (table + size * count > file.length) {
    throw new CannotBootError("the ELF file ends before its program headers do");
  }
  // Kernels are linked high: only the distance from the segment's start is a number that is exact.
  const linkedEntry = address(layout.entry);
  let entry = Number(linkedEntry);
  const segments: LoadSegment[] = [];
  for (let at = table; at < table + size * count; at += size) {
    if (view.getUint32(at, true) !== LOAD) continue;
    const [offset, , physical, fileSize, memorySize] = layout.header.map((field) => word(at + field)) as [
      number,
      number,
      number,
      number,
      number,
    ];
    if (offset + fileSize > file.length || fileSize > memorySize) {
      throw new CannotBootError(`the ELF file does not hold its segment for 0x${physical.toString(16)}`);
    }
    const distance = Number(linkedEntry - address(at + layout.header[1]));
    if (distance >= 0 && distance < memorySize) entry = physical + distance;
    segments.push({ address: physical, bytes: file.subarray(offset, offset + fileSize), memorySize });
  }
  return { entry, segments };
}
