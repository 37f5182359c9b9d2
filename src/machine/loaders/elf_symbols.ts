/** Names of places in a program or kernel, as its ELF file has them. System V ABI, chapter 4. */
import { isElf } from "./elf_image.ts";

/** A named place. */
interface NamedPlace {
  readonly name: string;
  readonly start: bigint;
  /** Where it ends, or its section where it has no size, as labels in assembler. */
  readonly end: bigint;
}

/** Sections: type of symbol tables; flag of those that are in memory. */
const SYMTAB = 2, ALLOC = 2;
/** Types of symbols that name places: none, object, function. */
const MOST_TYPE = 2, TYPE_BITS = 0xf;

/** Offsets of the fields that are read, by class; `wide` fields have 64 bits in the second. */
const LAYOUTS = {
  1: {
    file: { sections: 32, sectionSize: 46, sectionCount: 48 },
    section: { type: 4, flags: 8, address: 12, offset: 16, size: 20, link: 24 },
    symbol: { bytes: 16, name: 0, value: 4, size: 8, info: 12, section: 14 },
  },
  2: {
    file: { sections: 40, sectionSize: 58, sectionCount: 60 },
    section: { type: 4, flags: 8, address: 16, offset: 24, size: 32, link: 40 },
    symbol: { bytes: 24, name: 0, value: 8, size: 16, info: 4, section: 6 },
  },
} as const;

/** The symbols of a file, which may be none. */
export class ElfSymbols {
  /** By their starts. */
  readonly #places: readonly NamedPlace[];

  constructor(file: Uint8Array) {
    this.#places = readPlaces(file).sort((a, b) => a.start < b.start ? -1 : a.start > b.start ? 1 : 0);
  }

  get isEmpty(): boolean {
    return this.#places.length === 0;
  }

  /** What lies at an address: `main+0x1c`; undefined if nothing with a name does. */
  nameOf(address: bigint): string | undefined {
    let low = 0, high = this.#places.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#places[middle]!.start <= address) low = middle + 1;
      else high = middle;
    }
    const place = this.#places[low - 1];
    if (place === undefined || address >= place.end) return undefined;
    return address === place.start ? place.name : `${place.name}+0x${(address - place.start).toString(16)}`;
  }
}

/** The places; none where the file is no ELF file with a symbol table, or a damaged one. */
function readPlaces(file: Uint8Array): NamedPlace[] {
  const layout = LAYOUTS[file[4] as keyof typeof LAYOUTS];
  if (!isElf(file) || layout === undefined) return [];
  try {
    return readTable(file, layout);
  } catch (error) {
    if (error instanceof RangeError) return [];
    throw error;
  }
}

function readTable(file: Uint8Array, layout: typeof LAYOUTS[keyof typeof LAYOUTS]): NamedPlace[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length), isWide = layout === LAYOUTS[2];
  const word = (at: number): bigint =>
    isWide ? view.getBigUint64(at, true) : BigInt(view.getUint32(at, true));
  const table = Number(word(layout.file.sections)), bytes = view.getUint16(layout.file.sectionSize, true);
  const sections = Array.from({ length: view.getUint16(layout.file.sectionCount, true) }, (_, n) => {
    const at = table + n * bytes, { section } = layout;
    return {
      type: view.getUint32(at + section.type, true),
      isLoaded: (word(at + section.flags) & BigInt(ALLOC)) !== 0n,
      end: word(at + section.address) + word(at + section.size),
      offset: Number(word(at + section.offset)),
      size: Number(word(at + section.size)),
      link: view.getUint32(at + section.link, true),
    };
  });
  const symbols = sections.find(({ type }) => type === SYMTAB), names = sections[symbols?.link ?? -1];
  if (symbols === undefined || names === undefined) return [];
  const places: NamedPlace[] = [], { symbol } = layout;
  for (let at = symbols.offset; at < symbols.offset + symbols.size; at += symbol.bytes) {
    const section = sections[view.getUint16(at + symbol.section, true)];
    const name = textAt(file, names.offset + view.getUint32(at + symbol.name, true));
    const type = view.getUint8(at + symbol.info) & TYPE_BITS;
    if (section?.isLoaded !== true || name === "" || type > MOST_TYPE) continue;
    const start = word(at + symbol.value), size = word(at + symbol.size);
    places.push({ name, start, end: size === 0n ? section.end : start + size });
  }
  return places;
}

/** Text that ends with a zero byte. */
function textAt(file: Uint8Array, start: number): string {
  const end = file.indexOf(0, start);
  return end < 0 ? "" : new TextDecoder().decode(file.subarray(start, end));
}
