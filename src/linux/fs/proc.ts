/** /proc: what programs ask of themselves and of the system. proc(5). */
import { Errno, fail } from "../abi/errno.ts";
import { Mode, Open } from "../abi/files.ts";
import { bytesOfText } from "../memory/user_memory.ts";
import type { LinuxSystem } from "../system.ts";
import type { Task, ThreadGroup } from "../task.ts";
import {
  type DirectoryEntry,
  type FileStatus,
  type FileSystemStatus,
  type MagicTarget,
  makeStatus,
  type OpenNode,
} from "./file_system.ts";
import { GROUP_FILES, SYSTEM_FILES } from "./proc_files.ts";
import { GROUP_WRITES } from "./proc_writes.ts";
import { ReadOnlyFileSystem, TextNode } from "./read_only.ts";

/** What a path names. */
type Entry =
  | { readonly kind: "folder"; readonly names: () => readonly string[] }
  | { readonly kind: "link"; readonly text: () => string; readonly target: () => MagicTarget }
  | {
    readonly kind: "file";
    readonly text: () => string | Uint8Array;
    /** root's mode bits have w, whether or not anything can be written. */
    readonly writable?: boolean;
    readonly write?: (writer: Task, text: string) => void;
  };

/** The file system at /proc. */
export class ProcFileSystem extends ReadOnlyFileSystem {
  readonly kind = "proc";
  constructor(readonly system: LinuxSystem) {
    super();
  }

  #entry(path: string, task: Task | undefined): Entry | undefined {
    const parts = path.split("/").filter((part) => part !== "");
    const [first, ...rest] = parts;
    if (first === undefined) return folder(() => this.#topNames());
    if (first === "self" || first === "thread-self") {
      if (rest.length > 0) return undefined; // the mount table follows the link first
      const pid = task?.group.pid ?? 0;
      return link(first === "self" ? `${pid}` : `${pid}/task/${task?.tid ?? 0}`);
    }
    if (/^[1-9]\d*$/.test(first)) {
      const group = this.system.groups.get(Number(first)) ?? this.#groupOfTask(Number(first));
      return group === undefined ? undefined : this.#groupEntry(group, rest);
    }
    return this.#systemEntry(parts.join("/"));
  }

