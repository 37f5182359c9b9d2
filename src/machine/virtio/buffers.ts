/** Buffers of a request taken together: drivers may cut requests into descriptors anywhere. Virtio 1.2, section 2.7.4. */
import type { Buffer, Dma } from "./virtqueue.ts";

/** Bytes of all buffers. */
export function lengthOf(buffers: readonly Buffer[]): number {
  return buffers.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

/** Buffers up to a length, and from there. */
export function split(buffers: readonly Buffer[], length: number): { first: Buffer[]; rest: Buffer[] } {
  const first: Buffer[] = [], rest: Buffer[] = [];
  let left = length;
  for (const { address, bytes } of buffers) {
    const size = Math.min(left, bytes.length);
    if (size > 0) first.push({ address, bytes: bytes.subarray(0, size) });
    if (size < bytes.length) rest.push({ address: address + size, bytes: bytes.subarray(size) });
    left -= size;
  }
  return { first, rest };
}

/** Copies buffers into bytes that have room for them. */
export function gather(buffers: readonly Buffer[], into: Uint8Array): void {
  let done = 0;
  for (const { bytes } of buffers) {
    into.set(bytes, done);
    done += bytes.length;
  }
}

/** Copies bytes into buffers, as far as both go. Returns how many. */
export function scatter(from: Uint8Array, buffers: readonly Buffer[], dma: Dma): number {
  let done = 0;
  for (const { address, bytes } of buffers) {
    const piece = from.subarray(done, done + bytes.length);
    bytes.set(piece);
    dma.wrote(address, piece.length);
    done += piece.length;
  }
  return done;
}
