import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { Errno, SyscallError } from "../../src/linux/abi/errno.ts";
import { Open } from "../../src/linux/abi/files.ts";
import { HostFileSystem } from "../../src/linux/fs/host.ts";
import { MemoryFileSystem } from "../../src/linux/fs/memory.ts";
import type { FileSystem } from "../../src/linux/fs/file_system.ts";
import type { Task } from "../../src/linux/task.ts";
import { startTask } from "./_support/task.ts";
import { inFolder } from "./_support/native.ts";

/** Reads a file by the path a program would use; a number is the error's. */
function readFile(task: Task, path: string, base = "/"): string | number {
  try {
    const { mounts } = task.system;
    const place = mounts.existing(task, path, base, true);
    const file = mounts.open(task, place, Open.RDONLY, 0);
    const bytes = new Uint8Array(100);
    const length = file.read(bytes, task);
    file.close();
    return new TextDecoder().decode(bytes.subarray(0, length));
  } catch (error) {
    if (error instanceof SyscallError) return error.errno;
    throw error;
  }
}

/** A root with tricks in it, and a secret next to it. */
function withRoot(use: (task: Task, root: string) => void): Promise<void> {
  return inFolder((folder) => {
    const root = join(folder, "root");
    Deno.mkdirSync(join(root, "inner/deep"), { recursive: true });
    Deno.writeTextFileSync(join(folder, "secret"), "secret");
    Deno.writeTextFileSync(join(root, "file"), "inside");
    Deno.writeTextFileSync(join(root, "secret"), "inside's secret");
    const links: Readonly<Record<string, string>> = {
      up: "../secret",
      far: "../../../../../../secret",
      absolute: "/secret",
      host: join(folder, "secret"),
      parent: "..",
      slash: "/",
      "inner/up": "../../secret",
      "inner/twice": "up/../../secret",
      loop: "loop",
      chain: "absolute",
      proc: "/proc/self/root/../secret",
    };
    for (const [path, target] of Object.entries(links)) Deno.symlinkSync(target, join(root, path));
    use(startTask(new HostFileSystem(root)), root);
  });
}

const ESCAPES: readonly (readonly [string, string | number])[] = [
  ["/file", "inside"],
  ["/../secret", "inside's secret"],
  ["../../../secret", "inside's secret"],
  ["/inner/../../secret", "inside's secret"],
  ["/inner/deep/../../../../secret", "inside's secret"],
  ["/nowhere/../../secret", Errno.ENOENT],
  ["/file/../secret", Errno.ENOTDIR],
  ["/up", "inside's secret"],
  ["/far", "inside's secret"],
  ["/absolute", "inside's secret"],
  ["/chain", "inside's secret"],
  ["/host", Errno.ENOENT],
  ["/parent/secret", "inside's secret"],
  ["/parent/parent/../secret", "inside's secret"],
  ["/slash/slash/secret", "inside's secret"],
  ["/inner/up", "inside's secret"],
  ["/inner/twice", Errno.ENOTDIR],
  ["/loop", Errno.ELOOP],
  ["/proc/self/root/secret", "inside's secret"],
  ["/proc/self/root/../secret", "inside's secret"],
  ["/proc/self/cwd/../secret", "inside's secret"],
  ["/proc/1/root/secret", Errno.ENOENT],
  ["/dev/../secret", "inside's secret"],
  ["/dev/fd/../../secret", Errno.ENOENT],
  ["/./inner//deep/.././../file", "inside"],
  ["/file/", Errno.ENOTDIR],
  ["", Errno.ENOENT],
  [`/${"x".repeat(300)}`, Errno.ENAMETOOLONG],
  [`/${"x/".repeat(3000)}`, Errno.ENAMETOOLONG],
];

for (const [path, expected] of ESCAPES) {
  Deno.test(`a path does not lead out of the root: ${path.slice(0, 40)}`, () =>
    withRoot((task) => assertEquals(readFile(task, path), expected)));
}

