/** What mappings take their pages from: the page cache over files, and shared memory without a file. */
import { PAGE_SIZE } from "../../memory/physical.ts";
import { type Frames, FramesInRuns } from "./frames.ts";

/** The bytes behind cached pages. */
export interface PageStore {
  /** Reads at a position: bytes read, fewer than asked for only at the end. */
  read(target: Uint8Array, position: number): number;
  /** Writes at a position; what lies beyond the present end is left out. */
  write(bytes: Uint8Array, position: number): void;
  /** Changes when somebody else has changed the bytes. */
  version(): string;
  /** Nothing is mapped any more: what was opened for the mapping can be closed. */
  close(): void;
}

/** Pages read from a store in one go when one of them is missing. */
const READ_AROUND = 16;

/** The cached pages of one file, or of shared memory (`store` undefined: pages start as zeros and live here only). */
export class Backing {
  readonly pages: Map<number, number> = new Map();
  /** Waiters of futexes in shared mappings, by position in the file. */
  readonly futexes: Map<number, unknown[]> = new Map();
  readonly #own: FramesInRuns;
  #mappings = 0;
  #version = "";
  #store: PageStore | undefined;

  /**
   * @param path what /proc/self/maps shows
   */
  constructor(
    readonly frames: Frames,
    readonly path: string,
    readonly device: number,
    readonly inode: number,
    readonly anonymous: boolean,
  ) {
    this.#own = new FramesInRuns(frames);
  }

  /** Mappings there are. */
  get mappings(): number {
    return this.#mappings;
  }

  /** A mapping begins. The first one brings the store, and drops pages that are out of date. */
  attach(store: PageStore | undefined): void {
    this.#mappings++;
    if (store === undefined || this.#store === store) return;
    if (this.#store !== undefined) {
      // Mapped twice: the newer opening may be writable where the older is not.
      this.#store.close();
      this.#store = store;
      return;
    }
    this.#store = store;
    const version = store.version();
    if (version !== this.#version) {
      this.dropFrom(0);
      this.#version = version;
    }
  }

  /** Another mapping of the same pages begins (fork, a split). */
  share(): void {
    this.#mappings++;
  }

  /** A mapping ends. */
  detach(): void {
    if (--this.#mappings > 0) return;
    if (this.anonymous) return this.dropFrom(0);
    if (this.#store === undefined) return;
    this.#version = this.#store.version();
    this.#store.close();
    this.#store = undefined;
  }

  /** Frame of page `index`, held by this cache; undefined beyond the end. Fails with ENOMEM. */
  page(index: number): number | undefined {
    const cached = this.pages.get(index);
    if (cached !== undefined) return cached;
    if (this.anonymous) {
      const frame = this.#own.allocate(index);
      this.pages.set(index, frame);
      return frame;
    }
    if (this.#store === undefined) return undefined;
    const bytes = new Uint8Array(READ_AROUND * PAGE_SIZE);
    const length = this.#store.read(bytes, index * PAGE_SIZE);
    for (let i = 0; i * PAGE_SIZE < length; i++) {
      if (this.pages.has(index + i)) continue;
      if (i > 0 && this.frames.free === 0) break; // reading ahead must not push out what was just read
      const frame = this.#own.allocate(index + i);
      const part = bytes.subarray(i * PAGE_SIZE, Math.min(length, (i + 1) * PAGE_SIZE));
      this.frames.bytes(frame).set(part);
      this.frames.wrote(frame, 0, part.length);
      this.pages.set(index + i, frame);
    }
    return this.pages.get(index);
  }

  /** Writes a dirty page to the file. */
  writeBack(index: number, frame: number): void {
    this.#store?.write(this.frames.bytes(frame), index * PAGE_SIZE);
  }

  /** A write to the file is seen in its cached pages. */
  patch(position: number, bytes: Uint8Array): void {
    this.#overlap(position, bytes.length, (frame, inPage, inBytes, length) => {
      this.frames.bytes(frame).set(bytes.subarray(inBytes, inBytes + length), inPage);
      this.frames.wrote(frame, inPage, length);
    });
  }

  /** A read from the file sees what was stored through shared mappings. */
  overlay(position: number, target: Uint8Array): void {
    this.#overlap(position, target.length, (frame, inPage, inBytes, length) => {
      target.set(this.frames.bytes(frame).subarray(inPage, inPage + length), inBytes);
    });
  }

  /** The file has been cut to `size` bytes: forgets the pages behind it and clears the rest of the last one. */
  cut(size: number): void {
    this.dropFrom(Math.ceil(size / PAGE_SIZE));
    const frame = this.pages.get(Math.floor(size / PAGE_SIZE));
    if (frame === undefined) return;
    this.frames.bytes(frame).fill(0, size % PAGE_SIZE);
    this.frames.wrote(frame, size % PAGE_SIZE, PAGE_SIZE - size % PAGE_SIZE);
  }

  /** Forgets pages from `first` on. */
  dropFrom(first: number): void {
    for (const [index, frame] of this.pages) {
      if (index < first) continue;
      this.pages.delete(index);
      this.frames.release(frame);
    }
    if (this.pages.size === 0) this.#own.close();
  }

  /** Forgets the pages that nothing maps; answers whether there were any. */
  reclaim(): boolean {
    if (this.anonymous) return false;
    let any = false;
    for (const [index, frame] of this.pages) {
      if (this.frames.references(frame) > 1) continue;
      this.pages.delete(index);
      this.frames.release(frame);
      any = true;
    }
    if (this.pages.size === 0) this.#own.close();
    return any;
  }

  #overlap(
    position: number,
    length: number,
    visit: (frame: number, inPage: number, inBytes: number, length: number) => void,
  ): void {
    for (let done = 0; done < length;) {
      const inPage = (position + done) % PAGE_SIZE;
      const part = Math.min(length - done, PAGE_SIZE - inPage);
      const frame = this.pages.get(Math.floor((position + done) / PAGE_SIZE));
      if (frame !== undefined) visit(frame, inPage, done, part);
      done += part;
    }
  }
}

/** The backings of all files that are mapped or were, by the file's identity. */
export class PageCache {
  readonly #files = new Map<string, Backing>();
  #inode = 1;

  constructor(readonly frames: Frames) {
    frames.reclaim = () => {
      let any = false;
      for (const [key, backing] of this.#files) {
        if (backing.reclaim()) any = true;
        if (backing.mappings === 0 && backing.pages.size === 0) this.#files.delete(key);
      }
      return any;
    };
  }

  /** The cached pages of a file, if it was ever mapped. */
  find(key: string): Backing | undefined {
    return this.#files.get(key);
  }

  /** The pages of a file; `attach` them to map them. */
  file(key: string, path: string, device: number, inode: number): Backing {
    let backing = this.#files.get(key);
    if (backing === undefined) {
      this.#files.set(key, backing = new Backing(this.frames, path, device, inode, false));
    }
    return backing;
  }

  /** Fresh shared memory without a file. */
  anonymous(path = "/dev/zero (deleted)"): Backing {
    return new Backing(this.frames, path, 1, this.#inode++, true);
  }

  /** Frames that could be freed: cached, but not mapped. */
  get reclaimable(): number {
    let count = 0;
    for (const backing of this.#files.values()) {
      for (const frame of backing.pages.values()) if (this.frames.references(frame) === 1) count++;
    }
    return count;
  }
}
