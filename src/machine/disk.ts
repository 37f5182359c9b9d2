/** What is on a disk: an image in sectors of 512 bytes. */
import { bytes, fields, list, type Shape, such, u32 } from "../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../snapshot/stateful.ts";

/** Bytes of a sector; of one of a CD-ROM. */
export const SECTOR = 512, CD_SECTOR = 2048;

/** The host could not read or write an image: the guest sees an error of its disk. */
export class DiskError extends Error {
  override readonly name = "DiskError";
}

/** An image. Offsets and lengths are in bytes and stay within its size. */
export interface DiskImage {
  /** A multiple of 512, not 0. */
  readonly size: number;
  /** Fills `into` from the image. This and the others throw `DiskError` where the host refuses. */
  read(at: number, into: Uint8Array): void;
  write(at: number, bytes: Uint8Array): void;
  /** Returns when what was written is safe. */
  flush(): void;
}

/** Unit of what is kept in memory, and of what a snapshot holds. */
const CLUSTER = 0x1_0000;

type Contents = { readonly numbers: readonly number[]; readonly bytes: Uint8Array };

/**
 * A disk of a machine, over an image. Where `keeps` is set writes go to memory and the image stays as it is. Its state is
 * its whole content: a disk that a snapshot restores lives in memory.
 */
export class Disk implements Stateful<Contents> {
  readonly stateFormat: StateFormat<Contents>;
  readonly size: number;
  readonly #clusters = new Map<number, Uint8Array>();
  #image: DiskImage | undefined;
  #keeps: boolean;

  /**
   * @param image a number: an empty disk of so many bytes
   * @param sector bytes of a sector
   * @throws {RangeError} if the size is none of a disk
   */
  constructor(image: DiskImage | number, keeps: boolean, sector: number = SECTOR) {
    this.#image = typeof image === "number" ? undefined : image;
    this.#keeps = keeps || this.#image === undefined;
    this.size = typeof image === "number" ? image : image.size;
    const problem = whyNoDisk(this.size, sector);
    if (problem !== undefined) throw new RangeError(`Cannot make a disk: ${problem}`);
    this.stateFormat = { version: 1, shape: contentsShape(Math.ceil(this.size / CLUSTER)) };
  }

  read(at: number, into: Uint8Array): void {
    this.#pieces(at, into, (cluster, offset, piece) => {
      const kept = this.#clusters.get(cluster);
      if (kept !== undefined) piece.set(kept.subarray(offset, offset + piece.length));
      else if (this.#image !== undefined) this.#image.read(cluster * CLUSTER + offset, piece);
      else piece.fill(0);
    });
  }

  write(at: number, bytes: Uint8Array): void {
    if (!this.#keeps) return this.#image!.write(at, bytes);
    this.#pieces(at, bytes, (number, offset, piece) => {
      let cluster = this.#clusters.get(number);
      if (cluster === undefined) {
        cluster = this.#whole(number);
        this.#clusters.set(number, cluster);
      }
      cluster.set(piece, offset);
    });
  }

  flush(): void {
    if (!this.#keeps) this.#image!.flush();
  }

  /** Reads the image twice, so that only what is in the state is held. */
  saveState(): Contents {
    const scratch = new Uint8Array(CLUSTER),
      content = (number: number, into: Uint8Array): Uint8Array =>
        this.#clusters.get(number) ?? this.#whole(number, into);
    const numbers = Array.from({ length: Math.ceil(this.size / CLUSTER) }, (_, number) => number)
      .filter((number) => content(number, scratch).some((byte) => byte !== 0));
    const bytes = new Uint8Array(numbers.length * CLUSTER);
    for (const [n, number] of numbers.entries()) {
      const place = bytes.subarray(n * CLUSTER, (n + 1) * CLUSTER), kept = content(number, place);
      if (kept !== place) place.set(kept);
    }
    return { numbers, bytes };
  }

  loadState({ numbers, bytes }: Contents): void {
    this.#image = undefined;
    this.#keeps = true;
    this.#clusters.clear();
    for (const [n, number] of numbers.entries()) {
      this.#clusters.set(number, bytes.slice(n * CLUSTER, (n + 1) * CLUSTER));
    }
  }

  /** A cluster as the image has it, and zeros behind the image's end. */
  #whole(number: number, into: Uint8Array = new Uint8Array(CLUSTER)): Uint8Array {
    const at = number * CLUSTER, length = Math.min(CLUSTER, this.size - at);
    if (this.#image === undefined) return into.fill(0);
    this.#image.read(at, into.subarray(0, length));
    into.fill(0, length);
    return into;
  }

  #pieces(at: number, bytes: Uint8Array, use: (cluster: number, offset: number, piece: Uint8Array) => void) {
    for (let done = 0; done < bytes.length;) {
      const offset = (at + done) % CLUSTER, length = Math.min(CLUSTER - offset, bytes.length - done);
      use((at + done - offset) / CLUSTER, offset, bytes.subarray(done, done + length));
      done += length;
    }
  }
}

/** An image in memory: the bytes themselves are read and written. */
export function diskOfBytes(image: Uint8Array): DiskImage {
  return {
    size: image.length,
    read: (at, into) => into.set(image.subarray(at, at + into.length)),
    write: (at, bytes) => image.set(bytes, at),
    flush: () => {},
  };
}

/** Why an image of this size is no disk with sectors of so many bytes; undefined: it is one. */
export function whyNoDisk(size: number, sector: number = SECTOR): string | undefined {
  if (size === 0) return "the image is empty";
  return size % sector === 0 ? undefined : `the image has ${size} bytes, which is no multiple of ${sector}`;
}

function contentsShape(clusters: number): Shape<Contents> {
  return such(
    fields({ numbers: list(u32), bytes: bytes() }),
    ({ numbers, bytes }) =>
      numbers.every((number) => number < clusters) && bytes.length === numbers.length * CLUSTER,
    "the content of a disk of this size",
  );
}