  #topNames(): string[] {
    const names = new Set([...SYSTEM_FILES.keys()].map((path) => path.split("/")[0]!));
    return [...[...this.system.groups.keys()].map(String), "self", "thread-self", "mounts", ...names];
  }

  #groupOfTask(tid: number): ThreadGroup | undefined {
    return this.system.tasks.find((task) => task.tid === tid)?.group;
  }

  #systemEntry(path: string): Entry | undefined {
    if (path === "mounts") return link("self/mounts");
    const text = SYSTEM_FILES.get(path);
    if (text !== undefined) {
      return {
        kind: "file",
        text: () => text(this.system),
        writable: path.startsWith("sys/"),
      };
    }
    const below = [...SYSTEM_FILES.keys()].filter((name) => name.startsWith(`${path}/`));
    if (below.length === 0) return undefined;
    return folder(() => [...new Set(below.map((name) => name.slice(path.length + 1).split("/")[0]!))]);
  }

  /** @param task the one of the group that is looked at */
  #groupEntry(group: ThreadGroup, rest: readonly string[], task = group.leader): Entry | undefined {
    const [name, ...below] = rest;
    const leader = group.leader;
    if (name === undefined) {
      return folder(() => [...GROUP_FILES.keys(), "exe", "cwd", "root", "fd", "fdinfo", "task"]);
    }
    if (name === "fd" || name === "fdinfo") return this.#descriptorEntry(leader, name, below);
    if (name === "task") {
      if (below.length === 0) return folder(() => group.tasks.map(({ tid }) => `${tid}`));
      const member = group.tasks.find(({ tid }) => `${tid}` === below[0]);
      if (member === undefined || below[1] === "task") return undefined;
      return this.#groupEntry(group, below.slice(1), member);
    }
    if (below.length > 0) return undefined;
    if (name === "exe") return group.executable === "" ? undefined : link(group.executable);
    if (name === "cwd") return link(leader?.paths.cwd ?? "/");
    if (name === "root") return link(leader?.paths.root || "/");
    const text = GROUP_FILES.get(name), write = GROUP_WRITES.get(name);
    if (text === undefined) return undefined;
    const shown = { kind: "file", text: () => text(group, task) } as const;
    if (write === undefined || task === undefined) return shown;
    return { ...shown, writable: true, write: (writer, line) => write({ writer, group, task }, line) };
  }

  #descriptorEntry(task: Task | undefined, folderName: string, below: readonly string[]): Entry | undefined {
    if (below.length === 0) return folder(() => task?.files.numbers().map(String) ?? []);
    if (below.length > 1 || !/^\d+$/.test(below[0]!)) return undefined;
    const file = task?.files.find(Number(below[0]));
    if (file === undefined) return undefined;
    if (folderName === "fd") return { kind: "link", text: () => file.path, target: () => ({ file }) };
    const position = "position" in file ? file.position : 0;
    return {
      kind: "file",
      text: () => `pos:\t${position}\nflags:\t0${file.flags.toString(8)}\nmnt_id:\t1\n`,
    };
  }

  status(path: string, task: Task | undefined): FileStatus | undefined {
    const entry = this.#entry(path, task);
    if (entry === undefined) return undefined;
    const ino = [...path].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) % 0x7fff_ffff, 1);
    const now = this.system.clock.realtimeBig();
    const common = { dev: 21, ino, atime: now, mtime: now, ctime: now };
    switch (entry.kind) {
      case "folder":
        return makeStatus({ ...common, mode: Mode.IFDIR | 0o555, nlink: 2 });
      case "link":
        return makeStatus({ ...common, mode: Mode.IFLNK | 0o777, size: 64, blocks: 0 });
      case "file":
        return makeStatus({ ...common, mode: Mode.IFREG | (entry.writable === true ? 0o644 : 0o444) });
    }
  }

  readlink(path: string, task: Task | undefined): string {
    const entry = this.#entry(path, task);
    return entry?.kind === "link" ? entry.text() : fail(Errno.EINVAL);
  }

  magic(path: string, task: Task): MagicTarget | undefined {
    const entry = this.#entry(path, task);
    return entry?.kind === "link" ? entry.target() : undefined;
  }

  list(path: string, task: Task | undefined): DirectoryEntry[] {
    const entry = this.#entry(path, task);
    if (entry?.kind !== "folder") fail(Errno.ENOENT);
    return entry.names().map((name) => {
      const status = this.status(path === "/" ? `/${name}` : `${path}/${name}`, task);
      return { name, ino: status?.ino ?? 1, type: (status?.mode ?? 0) & Mode.IFMT };
    });
  }

  open(path: string, flags: number, _mode: number, task: Task | undefined): OpenNode {
    const entry = this.#entry(path, task);
    if (entry?.kind !== "file") fail(Errno.EACCES);
    const { write } = entry, writes = (flags & Open.ACCMODE) !== Open.RDONLY;
    if (writes && (write === undefined || task === undefined)) fail(Errno.EACCES);
    const text = entry.text();
    return new TextNode(
      typeof text === "string" ? bytesOfText(text) : text,
      this.status(path, task)!,
      writes ? (line) => write!(task!, line) : undefined,
    );
  }

  statfs(): FileSystemStatus {
    return { type: 0x9fa0, blockSize: 4096, blocks: 0, free: 0, available: 0, files: 0, filesFree: 0 };
  }
}

function folder(names: () => readonly string[]): Entry {
  return { kind: "folder", names };
}

function link(path: string): Entry {
  return { kind: "link", text: () => path, target: () => ({ path }) };
}
