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
  /** Characters in a line. */
  readonly columns: number;
  /**
   * How each character looks, line by line: the color in bits 3:0, that behind it in bits 6:4. IBM VGA XGA Technical
   * Reference, section 2, "Attribute byte".
   */
  readonly attributes: Uint8Array;
  /** Where the cursor is; undefined: it is off or elsewhere. */
  readonly cursor: { readonly row: number; readonly column: number } | undefined;
}

/** Reads the screen out of RAM. */
export function readScreen(ram: Uint8Array, { start, columns, cursor }: TextView): Screen {
  const at = (n: number): number => BUFFER + (2 * (start + n)) % BUFFER_BYTES;
  const lines = Array.from(
    { length: ROWS },
    (_, row) =>
      Array.from({ length: columns }, (_, column) => character(ram[at(row * columns + column)]!)).join("")
        .trimEnd(),
  );
  const attributes = Uint8Array.from({ length: ROWS * columns }, (_, n) => ram[at(n) + 1]!);
  const place = (cursor ?? -1) - start, isShown = place >= 0 && place < ROWS * columns;
  return {
    lines,
    columns,
    attributes,
    cursor: isShown ? { row: Math.floor(place / columns), column: place % columns } : undefined,
  };
}

function character(code: number): string {
  if (code < LOW.length) return LOW[code]!;
  return code < 0x7f ? String.fromCharCode(code) : HIGH[code - 0x7f]!;
}
