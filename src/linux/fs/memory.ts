/** A file system in memory: what library users and browsers give their programs, and /dev/shm. */
import { Errno, fail } from "../abi/errno.ts";
import { Mode, Open } from "../abi/files.ts";
import type { OpenFile } from "../files/open_file.ts";
import { bytesOfText } from "../memory/user_memory.ts";
import {
  type DirectoryEntry,
  type FileStatus,
  type FileSystem,
  type FileSystemStatus,
  makeStatus,
  type OpenNode,
} from "./file_system.ts";

/** Bytes that grow. */
class Content {
  bytes = new Uint8Array(0);
  size = 0;
  version = 0;

  resize(size: number): void {
    if (size > this.bytes.length) {
      if (size > 0x7fff_ffff) fail(Errno.EFBIG);
      const grown = new Uint8Array(Math.max(size, Math.min(this.bytes.length * 2, 0x4000_0000)));
      grown.set(this.bytes.subarray(0, this.size));
      this.bytes = grown;
    } else if (size < this.size) {
      this.bytes.fill(0, size, this.size);
    }
    this.size = size;
    this.version++;
  }
}

/** A file, folder or link. */
class Inode {
  nlink = 1;
  uid = 0;
  gid = 0;
  atime: bigint;
  mtime: bigint;
  ctime: bigint;
  readonly content = new Content();
  readonly children = new Map<string, Inode>();
  linkText = "";

  constructor(
    readonly dev: number,
    readonly ino: number,
    public mode: number,
    readonly device: number,
    now: bigint,
  ) {
    this.atime = this.mtime = this.ctime = now;
    if ((mode & Mode.IFMT) === Mode.IFDIR) this.nlink = 2;
  }

  get type(): number {
    return this.mode & Mode.IFMT;
  }

  status(): FileStatus {
    const size = this.type === Mode.IFLNK ? bytesOfText(this.linkText).length : this.content.size;
    return makeStatus({
      dev: this.dev,
      ino: this.ino,
      mode: this.mode,
      nlink: this.nlink,
      uid: this.uid,
      gid: this.gid,
      rdev: this.device,
      size: this.type === Mode.IFDIR ? 4096 : size,
      atime: this.atime,
      mtime: this.mtime,
      ctime: this.ctime,
    });
  }
}

/** An open file in memory. */
class MemoryNode implements OpenNode {
  readonly key: string;
  constructor(readonly inode: Inode, readonly clock: () => bigint) {
    this.key = `memory:${inode.dev}:${inode.ino}`;
  }
  read(target: Uint8Array, position: number): number {
    const content = this.inode.content;
    const part = content.bytes.subarray(
      Math.min(position, content.size),
      Math.min(position + target.length, content.size),
    );
    target.set(part);
    return part.length;
  }
  write(bytes: Uint8Array, position: number): number {
    const content = this.inode.content;
    const at = position < 0 ? content.size : position;
    if (at + bytes.length > content.size) content.resize(at + bytes.length);
    content.bytes.set(bytes, at);
    content.version++;
    this.inode.mtime = this.inode.ctime = this.clock();
    return bytes.length;
  }
  status(): FileStatus {
    return this.inode.status();
  }
  truncate(size: number): void {
    this.inode.content.resize(size);
    this.inode.mtime = this.inode.ctime = this.clock();
  }
  sync(): void {}
  chmod(mode: number): void {
    this.inode.mode = this.inode.type | (mode & 0o7777);
    this.inode.ctime = this.clock();
  }
  chown(uid: number, gid: number): void {
    if (uid >= 0) this.inode.uid = uid;
    if (gid >= 0) this.inode.gid = gid;
  }
  setTimes(atime: bigint | undefined, mtime: bigint | undefined): void {
    if (atime !== undefined) this.inode.atime = atime;
    if (mtime !== undefined) this.inode.mtime = mtime;
  }
  reopen(): OpenNode {
    return this;
  }
  close(): void {}
}

