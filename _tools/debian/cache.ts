/** The folder that packages and what is made of them are kept in. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** `CAUSEWAY_GUESTS`, or a folder of the user's cache. */
export const CACHE: string = process.env["CAUSEWAY_GUESTS"] ??
  join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "causeway", "guests");

/**
 * A folder in the cache. Where it is not there, `make` fills a new one, which takes its place when it is complete: another
 * process may be making it too, and whoever is first has made it.
 *
 * @param cache where it is kept
 */
export function cachedFolder(name: string, make: (folder: string) => void, cache: string = CACHE): string {
  const folder = join(cache, name);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const making = mkdtempSync(`${folder}.making-`);
  chmodSync(making, 0o755);
  try {
    make(making);
    if (!existsSync(folder)) renameSync(making, folder);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return folder;
}
