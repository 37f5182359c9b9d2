/** Open regular files and folders. */
import { Errno, fail } from "../abi/errno.ts";
import { Open } from "../abi/files.ts";
import type { DirectoryEntry, FileStatus, OpenNode } from "../fs/file_system.ts";
import type { Backing, PageCache, PageStore } from "../memory/backing.ts";
import { Notify, type Watchers } from "./inotify.ts";
import { OpenFile } from "./open_file.ts";

/** An open regular file, kept coherent with what is mapped of it. */
export class RegularFile extends OpenFile {
  position = 0;
  /** Those who watch files: told of what is done with this one. */
  watchers: Watchers | undefined;

  constructor(readonly node: OpenNode, path: string, flags: number, readonly cache: PageCache) {
    super(path, flags);
  }

  #backing(): Backing | undefined {
    return this.node.key === "" ? undefined : this.cache.find(this.node.key);
  }

  override status(): FileStatus {
    return this.node.status();
  }

  override readAt(target: Uint8Array, position: number): number {
    const length = this.node.read(target, position);
    if (length > 0) this.watchers?.tell(this.path, Notify.ACCESS);
    const backing = this.#backing();
    if (backing !== undefined && backing.mappings > 0) backing.overlay(position, target.subarray(0, length));
    return length;
  }

  override writeAt(bytes: Uint8Array, position: number): number {
    const length = this.node.write(bytes, position);
    this.#backing()?.patch(position, bytes.subarray(0, length));
    if (length > 0) this.watchers?.tell(this.path, Notify.MODIFY);
    return length;
  }

  override read(target: Uint8Array): number {
    const length = this.readAt(target, this.position);
    this.position += length;
    return length;
  }

  override write(bytes: Uint8Array): number {
    if ((this.flags & Open.APPEND) !== 0) this.position = this.node.status().size;
    const length = this.writeAt(bytes, this.position);
    this.position += length;
    return length;
  }

  override seek(offset: number, whence: number): number {
    const size = whence >= 2 ? this.node.status().size : 0;
    let place: number;
    if (whence === 0) place = offset;
    else if (whence === 1) place = this.position + offset;
    else if (whence === 2) place = size + offset;
    else if (whence === 3 || whence === 4) { // SEEK_DATA, SEEK_HOLE: files have no holes
      if (offset < 0 || offset >= size) fail(Errno.ENXIO);
      place = whence === 3 ? offset : size;
    } else return fail(Errno.EINVAL);
    if (place < 0) fail(Errno.EINVAL);
    return this.position = place;
  }

  /** ftruncate(2). */
  truncate(size: number): void {
    this.node.truncate(size);
    this.#backing()?.cut(size);
    this.watchers?.tell(this.path, Notify.MODIFY);
  }

  override close(): void {
    this.node.close();
    this.watchers?.closed(this.path, this.writable);
  }

  /** What mmap(2) needs: the cached pages, and a store that outlives the descriptor. Fails with ENODEV. */
  mapping(): { backing: Backing; store: PageStore } {
    if (this.node.key === "") fail(Errno.ENODEV);
    const status = this.node.status();
    return {
      backing: this.cache.file(this.node.key, this.path, status.dev, status.ino),
      store: new NodeStore(this.node),
    };
  }
}

/** The pages of a file, while it is mapped. */
class NodeStore implements PageStore {
  readonly #node: OpenNode;
  constructor(node: OpenNode) {
    this.#node = node.reopen();
  }
  read(target: Uint8Array, position: number): number {
    return this.#node.read(target, position);
  }
  write(bytes: Uint8Array, position: number): void {
    const length = Math.min(bytes.length, this.#node.status().size - position);
    if (length > 0) this.#node.write(bytes.subarray(0, length), position);
  }
  version(): string {
    const status = this.#node.status();
    return `${status.size} ${status.mtime} ${status.ctime}`;
  }
  close(): void {
    this.#node.close();
  }
}

/** An open folder. Relative paths are resolved by its path. */
export class DirectoryFile extends OpenFile {
  position = 0;
  #entries: DirectoryEntry[] | undefined;

  constructor(
    path: string,
    flags: number,
    readonly list: () => DirectoryEntry[],
    readonly currentStatus: () => FileStatus,
  ) {
    super(path, flags);
  }

  override status(): FileStatus {
    return this.currentStatus();
  }

  /** Entries, with "." and ".."; listed at the first call and after a rewind. */
  entries(): readonly DirectoryEntry[] {
    if (this.#entries === undefined || this.position === 0) {
      const ino = this.status().ino;
      const listed = this.list();
      this.#entries = [{ name: ".", ino, type: 0o40000 }, { name: "..", ino, type: 0o40000 }, ...listed];
    }
    return this.#entries;
  }

  override read(): number {
    return fail(Errno.EISDIR);
  }

  override readAt(): number {
    return fail(Errno.EISDIR);
  }

  override seek(offset: number, whence: number): number {
    const place = whence === 0 ? offset : whence === 1 ? this.position + offset : fail(Errno.EINVAL);
    if (place < 0) fail(Errno.EINVAL);
    return this.position = place;
  }
}

/** A descriptor that only names a place: O_PATH. */
export class PathFile extends OpenFile {
  constructor(path: string, flags: number, readonly currentStatus: () => FileStatus) {
    super(path, flags);
  }
  override status(): FileStatus {
    return this.currentStatus();
  }
  override read(): number {
    return fail(Errno.EBADF);
  }
  override write(): number {
    return fail(Errno.EBADF);
  }
  override seek(): number {
    return fail(Errno.EBADF);
  }
}
