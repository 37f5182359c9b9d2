/** Makes small programs: an ELF file with one segment of code. */

const BASE = 0x40_0000n;
const HEADERS = 64 + 56;

/** A static x86-64 Linux program that consists of `code` (hexadecimal bytes). */
export function elfOf(code: string): Uint8Array {
  const bytes = code.trim().split(/\s+/).map((byte) => parseInt(byte, 16));
  const file = new Uint8Array(HEADERS + bytes.length);
  const view = new DataView(file.buffer);
  const size = BigInt(file.length);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true); // ET_EXEC
  view.setUint16(18, 62, true); // EM_X86_64
  view.setUint32(20, 1, true);
  view.setBigUint64(24, BASE + BigInt(HEADERS), true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint32(64, 1, true); // PT_LOAD
  view.setUint32(68, 5, true); // R X
  view.setBigUint64(80, BASE, true);
  view.setBigUint64(88, BASE, true);
  view.setBigUint64(96, size, true);
  view.setBigUint64(104, size, true);
  view.setBigUint64(112, 0x1000n, true);
  file.set(bytes, HEADERS);
  return file;
}
