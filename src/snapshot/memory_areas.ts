/** Memory in a snapshot: the pages that are not all zeros, compressed in areas of 4 MB. */
import { compress, decompress } from "./compression.ts";
import { bytes, fields, list, type Shape, type Shaped, StateError, u32 } from "./shape.ts";

const PAGE_BYTES = 0x1000, AREA_PAGES = 1024, AREA_BYTES = PAGE_BYTES * AREA_PAGES;
/** Areas decompressed at a time: more only take memory. */
const AT_A_TIME = 4;

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

/** Compresses memory, all of which is read before the promise is returned: the directory, and what it tells of. */
export async function packMemory(
  memory: Uint8Array,
): Promise<{ readonly areas: readonly Area[]; readonly pieces: readonly Uint8Array[] }> {
  const found: (readonly [number: number, pages: Uint8Array, content: Uint8Array])[] = [];
  for (let number = 0; number * AREA_BYTES < memory.length; number++) {
    const area = memory.subarray(number * AREA_BYTES, (number + 1) * AREA_BYTES);
    const pages = new Uint8Array(AREA_PAGES / 8);
    let kept: Uint8Array | undefined, length = 0;
    for (let page = 0; page * PAGE_BYTES < area.length; page++) {
      const content = area.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
      if (isZero(content)) continue;
      pages[page >> 3]! |= 1 << (page & 7);
      kept ??= new Uint8Array(area.length);
      kept.set(content, length);
      length += content.length;
    }
    if (kept === undefined) continue;
    found.push([number, pages, kept.slice(0, length)]);
  }
  const areas: Area[] = [], pieces: Uint8Array[] = [];
  for (const [number, pages, content] of found) {
    const piece = await compress(content);
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
export async function unpackMemory(
  areas: readonly Area[],
  packed: Uint8Array,
  memory: Uint8Array,
): Promise<void> {
  const places: (readonly [area: Area, at: number])[] = [];
  let at = 0, next = 0;
  for (const area of areas) {
    if (area.number < next) throw new StateError("The memory's areas are not in their order");
    next = area.number + 1;
    places.push([area, at]);
    at += area.length;
  }
  if (at !== packed.length) throw new StateError(`The memory takes ${packed.length} bytes, but should ${at}`);
  for (let first = 0; first < places.length; first += AT_A_TIME) {
    await Promise.all(
      places.slice(first, first + AT_A_TIME).map(([area, from]) =>
        unpackArea(area, packed.subarray(from, from + area.length), memory)
      ),
    );
  }
}

async function unpackArea({ number, pages }: Area, packed: Uint8Array, memory: Uint8Array): Promise<void> {
  const present: number[] = [];
  for (let page = 0; page < AREA_PAGES; page++) {
    if ((pages[page >> 3]! & (1 << (page & 7))) === 0) continue;
    const place = number * AREA_BYTES + page * PAGE_BYTES;
    if (place + PAGE_BYTES > memory.length) throw new StateError("The memory has pages behind its end");
    present.push(place);
  }
  const content = await decompress(packed, present.length * PAGE_BYTES);
  if (content.length !== present.length * PAGE_BYTES) throw new StateError("Pages of the memory are missing");
  for (const [n, place] of present.entries()) {
    memory.set(content.subarray(n * PAGE_BYTES, (n + 1) * PAGE_BYTES), place);
  }
}

function isZero(page: Uint8Array): boolean {
  const words = new Int32Array(page.buffer, page.byteOffset, page.length / 4);
  for (let n = 0; n < words.length; n++) if (words[n] !== 0) return false;
  return true;
}
