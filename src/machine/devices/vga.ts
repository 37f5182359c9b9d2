/** The registers of IBM's Video Graphics Array, as far as text modes go. IBM VGA XGA Technical Reference, section 2. */
import { bytes, fields, list, type Shaped, u8, whole } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import type { PortDevice } from "../bus.ts";

/** Ports: CRT controller and input status at their places for monochrome, the rest, the same for color. */
const FIRST = 0x3b0, COUNT = 0x30;
const CRTC_MONO = 0x3b4, STATUS_MONO = 0x3ba, ATTRIBUTE = 0x3c0, ATTRIBUTE_READ = 0x3c1, MISC_WRITE = 0x3c2;
const SEQUENCER = 0x3c4,
  PALETTE_MASK = 0x3c6,
  PALETTE_READ = 0x3c7,
  PALETTE_WRITE = 0x3c8,
  PALETTE_DATA = 0x3c9;
const MISC_READ = 0x3cc, GRAPHICS = 0x3ce, CRTC_COLOR = 0x3d4, STATUS_COLOR = 0x3da;
/** Attribute controller: its index register's bit that turns the palette off, and the others. */
const ATTRIBUTE_INDEX = 0x1f, ATTRIBUTES = 0x20;
const CRTC_REGISTERS = 0x20, SEQUENCER_REGISTERS = 8, GRAPHICS_REGISTERS = 0x10;
const PALETTE_BYTES = 0x300;
/** Input status 1: retrace, vertical retrace. They follow each other as often as the register is read. */
const RETRACE = 9;
/** Miscellaneous output: color addresses. */
const COLOR = 1;
/** CRTC: end of the displayed part of a line, start address, cursor. */
const Crtc = { DISPLAY_END: 1, CURSOR_START: 10, CURSOR_END: 11, START: 12, CURSOR: 14 } as const;
/** Mode 3, 80 columns: what a kernel that is booted without firmware finds, as boot loaders leave it. */
const MODE_3 = [[Crtc.DISPLAY_END, 79], [Crtc.CURSOR_START, 13], [Crtc.CURSOR_END, 14]] as const;
const CURSOR_OFF = 0x20;

const STATE = fields({
  misc: u8,
  attributeIndex: u8,
  attributeFlip: u8,
  crtcIndex: u8,
  sequencerIndex: u8,
  graphicsIndex: u8,
  paletteMask: u8,
  paletteAt: list(whole(0, PALETTE_BYTES - 1), 2),
  status: u8,
  attributes: bytes(ATTRIBUTES),
  crtc: bytes(CRTC_REGISTERS),
  sequencer: bytes(SEQUENCER_REGISTERS),
  graphics: bytes(GRAPHICS_REGISTERS),
  palette: bytes(PALETTE_BYTES),
});
type State = Shaped<typeof STATE>;

/** Which part of the text buffer is shown, and where the cursor is. */
export interface TextView {
  /** First character cell, and cells in a line. */
  readonly start: number;
  readonly columns: number;
  /** Cell of the cursor; undefined: it is off. */
  readonly cursor: number | undefined;
}

/** The chip. Its memory at B8000H is plain RAM: writing modes, planes and graphics have no effect. */
export class Vga implements PortDevice, Stateful<State> {
  readonly stateFormat: StateFormat<State> = { version: 1, shape: STATE };
  readonly ports = [FIRST, COUNT] as const;
  #misc = COLOR;
  #attributeIndex = 0;
  /** The next write to the attribute port is data. */
  #attributeFlip = 0;
  #crtcIndex = 0;
  #sequencerIndex = 0;
  #graphicsIndex = 0;
  #paletteMask = 0xff;
  /** Next palette byte to be written, and to be read: entry and color. */
  readonly #paletteAt = [0, 0];
  #status = 0;
  readonly #attributes = new Uint8Array(ATTRIBUTES);
  readonly #crtc = new Uint8Array(CRTC_REGISTERS);
  readonly #sequencer = new Uint8Array(SEQUENCER_REGISTERS);
  readonly #graphics = new Uint8Array(GRAPHICS_REGISTERS);
  readonly #palette = new Uint8Array(PALETTE_BYTES);

  constructor() {
    for (const [register, value] of MODE_3) this.#crtc[register] = value;
  }

  /** What is shown. */
  get view(): TextView {
    const crtc = this.#crtc;
    const word = (at: number): number => (crtc[at]! << 8) | crtc[at + 1]!;
    return {
      start: word(Crtc.START),
      columns: crtc[Crtc.DISPLAY_END]! + 1,
      cursor: (crtc[Crtc.CURSOR_START]! & CURSOR_OFF) === 0 ? word(Crtc.CURSOR) : undefined,
    };
  }

