import { assert, assertEquals } from "@std/assert";
import { FilePackets } from "../../../src/machine/debug/file_packets.ts";
import { hexOfText, textOfBytes } from "../../../src/machine/debug/packets.ts";

const BYTES = Uint8Array.from({ length: 20_000 }, (_, n) => n * 7);

/** Answers of a stub whose program sees one file. */
function asked(): (text: string) => string {
  const files = new FilePackets({
    executable: "/bin/a.out",
    read: (path) => path === "/lib/ä.so" ? BYTES : undefined,
  });
  return (text) => {
    const reply = files.answer(text);
    return typeof reply === "string" ? reply : textOfBytes(reply);
  };
}

const name = hexOfText("/lib/ä.so");

Deno.test("FilePackets: a file is opened, read in pieces, and closed", () => {
  const ask = asked();
  assertEquals(ask("vFile:setfs:0"), "F0");
  const file = /^F([0-9a-f]+)$/.exec(ask(`vFile:open:${name},0,0`))![1]!;
  let read = "";
  for (;;) {
    const [head = "", ...rest] = ask(`vFile:pread:${file},ffff,${read.length.toString(16)}`).split(";");
    const piece = rest.join(";");
    assertEquals(head, `F${piece.length.toString(16)}`);
    if (piece === "") break;
    read += piece;
  }
  assertEquals(read, textOfBytes(BYTES));
  assertEquals([ask(`vFile:close:${file}`), ask(`vFile:close:${file}`)], ["F0", "F-1,9"]);
  assertEquals(ask(`vFile:pread:${file},1,0`), "F-1,9");
});

Deno.test("FilePackets: fstat tells the size", () => {
  const ask = asked(), file = ask(`vFile:open:${name},0,0`).slice(1), reply = ask(`vFile:fstat:${file}`);
  assert(reply.startsWith("F40;") && reply.length === 4 + 64);
  const view = new DataView(Uint8Array.from(reply.slice(4), (letter) => letter.charCodeAt(0)).buffer);
  assertEquals([view.getUint32(8), view.getBigUint64(28)], [0o100444, 20_000n]);
});

Deno.test("FilePackets: what is not there, what would write, and what is unknown is refused", () => {
  const ask = asked();
  assertEquals(ask(`vFile:open:${hexOfText("/none")},0,0`), "F-1,2");
  assertEquals(ask(`vFile:open:${name},1,0`), "F-1,1e");
  assertEquals(ask("vFile:open:xx,0,0"), "F-1,16");
  assertEquals([ask("vFile:pread:1"), ask("vFile:unlink:2f"), ask("vFile:")], ["F-1,16", "", ""]);
});
