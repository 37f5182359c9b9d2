/**
 * The snapshot file. All numbers are little-endian.
 *
 * | offset | bytes | what |
 * | --- | --- | --- |
 * | 0 | 8 | 89 43 57 53 0D 0A 1A 0A: `CWS` in characters that a transfer as text would change |
 * | 8 | 4 | version of the format |
 * | 12 | 4 | XXH32 of everything from offset 16 |
 * | 16 | 8 | bytes of the whole file |
 * | 24 | 4 | bytes of the head, compressed |
 * | 28 | 4 | bytes of the head |
 * | 32 | | the head: what the snapshot is of, states, and the directory of the memory (encoding.ts) |
 * | | | the memory's areas (memory_areas.ts) |
 */
import { xxh32 } from "./xxh32.ts";
import { decodeState, encodeState } from "./encoding.ts";
import { compressLz4, decompressLz4, LZ4_RATIO } from "./lz4.ts";
import { AREAS, packMemory, unpackMemory } from "./memory_areas.ts";
import { fields, type Shape, StateError, type StateValue } from "./shape.ts";

/** Version of the format: what stands where in the file. Parts have versions of their own. */
export const FORMAT_VERSION = 3;

const MAGIC: readonly number[] = [0x89, 0x43, 0x57, 0x53, 0x0d, 0x0a, 0x1a, 0x0a];
const Offset = {
  VERSION: 8,
  CHECKSUM: 12,
  CHECKED: 16,
  LENGTH: 16,
  PACKED_HEAD: 24,
  HEAD: 28,
  END: 32,
} as const;

/** A file is no snapshot, or one that cannot be used here. Nothing has been changed. */
export class SnapshotError extends Error {
  override readonly name = "SnapshotError";
}

/** What is in a file. */
export interface SnapshotContents {
  /** Everything but the memory. */
  readonly state: StateValue;
  /**
   * Decompresses the memory into `memory`, which is all zeros.
   *
   * @throws {SnapshotError} if it is not for memory of this size
   */
  unpack(memory: Uint8Array): void;
}

const anything: Shape<StateValue> = { check: (value) => value };
const HEAD = fields({ state: anything, areas: AREAS });

/** Makes a file: the same for the same contents, on every host. */
export function writeSnapshotFile(state: StateValue, memory: Uint8Array): Uint8Array {
  const { areas, pieces } = packMemory(memory);
  const head = encodeState({ state, areas: areas as StateValue }), packedHead = compressLz4(head);
  const length = [packedHead, ...pieces].reduce((sum, piece) => sum + piece.length, Offset.END as number);
  const file = new Uint8Array(length), view = new DataView(file.buffer);
  file.set(MAGIC);
  view.setUint32(Offset.VERSION, FORMAT_VERSION, true);
  view.setBigUint64(Offset.LENGTH, BigInt(length), true);
  view.setUint32(Offset.PACKED_HEAD, packedHead.length, true);
  view.setUint32(Offset.HEAD, head.length, true);
  let at: number = Offset.END;
  for (const piece of [packedHead, ...pieces]) {
    file.set(piece, at);
    at += piece.length;
  }
  view.setUint32(Offset.CHECKSUM, xxh32(file.subarray(Offset.CHECKED)), true);
  return file;
}

/**
 * Reads a file.
 *
 * @throws {SnapshotError} if it is none, cut off, damaged, or of another version
 */
export function readSnapshotFile(file: Uint8Array): SnapshotContents {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < MAGIC.length || MAGIC.some((byte, n) => file[n] !== byte)) {
    throw new SnapshotError("this is no snapshot");
  }
  if (file.length < Offset.END) throw new SnapshotError("the snapshot is cut off in its header");
  const version = view.getUint32(Offset.VERSION, true), length = view.getBigUint64(Offset.LENGTH, true);
  if (version !== FORMAT_VERSION) {
    throw new SnapshotError(`the snapshot has format version ${version}; only ${FORMAT_VERSION} can be read`);
  }
  if (length !== BigInt(file.length)) {
    throw new SnapshotError(`the snapshot has ${file.length} bytes, but ${length} were written`);
  }
  if (view.getUint32(Offset.CHECKSUM, true) !== xxh32(file.subarray(Offset.CHECKED))) {
    throw new SnapshotError("the snapshot is damaged: its checksum is wrong");
  }
  return refusing(() => {
    const packedBytes = view.getUint32(Offset.PACKED_HEAD, true), bytes = view.getUint32(Offset.HEAD, true);
    if (packedBytes > file.length - Offset.END || bytes > packedBytes * LZ4_RATIO) {
      throw new StateError("The head is too long");
    }
    const memoryAt = Offset.END + packedBytes;
    const content = new Uint8Array(bytes);
    if (decompressLz4(file.subarray(Offset.END, memoryAt), content) !== bytes) {
      throw new StateError("The head is cut off");
    }
    const head = HEAD.check(decodeState(content), "The head");
    return {
      state: head.state,
      unpack: (memory) => refusing(() => unpackMemory(head.areas, file.subarray(memoryAt), memory)),
    };
  });
}

/** Passes on what is wrong with a saved state as what is wrong with the file. */
export function refusing<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    throw new SnapshotError(`the snapshot does not fit: ${error.message}`, { cause: error });
  }
}