  in(offset: number): number {
    switch (this.#port(offset)) {
      case ATTRIBUTE:
        return this.#attributeIndex;
      case ATTRIBUTE_READ:
        return this.#attributes[this.#attributeIndex & ATTRIBUTE_INDEX]!;
      case MISC_WRITE:
        return 0;
      case SEQUENCER:
        return this.#sequencerIndex;
      case SEQUENCER + 1:
        return this.#sequencer[this.#sequencerIndex & (SEQUENCER_REGISTERS - 1)]!;
      case PALETTE_MASK:
        return this.#paletteMask;
      case PALETTE_READ:
        return 0;
      case PALETTE_WRITE:
        return Math.floor(this.#paletteAt[0]! / 3);
      case PALETTE_DATA:
        return this.#palette[this.#nextColor(1)]!;
      case MISC_READ:
        return this.#misc;
      case GRAPHICS:
        return this.#graphicsIndex;
      case GRAPHICS + 1:
        return this.#graphics[this.#graphicsIndex & (GRAPHICS_REGISTERS - 1)]!;
      case CRTC_COLOR:
        return this.#crtcIndex;
      case CRTC_COLOR + 1:
        return this.#crtc[this.#crtcIndex & (CRTC_REGISTERS - 1)]!;
      case STATUS_COLOR:
        this.#attributeFlip = 0;
        return this.#status ^= RETRACE;
      default:
        return 0xff;
    }
  }

  out(offset: number, value: number): void {
    switch (this.#port(offset)) {
      case ATTRIBUTE:
        if (this.#attributeFlip === 0) this.#attributeIndex = value;
        else this.#attributes[this.#attributeIndex & ATTRIBUTE_INDEX] = value;
        this.#attributeFlip ^= 1;
        return;
      case MISC_WRITE:
        this.#misc = value;
        return;
      case SEQUENCER:
        this.#sequencerIndex = value;
        return;
      case SEQUENCER + 1:
        this.#sequencer[this.#sequencerIndex & (SEQUENCER_REGISTERS - 1)] = value;
        return;
      case PALETTE_MASK:
        this.#paletteMask = value;
        return;
      case PALETTE_READ:
        this.#paletteAt[1] = value * 3;
        return;
      case PALETTE_WRITE:
        this.#paletteAt[0] = value * 3;
        return;
      case PALETTE_DATA:
        this.#palette[this.#nextColor(0)] = value & 0x3f;
        return;
      case GRAPHICS:
        this.#graphicsIndex = value;
        return;
      case GRAPHICS + 1:
        this.#graphics[this.#graphicsIndex & (GRAPHICS_REGISTERS - 1)] = value;
        return;
      case CRTC_COLOR:
        this.#crtcIndex = value;
        return;
      case CRTC_COLOR + 1:
        this.#crtc[this.#crtcIndex & (CRTC_REGISTERS - 1)] = value;
        return;
    }
  }

  saveState(): State {
    return {
      misc: this.#misc,
      attributeIndex: this.#attributeIndex,
      attributeFlip: this.#attributeFlip,
      crtcIndex: this.#crtcIndex,
      sequencerIndex: this.#sequencerIndex,
      graphicsIndex: this.#graphicsIndex,
      paletteMask: this.#paletteMask,
      paletteAt: [...this.#paletteAt],
      status: this.#status,
      attributes: this.#attributes.slice(),
      crtc: this.#crtc.slice(),
      sequencer: this.#sequencer.slice(),
      graphics: this.#graphics.slice(),
      palette: this.#palette.slice(),
    };
  }

  loadState(state: State): void {
    this.#misc = state.misc;
    this.#attributeIndex = state.attributeIndex;
    this.#attributeFlip = state.attributeFlip & 1;
    this.#crtcIndex = state.crtcIndex;
    this.#sequencerIndex = state.sequencerIndex;
    this.#graphicsIndex = state.graphicsIndex;
    this.#paletteMask = state.paletteMask;
    for (const [n, at] of state.paletteAt.entries()) this.#paletteAt[n] = at;
    this.#status = state.status;
    this.#attributes.set(state.attributes);
    this.#crtc.set(state.crtc);
    this.#sequencer.set(state.sequencer);
    this.#graphics.set(state.graphics);
    this.#palette.set(state.palette);
  }

  /** The port, as where it is for color; registers that are now at the other place are not there. */
  #port(offset: number): number {
    const port = FIRST + offset, color = (this.#misc & COLOR) !== 0;
    const movable = (at: number): boolean => at === CRTC_MONO || at === CRTC_MONO + 1 || at === STATUS_MONO;
    if (movable(port)) return color ? 0 : port + CRTC_COLOR - CRTC_MONO;
    return movable(port - (CRTC_COLOR - CRTC_MONO)) && !color ? 0 : port;
  }

  #nextColor(direction: 0 | 1): number {
    const at = this.#paletteAt[direction]!;
    this.#paletteAt[direction] = (at + 1) % PALETTE_BYTES;
    return at;
  }
}