/** Files given to a program: text or bytes by absolute path. A path that ends in "/" makes a folder. */
export type InitialFiles = Readonly<Record<string, string | Uint8Array>>;

/** A tree in memory. */
export class MemoryFileSystem implements FileSystem {
  readonly kind = "tmpfs";
  readonly #root: Inode;
  #ino = 1;

  /**
   * @param files what it holds at first; they are executable, so that programs can be among them
   * @param clock time for new files, in nanoseconds since 1970
   * @param device `st_dev` of its files
   */
  constructor(files: InitialFiles = {}, public clock: () => bigint = () => 0n, readonly device = 0x20) {
    this.#root = this.#inode(Mode.IFDIR | 0o755, 0);
    for (const [path, content] of Object.entries(files)) this.write(path, content);
  }

  /** Puts a file there, with the folders it needs. */
  write(path: string, content: string | Uint8Array): void {
    const names = path.split("/").filter((name) => name !== "");
    const isFolder = path.endsWith("/");
    let folder = this.#root;
    names.forEach((name, i) => {
      const last = i === names.length - 1 && !isFolder;
      let child = folder.children.get(name);
      if (child === undefined) {
        child = this.#inode(last ? Mode.IFREG | 0o755 : Mode.IFDIR | 0o755, 0);
        folder.children.set(name, child);
        if (!last) folder.nlink++;
      }
      folder = child;
    });
    if (isFolder || names.length === 0) return;
    new MemoryNode(folder, this.clock).truncate(0);
    new MemoryNode(folder, this.clock).write(typeof content === "string" ? bytesOfText(content) : content, 0);
  }

  /** The bytes of a file; undefined if there is none. */
  read(path: string): Uint8Array | undefined {
    const inode = this.#find(path);
    return inode?.content.bytes.slice(0, inode.content.size);
  }

  #inode(mode: number, device: number): Inode {
    return new Inode(this.device, this.#ino++, mode, device, this.clock());
  }

