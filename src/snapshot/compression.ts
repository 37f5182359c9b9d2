/** Compression by the host's streams, which Deno, Node.js and browsers have alike: deflate, without a wrapper. */
import { StateError } from "./shape.ts";

const FORMAT = "deflate-raw";

/** Compresses bytes. */
export function compress(bytes: Uint8Array): Promise<Uint8Array> {
  return transform(bytes, new CompressionStream(FORMAT), Infinity);
}

/**
 * Decompresses bytes.
 *
 * @param most how many there may be at most
 * @throws {StateError} if they are damaged, or more than that
 */
export async function decompress(bytes: Uint8Array, most: number): Promise<Uint8Array> {
  try {
    return await transform(bytes, new DecompressionStream(FORMAT), most);
  } catch (error) {
    if (error instanceof StateError) throw error;
    throw new StateError("Compressed data is damaged", { cause: error });
  }
}

async function transform(
  bytes: Uint8Array,
  { readable, writable }: CompressionStream | DecompressionStream,
  most: number,
): Promise<Uint8Array> {
  const writer = writable.getWriter();
  // What goes wrong is told to the reader, too.
  const written = writer.write(bytes as Uint8Array<ArrayBuffer>).then(() => writer.close());
  const pieces: Uint8Array[] = [];
  let length = 0;
  const reader = readable.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      pieces.push(value);
      length += value.length;
      if (length > most) throw new StateError("Compressed data is longer than it says");
    }
    await written;
  } catch (error) {
    await Promise.allSettled([written, reader.cancel()]);
    throw error;
  }
  if (pieces.length === 1) return pieces[0]!;
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
