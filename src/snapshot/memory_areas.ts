/** Memory in a snapshot: the pages that are not all zeros, compressed in areas of 4 MB. */
import { compressLz4, decompressLz4 } from "./lz4.ts";
import { bytes, fields, list, type Shape, type Shaped, StateError, u32 } from "./shape.ts";

const PAGE_BYTES = 0x1000, AREA_PAGES = 1024, AREA_BYTES = PAGE_BYTES * AREA_PAGES;

/** An area that has such pages. */
const AREA = fields({
  /** Its number: its address in areas. */
  number: u32,
  /** A bit for each page: whether it is there. */
  pages: bytes(AREA_PAGES / 8),
  /** Bytes that it takes in the file. */
  length: u32,
});
type Area = Shaped<typeof AREA>;

/** What the directory of the areas looks like: they lie behind each other in the file, in this order. */
export const AREAS: Shape<readonly Area[]> = list(AREA);

/** Compresses memory: the directory, and what it tells of. */
export function packMemory(
  memory: Uint8Array,
): { readonly areas: readonly Area[]; readonly pieces: readonly Uint8Array[] } {
  const areas: Area[] = [], pieces: Uint8Array[] = [], kept = new Uint8Array(AREA_BYTES);
  for (let number = 0; number * AREA_BYTES < memory.length; number++) {
    const area = memory.subarray(number * AREA_BYTES, (number + 1) * AREA_BYTES);
    const pages = new Uint8Array(AREA_PAGES / 8);
    let length = 0;
    for (let page = 0; page * PAGE_BYTES < area.length; page++) {
      const content = area.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
      if (isZero(content)) continue;
      pages[page >> 3]! |= 1 << (page & 7);
      kept.set(content, length);
      length += content.length;
    }
    if (length === 0) continue;
    const piece = compressLz4(kept.subarray(0, length));
    areas.push({ number, pages, length: piece.length });
    pieces.push(piece);
  }
  return { areas, pieces };
}

/**
 * Decompresses memory into `memory`, which is all zeros.
 *
 * @throws {StateError} if it is damaged, or not for memory of this size
 */
export function unpackMemory(areas: readonly Area[], packed: Uint8Array, memory: Uint8Array): void {
  const content = new Uint8Array(AREA_BYTES);
  let at = 0, next = 0;
  for (const area of areas) {
    if (area.number < next) throw new StateError("The memory's areas are not in their order");
    next = area.number + 1;
    if (area.length > packed.length - at) throw new StateError("The memory ends too early");
    unpackArea(area, packed.subarray(at, at + area.length), content, memory);
    at += area.length;
  }
  if (at !== packed.length) throw new StateError(`The memory takes ${packed.length} bytes, but should ${at}`);
}

/** Decompresses an area; `content` has room for it. */
function unpackArea(
  { number, pages }: Area,
  packed: Uint8Array,
  content: Uint8Array,
  memory: Uint8Array,
): void {
  const present: number[] = [];
  for (let page = 0; page < AREA_PAGES; page++) {
    if ((pages[page >> 3]! & (1 << (page & 7))) === 0) continue;
    const place = number * AREA_BYTES + page * PAGE_BYTES;
    if (place + PAGE_BYTES > memory.length) throw new StateError("The memory has pages behind its end");
    present.push(place);
  }
  const length = present.length * PAGE_BYTES, [first = 0] = present;
  // Where no page is missing between others they are decompressed in their place.
  const inPlace = present.at(-1) === first + length - PAGE_BYTES;
  const target = inPlace ? memory.subarray(first, first + length) : content.subarray(0, length);
  if (decompressLz4(packed, target) !== length) throw new StateError("Pages of the memory are missing");
  if (inPlace) return;
  for (let n = 0, next = 0; n < present.length; n = next) {
    const place = present[n]!;
    // Pages that follow each other are copied together.
    for (next = n + 1; present[next] === place + (next - n) * PAGE_BYTES;) next++;
    memory.set(content.subarray(n * PAGE_BYTES, next * PAGE_BYTES), place);
  }
}

function isZero(page: Uint8Array): boolean {
  const words = new Int32Array(page.buffer, page.byteOffset, page.length / 4);
  for (let n = 0; n < words.length; n++) if (words[n] !== 0) return false;
  return true;
}
