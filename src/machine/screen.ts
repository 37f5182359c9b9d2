/** What the display shows in text modes. */
import type { TextView } from "./devices/vga.ts";

/** The text buffer, and its size. */
const BUFFER = 0xb_8000, BUFFER_BYTES = 0x8000;
const ROWS = 25;

/** Characters of code page 437 below 20H, from 7FH to 9FH and so on; the others are ASCII. */
const LOW = " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼";
const HIGH =
  "⌂ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀" +
  "αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ ";

/** What a screen shows. */
export interface Screen {
  /** Lines from the top, without spaces at their ends. */
  readonly lines: readonly string[];
  /** Where the cursor is; undefined: it is off or elsewhere. */
  readonly cursor: { readonly row: number; readonly column: number } | undefined;
}

/** Reads the screen out of RAM. */
export function readScreen(ram: Uint8Array, { start, columns, cursor }: TextView): Screen {
  const cell = (n: number): string => character(ram[BUFFER + (2 * (start + n)) % BUFFER_BYTES]!);
  const lines = Array.from(
    { length: ROWS },
    (_, row) =>
      Array.from({ length: columns }, (_, column) => cell(row * columns + column)).join("").trimEnd(),
  );
  const at = (cursor ?? -1) - start;
  const shown = at >= 0 && at < ROWS * columns;
  return { lines, cursor: shown ? { row: Math.floor(at / columns), column: at % columns } : undefined };
}

function character(code: number): string {
  if (code < LOW.length) return LOW[code]!;
  return code < 0x7f ? String.fromCharCode(code) : HIGH[code - 0x7f]!;
}
