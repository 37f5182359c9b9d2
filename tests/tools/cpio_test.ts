import { assertEquals } from "@std/assert";
import { cpio } from "../../_tools/debian/cpio.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
/** Offset in a header of each field of eight digits. */
const field = (archive: Uint8Array, at: number, n: number): number =>
  parseInt(text(archive.subarray(at + 6 + 8 * n, at + 14 + 8 * n)), 16);
const MODE = 1, FILE_SIZE = 6, MAJOR = 9, MINOR = 10, NAME_SIZE = 11;

Deno.test("cpio() writes members whose header with name, and data, fill multiples of four bytes", () => {
  const archive = cpio([
    { kind: "file", path: "init", bytes: new TextEncoder().encode("hello"), mode: 0o755 },
    { kind: "link", path: "bin/sh", target: "busybox" },
    { kind: "character device", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
    { kind: "directory", path: "tmp", mode: 0o755 },
  ]);
  const found: string[] = [];
  let at = 0;
  while (at < archive.length) {
    assertEquals([at % 4, text(archive.subarray(at, at + 6))], [0, "070701"]);
    const nameEnd = at + 110 + field(archive, at, NAME_SIZE), data = Math.ceil(nameEnd / 4) * 4;
    const end = data + field(archive, at, FILE_SIZE);
    const numbers = `${field(archive, at, MODE).toString(8)} ${field(archive, at, MAJOR)}:${
      field(archive, at, MINOR)
    }`;
    found.push(
      `${text(archive.subarray(at + 110, nameEnd - 1))} ${numbers} ${text(archive.subarray(data, end))}`,
    );
    at = Math.ceil(end / 4) * 4;
  }
  assertEquals(found, [
    "init 100755 0:0 hello",
    "bin/sh 120777 0:0 busybox",
    "dev/console 20600 5:1 ",
    "tmp 40755 0:0 ",
    "TRAILER!!! 0 0:0 ",
  ]);
});