Deno.test("a link that goes through /proc/self/root stays inside", () =>
  withRoot((task) => {
    assertEquals(readFile(task, "/proc/self/root/up"), "inside's secret");
    assertEquals(task.system.mounts.existing(task, "/slash/proc/self", "/", false).path, "/proc/self");
  }));

Deno.test("an open folder does not lead out of the root, even after it was moved", () =>
  withRoot((task, root) => {
    const { mounts } = task.system;
    const deep = mounts.open(task, mounts.existing(task, "/inner/deep", "/", true), Open.DIRECTORY, 0);
    task.files.add(deep, false);
    Deno.renameSync(join(root, "inner"), join(root, "../outside"));
    assertEquals(readFile(task, "../../secret", deep.path), "inside's secret");
    assertEquals(readFile(task, "/proc/self/fd/0/../../secret"), Errno.ENOENT);
  }));

Deno.test("a folder that somebody outside turns into a link is noticed when a file in it is opened", () =>
  withRoot((task, root) => {
    const { mounts } = task.system;
    Deno.writeTextFileSync(join(root, "inner/secret"), "inner");
    const place = mounts.existing(task, "/inner/secret", "/", true);
    Deno.removeSync(join(root, "inner"), { recursive: true });
    Deno.symlinkSync("..", join(root, "inner"));
    let errno = 0;
    try {
      mounts.open(task, place, Open.RDONLY, 0);
    } catch (error) {
      if (error instanceof SyscallError) errno = error.errno;
    }
    assertEquals(errno, Errno.EACCES);
  }));

Deno.test("names that are made and removed through links stay inside the root", () =>
  withRoot((task, root) => {
    const { mounts } = task.system;
    const place = mounts.resolve(task, "/parent/../made", "/", true);
    mounts.open(task, place, Open.CREAT | Open.WRONLY, 0o644).close();
    assertEquals(Deno.statSync(join(root, "made")).isFile, true);
    const target = mounts.resolve(task, "/far", "/", true);
    target.fs.unlink(target.inner);
    assertEquals(Deno.readTextFileSync(join(root, "../secret")), "secret");
  }));

const TREES: Readonly<Record<string, () => FileSystem>> = {
  memory: () => new MemoryFileSystem({ "/a/b/c": "text", "/a/b/": "" }),
};

for (const [name, make] of Object.entries(TREES)) {
  Deno.test(`${name}: files, folders and links are made, renamed, counted and removed`, () => {
    const fs = make();
    const status = (path: string) => fs.status(path, undefined);
    assertEquals(status("/a/b/c")?.size, 4);
    assertEquals(status("/a/x"), undefined);
    fs.symlink("b/c", "/a/link");
    assertEquals(fs.readlink("/a/link", undefined), "b/c");
    fs.link("/a/b/c", "/a/hard");
    assertEquals(status("/a/hard")?.nlink, 2);
    fs.rename("/a/b", "/d");
    assertEquals(fs.list("/d", undefined).map((entry) => entry.name), ["c"]);
    const failure = (use: () => void): number => {
      try {
        use();
        return 0;
      } catch (error) {
        return error instanceof SyscallError ? error.errno : -1;
      }
    };
    assertEquals(failure(() => fs.removeDirectory("/d")), Errno.ENOTEMPTY);
    assertEquals(failure(() => fs.unlink("/d")), Errno.EISDIR);
    assertEquals(failure(() => fs.rename("/d", "/d/inside")), Errno.EINVAL);
    assertEquals(failure(() => fs.makeDirectory("/d", 0o755)), Errno.EEXIST);
    assertEquals(failure(() => fs.open("/none", Open.RDONLY, 0, undefined)), Errno.ENOENT);
    fs.unlink("/d/c");
    fs.removeDirectory("/d");
    assertEquals(status("/a/hard")?.nlink, 1);
  });
}