  #find(path: string): Inode | undefined {
    let inode: Inode | undefined = this.#root;
    for (const name of path.split("/")) {
      if (name !== "") inode = inode?.children.get(name);
    }
    return inode;
  }

  #get(path: string): Inode {
    return this.#find(path) ?? fail(Errno.ENOENT);
  }

  #parent(path: string): { folder: Inode; name: string } {
    const slash = path.lastIndexOf("/");
    const folder = this.#get(path.slice(0, slash));
    if (folder.type !== Mode.IFDIR) fail(Errno.ENOTDIR);
    return { folder, name: path.slice(slash + 1) };
  }

  #add(path: string, mode: number, device: number): Inode {
    const { folder, name } = this.#parent(path);
    if (name === "" || folder.children.has(name)) fail(Errno.EEXIST);
    const inode = this.#inode(mode, device);
    folder.children.set(name, inode);
    if (inode.type === Mode.IFDIR) folder.nlink++;
    folder.mtime = folder.ctime = this.clock();
    return inode;
  }

  status(path: string): FileStatus | undefined {
    return this.#find(path)?.status();
  }

  readlink(path: string): string {
    const inode = this.#get(path);
    return inode.type === Mode.IFLNK ? inode.linkText : fail(Errno.EINVAL);
  }

  list(path: string): DirectoryEntry[] {
    return [...this.#get(path).children].map(([name, inode]) => ({ name, ino: inode.ino, type: inode.type }));
  }

  open(path: string, flags: number, mode: number): OpenNode | OpenFile {
    let inode = this.#find(path);
    if (inode === undefined) {
      if ((flags & Open.CREAT) === 0) fail(Errno.ENOENT);
      inode = this.#add(path, Mode.IFREG | (mode & 0o7777), 0);
    } else if ((flags & Open.EXCL) !== 0 && (flags & Open.CREAT) !== 0) fail(Errno.EEXIST);
    if (inode.type === Mode.IFDIR) fail(Errno.EISDIR);
    if (inode.type !== Mode.IFREG) fail(Errno.ENXIO);
    const node = new MemoryNode(inode, this.clock);
    if ((flags & Open.TRUNC) !== 0) node.truncate(0);
    return node;
  }

  makeDirectory(path: string, mode: number): void {
    this.#add(path, Mode.IFDIR | (mode & 0o7777), 0);
  }

  makeNode(path: string, mode: number, device: number): void {
    this.#add(path, (mode & Mode.IFMT) === 0 ? mode | Mode.IFREG : mode, device);
  }

  removeDirectory(path: string): void {
    const inode = this.#get(path);
    if (inode.type !== Mode.IFDIR) fail(Errno.ENOTDIR);
    if (inode.children.size > 0) fail(Errno.ENOTEMPTY);
    const { folder, name } = this.#parent(path);
    if (name === "") fail(Errno.EBUSY);
    folder.children.delete(name);
    folder.nlink--;
    inode.nlink = 0;
    folder.mtime = folder.ctime = this.clock();
  }

  unlink(path: string): void {
    const inode = this.#get(path);
    if (inode.type === Mode.IFDIR) fail(Errno.EISDIR);
    const { folder, name } = this.#parent(path);
    folder.children.delete(name);
    inode.nlink--;
    folder.mtime = folder.ctime = inode.ctime = this.clock();
  }

  rename(from: string, to: string): void {
    const inode = this.#get(from);
    if (to === from) return;
    if (to.startsWith(`${from}/`)) fail(Errno.EINVAL);
    const target = this.#find(to);
    if (target === inode) return;
    if (target !== undefined) {
      if (target.type === Mode.IFDIR) {
        if (inode.type !== Mode.IFDIR) fail(Errno.EISDIR);
        this.removeDirectory(to);
      } else {
        if (inode.type === Mode.IFDIR) fail(Errno.ENOTDIR);
        this.unlink(to);
      }
    }
    const source = this.#parent(from), destination = this.#parent(to);
    source.folder.children.delete(source.name);
    destination.folder.children.set(destination.name, inode);
    if (inode.type === Mode.IFDIR) {
      source.folder.nlink--;
      destination.folder.nlink++;
    }
    source.folder.mtime = destination.folder.mtime = inode.ctime = this.clock();
  }

  link(from: string, to: string): void {
    const inode = this.#get(from);
    if (inode.type === Mode.IFDIR) fail(Errno.EPERM);
    const { folder, name } = this.#parent(to);
    if (folder.children.has(name)) fail(Errno.EEXIST);
    folder.children.set(name, inode);
    inode.nlink++;
    folder.mtime = inode.ctime = this.clock();
  }

  symlink(text: string, path: string): void {
    this.#add(path, Mode.IFLNK | 0o777, 0).linkText = text;
  }

  chmod(path: string, mode: number): void {
    new MemoryNode(this.#get(path), this.clock).chmod(mode);
  }

  chown(path: string, uid: number, gid: number): void {
    new MemoryNode(this.#get(path), this.clock).chown(uid, gid);
  }

  setTimes(path: string, atime: bigint | undefined, mtime: bigint | undefined): void {
    new MemoryNode(this.#get(path), this.clock).setTimes(atime, mtime);
  }

  access(_path: string, mode: number, status: FileStatus): void {
    if ((mode & 1) !== 0 && (status.mode & 0o111) === 0) fail(Errno.EACCES);
  }

  statfs(): FileSystemStatus {
    const blocks = 0x4_0000;
    return {
      type: 0x0102_1994,
      blockSize: 4096,
      blocks,
      free: blocks,
      available: blocks,
      files: blocks,
      filesFree: blocks,
    };
  }
}

/** A file without a name. */
export function memoryFile(clock: () => bigint, mode: number, ino: number): OpenNode {
  const inode = new Inode(1, ino, Mode.IFREG | (mode & 0o7777), 0, clock());
  inode.nlink = 0;
  return new MemoryNode(inode, clock);
}
