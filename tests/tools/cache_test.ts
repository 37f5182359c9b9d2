import { assertEquals, assertThrows } from "@std/assert";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cachedFolder } from "../../_tools/debian/cache.ts";

/** Calls with a new folder for the cache. */
function withCache(test: (cache: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "cache-"));
  try {
    test(join(folder, "guests"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const writes = (text: string) => (folder: string): void => writeFileSync(join(folder, "file"), text);

Deno.test("a folder of the cache is made once, and others may read it", () => {
  withCache((cache) => {
    for (const text of ["first", "second"]) {
      const folder = cachedFolder("linux", writes(text), cache);
      assertEquals(readFileSync(join(folder, "file"), "utf8"), "first");
      assertEquals(statSync(folder).mode & 0o777, 0o755);
    }
    assertEquals(readdirSync(cache), ["linux"]);
  });
});

Deno.test("two that make the same folder of the cache do not disturb each other: the first is kept", () => {
  withCache((cache) => {
    const folder = cachedFolder("linux", (own) => {
      cachedFolder("linux", writes("the other's"), cache);
      writes("own")(own);
    }, cache);
    assertEquals(readFileSync(join(folder, "file"), "utf8"), "the other's");
    assertEquals(readdirSync(cache), ["linux"]);
  });
});

Deno.test("a folder of the cache that cannot be made leaves nothing", () => {
  withCache((cache) => {
    const fail = (folder: string): void => {
      writes("half")(folder);
      throw new Error("no such package");
    };
    assertThrows(() => cachedFolder("linux", fail, cache), Error, "no such package");
    assertEquals(readdirSync(cache), []);
  });
});
