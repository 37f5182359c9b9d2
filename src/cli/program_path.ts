/** Finds a program as a shell would. */
import { Mode } from "../linux/abi/files.ts";
import { SyscallError } from "../linux/abi/errno.ts";
import type { FileSystem } from "../linux/fs/file_system.ts";

/**
 * The path of a program in the guest's tree: as given if there is a file, else the first one in the folders of `search`
 * where the name has no slash. Undefined if there is none.
 */
export function findProgram(tree: FileSystem, name: string, cwd: string, search: string): string | undefined {
  const given = name.startsWith("/") ? name : `${cwd === "/" ? "" : cwd}/${name}`;
  if (name.includes("/") || isThere(tree, given)) return given;
  return search.split(":")
    .filter((folder) => folder.startsWith("/"))
    .map((folder) => `${folder === "/" ? "" : folder}/${name}`)
    .find((path) => isThere(tree, path));
}

function isThere(tree: FileSystem, path: string): boolean {
  try {
    const status = tree.status(path, undefined);
    return status !== undefined && (status.mode & Mode.IFMT) !== Mode.IFDIR;
  } catch (error) {
    if (error instanceof SyscallError) return false;
    throw error;
  }
}
