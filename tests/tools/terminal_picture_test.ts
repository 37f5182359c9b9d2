import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { inflateSync } from "node:zlib";
import { encodePng, parseAnsi, terminalSvg } from "../../_tools/terminal_picture.ts";

Deno.test("parseAnsi() gives each cell its colours until they are reset", () => {
  const [first, second, ...more] = parseAnsi("\x1b[38;2;1;2;3;48;2;4;5;6m▀a\x1b[0mb\nc\n");
  assertEquals(first!.map(({ text, foreground, background }) => [text, foreground, background]), [
    ["▀", [1, 2, 3], [4, 5, 6]],
    ["a", [1, 2, 3], [4, 5, 6]],
    ["b", undefined, undefined],
  ]);
  assertEquals([second!.length, more.length], [1, 0]);
});

Deno.test("parseAnsi() replaces the lines that the cursor goes back to", () => {
  const lines = parseAnsi("a\nb\nc\n\x1b[2Ad\ne\nf\n");
  assertEquals(lines.map((line) => line.map(({ text }) => text).join("")), ["a", "d", "e", "f"]);
});

Deno.test("encodePng() keeps the pixels", () => {
  const png = encodePng(2, 2, Uint8Array.from({ length: 12 }, (_, at) => at));
  const data = png.indexOf(Buffer.from("IDAT"));
  const pixels = inflateSync(png.subarray(data + 4, data + 4 + png.readUInt32BE(data - 4)));
  assertEquals([...pixels], [0, 0, 1, 2, 3, 4, 5, 0, 6, 7, 8, 9, 10, 11]);
});

Deno.test("terminalSvg() escapes text and draws half blocks as a picture", () => {
  const svg = terminalSvg("a < b", parseAnsi("\x1b[38;2;1;2;3;48;2;4;5;6m▀\x1b[0m\n1 & 2\n"));
  assert(svg.includes("$ a &lt; b</text>") && svg.includes("1 &amp; 2</text>"));
  assertEquals(svg.match(/<image /g)?.length, 1);
});
