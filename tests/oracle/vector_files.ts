/** The files of recorded vectors. */
import type { FILES } from "./vectors.ts";
import { unpack } from "./unpack.ts";

/** Where the files are. */
export const FOLDER = new URL("./vectors/", import.meta.url);

/** Reads a file of vectors, or the shared part as "states". */
export async function readPacked(name: (typeof FILES)[number] | "states"): Promise<Uint8Array<ArrayBuffer>> {
  return await unpack(new Blob([await Deno.readFile(new URL(`${name}.bin.gz`, FOLDER))]).stream());
}

/** Writes one. */
export async function writePacked(
  name: (typeof FILES)[number] | "states",
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  await Deno.writeFile(
    new URL(`${name}.bin.gz`, FOLDER),
    new Uint8Array(await new Response(packed).arrayBuffer()),
  );
}
