/** Random changes to bytes that mean something. */
import type { RandomSource } from "../../src/linux/random.ts";

/** Values that headers do not expect. */
// deno-fmt-ignore
const EDGES: readonly bigint[] = [
  0n, 1n, 2n, 0x7fn, 0xffn, 0xfffn, 0x1000n, 0x1001n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn, 0x7fff_ffff_efffn, 0x7fff_ffff_f000n,
  0x7fff_ffff_ffff_ffffn, 0x8000_0000_0000_0000n, 0xffff_8000_0000_0000n, 0xffff_ffff_ffff_f000n, 0xffff_ffff_ffff_ffffn,
];

/** Changes some places: bytes, bits, whole fields of 2, 4 or 8 bytes, the length. Most lie in the first `head` bytes. */
export function mutate(original: Uint8Array, random: RandomSource, head: number): Uint8Array {
  let bytes = Uint8Array.from(original); // a Buffer's own slice() would share its memory
  const changes = 1 + random.next() % 6;
  for (let i = 0; i < changes; i++) {
    const limit = random.next() % 4 === 0 ? bytes.length : Math.min(bytes.length, head);
    if (limit === 0) break;
    const at = random.next() % limit;
    const view = new DataView(bytes.buffer);
    const edge = EDGES[random.next() % EDGES.length]!;
    switch (random.next() % 6) {
      case 0:
        bytes[at] = random.next();
        break;
      case 1:
        bytes[at]! ^= 1 << (random.next() % 8);
        break;
      case 2:
        if (at - at % 8 + 8 <= bytes.length) view.setBigUint64(at - at % 8, edge, true);
        break;
      case 3:
        if (at - at % 4 + 4 <= bytes.length) {
          view.setUint32(at - at % 4, Number(BigInt.asUintN(32, edge)), true);
        }
        break;
      case 4:
        if (at - at % 2 + 2 <= bytes.length) {
          view.setUint16(at - at % 2, Number(BigInt.asUintN(16, edge)), true);
        }
        break;
      case 5:
        if (random.next() % 6 === 0) bytes = bytes.slice(0, at);
    }
  }
  return bytes;
}
