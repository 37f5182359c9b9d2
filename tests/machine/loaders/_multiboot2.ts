/** Files with a multiboot 2 header. Multiboot2 Specification 2.0, section 3.1. */

export const MAGIC = 0xe852_50d6;

/** A tag of the header. */
export type Tag = readonly [type: number, flags: number, ...words: number[]];

/** A file with a header at 10H, that has these tags. */
export function kernelWith(tags: readonly Tag[], { architecture = 0, at = 0x10 } = {}): Uint8Array {
  const body: number[] = [];
  for (const [type, flags, ...words] of [...tags, [0, 0] as const]) {
    body.push(type | (flags << 16), 8 + 4 * words.length, ...words);
    if (body.length % 2 !== 0) body.push(0);
  }
  const length = 16 + 4 * body.length, file = new Uint8Array(0x200), view = new DataView(file.buffer);
  [MAGIC, architecture, length, -(MAGIC + architecture + length), ...body].forEach((word, n) =>
    view.setUint32(at + 4 * n, word >>> 0, true)
  );
  return file;
}
