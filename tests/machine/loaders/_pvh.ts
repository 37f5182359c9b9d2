/** ELF files with a note that tells their PVH entry point. */

/** Where the file goes, and where its code lies in it. */
export const BASE = 0x20_0000, CODE = 0x200;

/** A 64-bit ELF file with a segment that holds all of it, and a note whose type and owner are given. */
export function elfWithNote(code: readonly number[], { owner = "Xen\0", type = 18 } = {}): Uint8Array {
  const NOTE = 0x100, file = new Uint8Array(0x400), view = new DataView(file.buffer);
  const header = (at: number, kind: number, offset: number, size: number): void => {
    view.setUint32(at, kind, true);
    for (
      const [field, value] of [[8, offset], [16, BASE + offset], [24, BASE + offset], [32, size], [
        40,
        size,
      ]] as const
    ) {
      view.setBigUint64(at + field, BigInt(value), true);
    }
  };
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(18, 62, true);
  view.setBigUint64(24, BigInt(BASE), true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 2, true);
  header(64, 1, 0, file.length);
  header(120, 4, NOTE, 20);
  view.setUint32(NOTE, owner.length, true);
  view.setUint32(NOTE + 4, 4, true);
  view.setUint32(NOTE + 8, type, true);
  file.set(new TextEncoder().encode(owner), NOTE + 12);
  view.setUint32(NOTE + 16, BASE + CODE, true);
  file.set(code, CODE);
  return file;
}
