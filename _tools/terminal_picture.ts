/**
 * Draws what a program printed in colour as an SVG picture: `deno run -A _tools/terminal_picture.ts OUT.svg COMMAND…`.
 *
 * Understands what the demonstration uses: 24-bit foreground and background colours, reset, cursor up (the lines are drawn
 * anew), and the upper half block, of which each cell becomes two pixels. The README's picture is made by it from the real output.
 */
import { spawnSync } from "node:child_process";
import { Buffer } from "node:buffer";
import { writeFileSync } from "node:fs";
import { crc32, deflateSync } from "node:zlib";
import { scriptLine } from "./script.ts";

type Color = readonly [red: number, green: number, blue: number];
/** A character cell with its colours; undefined means the terminal's own. */
interface Cell {
  readonly text: string;
  readonly foreground: Color | undefined;
  readonly background: Color | undefined;
}

/** Splits terminal output into lines of cells. */
export function parseAnsi(output: string): Cell[][] {
  const lines: Cell[][] = [[]];
  let foreground: Color | undefined, background: Color | undefined;
  // deno-lint-ignore no-control-regex -- the escape character is what is looked for
  for (const [token] of output.matchAll(/\x1b\[[\d;]*[A-Za-z]|[\s\S]/gu)) {
    if (token === "\n") lines.push([]);
    else if (!token.startsWith("\x1b")) lines.at(-1)!.push({ text: token, foreground, background });
    else if (token.endsWith("A")) lines.splice(lines.length - 1 - parseInt(token.slice(2)), Infinity, []);
    else if (token.endsWith("m")) {
      const codes = token.slice(2, -1).split(";").map(Number);
      while (codes.length > 0) {
        const code = codes.shift()!;
        if (code === 0) foreground = background = undefined;
        else if (code === 38 || code === 48) {
          const color = codes.splice(0, 4).slice(1) as [number, number, number];
          if (code === 38) foreground = color;
          else background = color;
        }
      }
    }
  }
  if (lines.at(-1)!.length === 0) lines.pop();
  return lines;
}

/** An RGB image as a PNG file. PNG specification, sections 5 and 11. */
export function encodePng(width: number, height: number, rgb: Uint8Array): Buffer {
  const rows = Buffer.alloc(height * (1 + width * 3));
  for (let y = 0; y < height; y++) {
    rows.set(rgb.subarray(y * width * 3, (y + 1) * width * 3), y * (1 + width * 3) + 1);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8); // 8 bits, RGB, no interlacing
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE(crc32(body) >>> 0, 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

const CELL_WIDTH = 9, CELL_HEIGHT = 18, MARGIN = 14;

/** An SVG picture of a terminal that shows the command and its output. */
export function terminalSvg(command: string, lines: readonly (readonly Cell[])[]): string {
  const all: readonly (readonly Cell[])[] = [
    [...`$ ${command}`].map((text) => ({ text, foreground: undefined, background: undefined })),
    ...lines,
  ];
  const columns = Math.max(...all.map((line) => line.length));
  const width = columns * CELL_WIDTH + 2 * MARGIN, height = all.length * CELL_HEIGHT + 2 * MARGIN;
  const isPixels = (line: readonly Cell[]): boolean => line.some(({ text }) => text === "▀");
  const first = all.findIndex(isPixels), count = all.filter(isPixels).length;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    `<rect width="${width}" height="${height}" rx="8" fill="#14161a"/>`,
  ];
  if (count > 0) {
    const across = all[first]!.length;
    const rgb = new Uint8Array(across * count * 2 * 3);
    for (let row = 0; row < count; row++) {
      for (let column = 0; column < across; column++) {
        const cell = all[first + row]![column];
        rgb.set(cell?.foreground ?? [0, 0, 0], (2 * row * across + column) * 3);
        rgb.set(cell?.background ?? [0, 0, 0], ((2 * row + 1) * across + column) * 3);
      }
    }
    const data = encodePng(across, count * 2, rgb).toString("base64");
    parts.push(
      `<image x="${MARGIN}" y="${MARGIN + first * CELL_HEIGHT}" width="${across * CELL_WIDTH}" ` +
        `height="${count * CELL_HEIGHT}" preserveAspectRatio="none" style="image-rendering:pixelated" ` +
        `href="data:image/png;base64,${data}"/>`,
    );
  }
  parts.push(`<g font-family="monospace" font-size="15" fill="#d7dae0" xml:space="preserve">`);
  all.forEach((line, row) => {
    const text = line.map((cell) => cell.text).join("").trimEnd();
    if (text === "" || isPixels(line)) return;
    const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
    const y = MARGIN + row * CELL_HEIGHT + 14;
    parts.push(
      `<text x="${MARGIN}" y="${y}" textLength="${[...text].length * CELL_WIDTH}">${escaped}</text>`,
    );
  });
  parts.push("</g>", "</svg>", "");
  return parts.join("\n");
}

if (import.meta.main) {
  const { rest: [out, title, program, ...args] } = scriptLine({
    call: "deno run -A _tools/terminal_picture.ts",
    description: "Draws what a program prints in colour as an SVG picture.",
    operands: ["OUT.svg", "TITLE", "PROGRAM", "[ARGS…]"],
    stopsAtFirst: true,
  });
  const result = spawnSync(program!, args, { encoding: "utf8", maxBuffer: 1 << 26 });
  if (result.error !== undefined) throw result.error;
  writeFileSync(out!, terminalSvg(title!, parseAnsi(result.stdout + result.stderr)));
}
