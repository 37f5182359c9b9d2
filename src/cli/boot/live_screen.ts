/** The text screen of a machine on our terminal, while it runs. */
import type { Machine } from "../../machine/machine.ts";
import type { Screen } from "../../machine/screen.ts";

/** Least milliseconds between two looks at it. */
const PERIOD = 40;
/** Control sequences of terminals (ECMA-48, xterm): another screen, and back; the cursor shown, and hidden. */
const ENTER = "\x1b[?1049h\x1b[2J",
  LEAVE = "\x1b[0m\x1b[?25h\x1b[?1049l",
  SHOW = "\x1b[?25h",
  HIDE = "\x1b[?25l";
/** SGR parameters of dark and bright colors, and of those behind. */
const DARK = 30, BRIGHT = 90, BEHIND = 40;

/** Draws what has changed. */
export class LiveScreen {
  readonly #machine: Machine;
  readonly #write: (text: string) => void;
  /** The rows as the terminal shows them. */
  #shown: readonly string[] = [];
  #drawnAt = -Infinity;

  constructor(machine: Machine, write: (text: string) => void) {
    this.#machine = machine;
    this.#write = write;
    write(ENTER);
  }

  /** Draws, if it is time, or in any case where nothing else will come. */
  draw(inAnyCase: boolean): void {
    const now = performance.now();
    if (!inAnyCase && now - this.#drawnAt < PERIOD) return;
    this.#drawnAt = now;
    const { screen } = this.#machine, rows = screen.lines.map((_, row) => drawnRow(screen, row));
    const changed = rows.flatMap((row, n) => row === this.#shown[n] ? [] : [`\x1b[${n + 1};1H${row}`]);
    this.#shown = rows;
    const { cursor } = screen;
    const place = cursor === undefined ? HIDE : `\x1b[${cursor.row + 1};${cursor.column + 1}H${SHOW}`;
    this.#write(changed.join("") + place);
  }

  /** Shows the terminal as it was. */
  close(): void {
    this.#write(LEAVE);
  }
}

/** A row with its colors. */
function drawnRow({ lines, columns, attributes }: Screen, row: number): string {
  const characters = [...lines[row]!.padEnd(columns)];
  const styles = characters.map((_, column) => style(attributes[row * columns + column]!));
  return characters.map((character, n) => (styles[n] === styles[n - 1] ? "" : styles[n]) + character).join(
    "",
  ) +
    "\x1b[0m";
}

/** Colors of the VGA's attribute byte, whose bits 0 and 2 are blue and red. */
function style(attribute: number): string {
  const ansi = (color: number): number => (color & 2) | ((color & 1) << 2) | ((color & 4) >> 2);
  const bright = (attribute & 8) !== 0 ? BRIGHT : DARK;
  return `\x1b[0;${bright + ansi(attribute & 7)};${BEHIND + ansi((attribute >> 4) & 7)}m`;
}
