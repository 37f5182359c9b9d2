/** Reads tables that a BIOS leaves, in tests. */
import { assert, assertEquals } from "@std/assert";

/** Where a BIOS lies, and tables that kernels search. */
export const BIOS = 0xf_0000, BIOS_END = 0x10_0000;
/** Bytes of the MP table's entries, by type. */
const ENTRY_BYTES = [20, 8, 8, 8, 8] as const;

export const latin1 = (bytes: Uint8Array): string => new TextDecoder("latin1").decode(bytes);
/** The sum of bytes, which is 0 in a table with its checksum. */
export const sum = (bytes: Uint8Array): number => bytes.reduce((total, byte) => total + byte, 0) & 0xff;

/** The MP table: MultiProcessor Specification 1.4, section 4.2. */
export interface MpTable {
  readonly header: Uint8Array;
  /** Entries by type. */
  readonly entries: readonly (readonly number[][])[];
}

/** Finds it in RAM as an operating system does, by the floating pointer. */
export function mpTableIn(ram: Uint8Array): MpTable {
  const view = new DataView(ram.buffer, ram.byteOffset);
  let pointer = BIOS;
  while (latin1(ram.subarray(pointer, pointer + 4)) !== "_MP_") {
    pointer += 16;
    assert(pointer < BIOS_END, "there is no floating pointer");
  }
  assertEquals([...ram.subarray(pointer + 8, pointer + 10)], [1, 4], "one paragraph, revision 1.4");
  assertEquals(sum(ram.subarray(pointer, pointer + 16)), 0);
  assertEquals([...ram.subarray(pointer + 11, pointer + 16)], [0, 0, 0, 0, 0], "a table, and no IMCR");
  const at = view.getUint32(pointer + 4, true), length = view.getUint16(at + 4, true);
  const table = ram.subarray(at, at + length), header = table.subarray(0, 44);
  assertEquals([latin1(table.subarray(0, 4)), table[6], sum(table)], ["PCMP", 4, 0]);
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
