/** Page walks alone, over tables in an array. SDM vol. 3A, chapter 4. */
import { assertEquals } from "@std/assert";
import { PageFaultError } from "../../src/cpu/fault.ts";
import { newWalk, type PagingContext, Pte, walk } from "../../src/memory/paging.ts";

const DIRECTORY = 0x1000;
const PAGE_SIZE_EXTENSIONS: PagingContext = {
  levels: 2,
  root: DIRECTORY,
  writeProtect: true,
  noExecute: false,
  smep: false,
  smap: false,
  alignmentCheck: false,
  pageSizeExtensions: true,
  globalPages: false,
  pkru: 0,
};

/** Walks for 402345H with this entry for the 4 MB from 400000H on. */
function walkLarge(entry: number): { result: number; page: number } {
  const i32 = new Int32Array(0x800), out = newWalk();
  i32[(DIRECTORY >> 2) + 1] = entry;
  const access = { write: false, execute: false, user: false };
  const tables = { entryWord: (physical: number) => physical >> 2 };
  return { result: walk(i32, tables, PAGE_SIZE_EXTENSIONS, 0x40_2345, 0, access, out), page: out.page };
}

Deno.test("walk() takes bits 39:32 of a 4-MB page from its entry (PSE-36), section 4.3", () => {
  const large = Pte.P | Pte.W | Pte.PS;
  assertEquals(walkLarge(0xffc0_0000 | large), { result: 0, page: 0xffc0_2000 });
  assertEquals(walkLarge(0x0040_0000 | (0xa5 << 13) | large), { result: 0, page: 0xa5_0040_2000 });
});

Deno.test("walk() refuses a 4-MB page whose entry has bit 21, as physical addresses have 40 bits, section 4.3", () => {
  const { result } = walkLarge(0x0060_0000 | Pte.P | Pte.W | Pte.PS);
  assertEquals(result >> 8, (PageFaultError.P | PageFaultError.RSVD) + 1);
});
