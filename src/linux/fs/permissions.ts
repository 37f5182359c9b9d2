/** What the bits of a mode allow. path_resolution(7). */
import { Mode } from "../abi/files.ts";
import type { FileStatus } from "./file_system.ts";

/** Who asks. */
export interface Asker {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** Whether a file's mode lets somebody do this: bits as of access(2). Root may all but execute what nobody may. */
export function modeAllows(wanted: number, { mode, uid, gid }: FileStatus, asker: Asker): boolean {
  if (asker.uid === 0) {
    const executable = (mode & 0o111) !== 0 || (mode & Mode.IFMT) === Mode.IFDIR;
    return (wanted & 1) === 0 || executable;
  }
  const shift = asker.uid === uid ? 6 : asker.gid === gid || asker.groups.includes(gid) ? 3 : 0;
  return ((mode >>> shift) & wanted) === wanted;
}
