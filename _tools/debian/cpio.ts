/**
 * Writes cpio archives in the format "newc", which Linux unpacks as its initramfs. Their bytes depend on the contents
 * only. Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
 */

/** A file, directory, symbolic link or device; owner and time are 0. */
export type CpioEntry =
  & { readonly path: string }
  & (
    | { readonly kind: "file"; readonly bytes: Uint8Array; readonly mode: number }
    | { readonly kind: "directory"; readonly mode: number }
    | { readonly kind: "link"; readonly target: string }
    | {
      readonly kind: "character device";
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
    }
  );

/** Permissions. */
export const EXECUTABLE = 0o755, READABLE = 0o644;

export const directory = (path: string): CpioEntry => ({ kind: "directory", path, mode: EXECUTABLE });
export const file = (path: string, bytes: Uint8Array, mode: number): CpioEntry => ({
  kind: "file",
  path,
  bytes,
  mode,
});

/** Types in the mode of an inode. */
const Type = { "character device": 0o020000, directory: 0o040000, file: 0o100000, link: 0o120000 } as const;
const MAGIC = "070701", TRAILER = "TRAILER!!!";
const LINK_MODE = 0o777;
const ALIGNMENT = 4;

/** An archive of these entries, in this order: a directory comes before what it holds. */
export function cpio(entries: readonly CpioEntry[]): Uint8Array {
  const parts = entries.flatMap((entry, n) => member(entry, n + 1));
  parts.push(...record(TRAILER, { inode: 0, mode: 0, links: 1, data: new Uint8Array() }));
  const archive = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    archive.set(part, at);
    at += part.length;
  }
  return archive;
}

function member(entry: CpioEntry, inode: number): Uint8Array[] {
  const mode = Type[entry.kind] | (entry.kind === "link" ? LINK_MODE : entry.mode);
  switch (entry.kind) {
    case "file":
      return record(entry.path, { inode, mode, links: 1, data: entry.bytes });
    case "directory":
      return record(entry.path, { inode, mode, links: 2, data: new Uint8Array() });
    case "link":
      return record(entry.path, { inode, mode, links: 1, data: new TextEncoder().encode(entry.target) });
    case "character device":
      return record(entry.path, { inode, mode, links: 1, data: new Uint8Array(), device: entry });
  }
}

/** What a header says. */
interface Inode {
  readonly inode: number;
  readonly mode: number;
  readonly links: number;
  readonly data: Uint8Array;
  readonly device?: { readonly major: number; readonly minor: number };
}

function record(path: string, { inode, mode, links, data, device }: Inode): Uint8Array[] {
  const name = new TextEncoder().encode(`${path}\0`);
  const { major = 0, minor = 0 } = device ?? {};
  // Owner, group, time and the file system's own device number are 0.
  const fields = [inode, mode, 0, 0, links, 0, data.length, 0, 0, major, minor, name.length, 0];
  const hex = fields.map((field) => field.toString(16).padStart(8, "0")).join("");
  const header = new TextEncoder().encode(MAGIC + hex);
  return [padded([header, name]), padded([data])];
}

/** The parts, and zeros up to a multiple of four bytes. */
function padded(parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const result = new Uint8Array(Math.ceil(length / ALIGNMENT) * ALIGNMENT);
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
