/** Makes ELF files with symbols. */

/** A symbol; `type` is STT_FUNC and its like. */
export interface TestSymbol {
  readonly name: string;
  readonly value: number;
  readonly size: number;
  readonly type: number;
}

const ALLOC = 2, PROGBITS = 1, SYMTAB = 2, STRTAB = 3;

/** An ELF file with a section of code, whose bytes are not in it, and symbols. */
export function elfWithSymbols(
  bits: 32 | 64,
  text: { readonly start: number; readonly size: number },
  symbols: readonly TestSymbol[],
): Uint8Array {
  const wide = bits === 64, word = wide ? 8 : 4, symbolBytes = wide ? 24 : 16, header = wide ? 64 : 52;
  const names = new TextEncoder().encode(["", ...symbols.map(({ name }) => name), ""].join("\0"));
  const symbolsAt = header, namesAt = symbolsAt + symbolBytes * symbols.length;
  const sectionsAt = Math.ceil((namesAt + names.length) / 8) * 8, sectionBytes = 16 + 6 * word;
  const file = new Uint8Array(sectionsAt + 4 * sectionBytes), view = new DataView(file.buffer);
  const put = (at: number, value: number): void =>
    wide ? view.setBigUint64(at, BigInt(value), true) : view.setUint32(at, value, true);
  file.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, 1, 1]);
  put(24 + 2 * word, sectionsAt);
  view.setUint16(header - 6, sectionBytes, true);
  view.setUint16(header - 4, 4, true);
  file.set(names, namesAt);
  let nameAt = 1;
  symbols.forEach(({ name, value, size, type }, n) => {
    const at = symbolsAt + n * symbolBytes;
    view.setUint32(at, nameAt, true);
    nameAt += new TextEncoder().encode(name).length + 1;
    put(at + (wide ? 8 : 4), value);
    put(at + (wide ? 16 : 8), size);
    file[at + (wide ? 4 : 12)] = type;
    view.setUint16(at + (wide ? 6 : 14), 1, true);
  });
  const section = (n: number, type: number, flags: number, place: readonly number[], link: number): void => {
    const at = sectionsAt + n * sectionBytes;
    view.setUint32(at + 4, type, true);
    [flags, ...place].forEach((value, field) => put(at + 8 + field * word, value));
    view.setUint32(at + 8 + 4 * word, link, true);
  };
  section(1, PROGBITS, ALLOC, [text.start, 0, text.size], 0);
  section(2, SYMTAB, 0, [0, symbolsAt, symbolBytes * symbols.length], 3);
  section(3, STRTAB, 0, [0, namesAt, names.length], 0);
  return file;
}
