/**
 * The pair of Intel 8259A interrupt controllers of a PC, as the data sheet has them, with the edge/level control registers
 * of Intel's 82371SB (its data sheet: ELCR1, ELCR2).
 */
import { bool, fields, type Shape, u8, whole } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import type { PortDevice } from "../bus.ts";

/** Line of the first chip that the second one hangs on. */
const CASCADE = 2;
/** Bits that tell command words apart, and bits in them. */
const ICW1 = 0x10, ICW1_ICW4 = 1, ICW4_AUTO_EOI = 2, OCW3 = 8;
const READ_REGISTER = 2, READ_IN_SERVICE = 1, SPECIAL_MASK_SET = 0x60, SPECIAL_MASK_CLEAR = 0x40;
/** OCW2, bits 7:5. */
const NON_SPECIFIC_EOI = 1, SPECIFIC_EOI = 3, ROTATE_NON_SPECIFIC = 5, SET_PRIORITY = 6, ROTATE_SPECIFIC = 7;

/** Edge/level control: a port for each chip, and the lines that can be level-triggered: not timer, keyboard, cascade, clock, FPU. */
const EDGE_LEVEL_PORT = 0x4d0, LEVEL_LINES = [0xf8, 0xde] as const;

const CHIP_STATE: Shape<ChipState> = fields({
  requests: u8,
  inService: u8,
  mask: u8,
  levels: u8,
  triggers: u8,
  base: u8,
  expected: whole(0, 4),
  needsIcw4: bool,
  autoEoi: bool,
  readInService: bool,
  specialMask: bool,
  first: whole(0, 7),
});
type ChipState = {
  readonly requests: number;
  readonly inService: number;
  readonly mask: number;
  readonly levels: number;
  readonly triggers: number;
  readonly base: number;
  readonly expected: number;
  readonly needsIcw4: boolean;
  readonly autoEoi: boolean;
  readonly readInService: boolean;
  readonly specialMask: boolean;
  readonly first: number;
};
const STATE: Shape<State> = fields({ first: CHIP_STATE, second: CHIP_STATE });
type State = { readonly first: ChipState; readonly second: ChipState };

/** One chip: command port, then data port. */
class Chip implements PortDevice {
  readonly ports: readonly [number, number];
  #requests = 0;
  #inService = 0;
  #mask = 0xff;
  #levels = 0;
  /** Lines that are level-triggered. */
  #triggers = 0;
  #base = 0;
  /** Next initialization word expected: 2, 3, 4; 0 when initialized. */
  #expected = 0;
  #needsIcw4 = false;
  #autoEoi = false;
  #readInService = false;
  #specialMask = false;
  /** Line of the highest priority. */
  #first = 0;

  /** @param levelLines lines that software may have level-triggered */
  constructor(firstPort: number, readonly levelLines: number, readonly changed: () => void) {
    this.ports = [firstPort, 2];
  }

  /** Which lines are level-triggered. */
  get triggers(): number {
    return this.#triggers;
  }

  set triggers(lines: number) {
    this.#triggers = lines & this.levelLines;
    this.changed();
  }

  /** A line goes up or down. The rising edge is the request; of a level-triggered line, that it is up. */
  setLine(line: number, level: boolean): void {
    const bit = 1 << line;
    if (level && (this.#levels & bit) === 0) this.#requests |= bit;
    if (!level) this.#requests &= ~bit;
    this.#levels = level ? this.#levels | bit : this.#levels & ~bit;
    this.changed();
  }

  /** Whether a line is not masked. */
  isOpen(line: number): boolean {
    return (this.#mask & (1 << line)) === 0;
  }

  /** The line to serve next; -1: none. */
  pending(): number {
    const requests = this.#waiting & ~this.#mask;
    for (let n = 0; n < 8; n++) {
      const line = (this.#first + n) & 7, bit = 1 << line;
      if ((this.#inService & bit) !== 0 && !this.#specialMask) return -1;
      if ((requests & bit) !== 0 && (this.#inService & bit) === 0) return line;
    }
    return -1;
  }

  /** The processor takes the interrupt: its vector. Without a request the vector is that of line 7, and nothing is in service. */
  acknowledge(line: number): number {
    if (line < 0) return this.#base + 7;
    this.#requests &= ~(1 << line);
    if (!this.#autoEoi) this.#inService |= 1 << line;
    return this.#base + line;
  }

  in(offset: number): number {
    if (offset === 1) return this.#mask;
    return this.#readInService ? this.#inService : this.#waiting;
  }

  get #waiting(): number {
    return this.#requests | (this.#levels & this.#triggers);
  }

  out(offset: number, value: number): void {
    if (offset === 1) this.#data(value);
    else if ((value & ICW1) !== 0) this.#initialize(value);
    else if ((value & OCW3) !== 0) this.#setUp(value);
    else this.#endOfInterrupt(value >> 5, value & 7);
    this.changed();
  }

  saveState(): ChipState {
    return {
      requests: this.#requests,
      inService: this.#inService,
      mask: this.#mask,
      levels: this.#levels,
      triggers: this.#triggers,
      base: this.#base,
      expected: this.#expected,
      needsIcw4: this.#needsIcw4,
      autoEoi: this.#autoEoi,
      readInService: this.#readInService,
      specialMask: this.#specialMask,
      first: this.#first,
    };
  }

  loadState(state: ChipState): void {
    this.#requests = state.requests;
    this.#inService = state.inService;
    this.#mask = state.mask;
    this.#levels = state.levels;
    this.#triggers = state.triggers & this.levelLines;
    this.#base = state.base;
    this.#expected = state.expected;
    this.#needsIcw4 = state.needsIcw4;
    this.#autoEoi = state.autoEoi;
    this.#readInService = state.readInService;
    this.#specialMask = state.specialMask;
    this.#first = state.first;
  }

  #initialize(value: number): void {
    this.#expected = 2;
    this.#needsIcw4 = (value & ICW1_ICW4) !== 0;
    this.#requests =
      this.#inService =
      this.#mask =
      this.#first =
        0;
    this.#autoEoi = this.#readInService = this.#specialMask = false;
  }

  #data(value: number): void {
    switch (this.#expected) {
      case 2:
        this.#base = value & 0xf8;
        this.#expected = 3;
        return;
      case 3:
        this.#expected = this.#needsIcw4 ? 4 : 0;
        return;
      case 4:
        this.#autoEoi = (value & ICW4_AUTO_EOI) !== 0;
        this.#expected = 0;
        return;
      default:
        this.#mask = value;
    }
  }

  #setUp(value: number): void {
    if ((value & READ_REGISTER) !== 0) this.#readInService = (value & READ_IN_SERVICE) !== 0;
    if ((value & SPECIAL_MASK_SET) === SPECIAL_MASK_SET) this.#specialMask = true;
    else if ((value & SPECIAL_MASK_SET) === SPECIAL_MASK_CLEAR) this.#specialMask = false;
  }

  #endOfInterrupt(operation: number, line: number): void {
    switch (operation) {
      case NON_SPECIFIC_EOI:
      case ROTATE_NON_SPECIFIC:
        for (let n = 0; n < 8; n++) {
          const served = (this.#first + n) & 7;
          if ((this.#inService & (1 << served)) === 0) continue;
          this.#inService &= ~(1 << served);
          if (operation === ROTATE_NON_SPECIFIC) this.#first = (served + 1) & 7;
          return;
        }
        return;
      case SPECIFIC_EOI:
      case ROTATE_SPECIFIC:
        this.#inService &= ~(1 << line);
        if (operation === ROTATE_SPECIFIC) this.#first = (line + 1) & 7;
        return;
      case SET_PRIORITY:
        this.#first = (line + 1) & 7;
    }
  }
}

/** Both chips: lines 0 to 7 on the first, 8 to 15 on the second. All lines are masked until software unmasks them. */
export class Pic8259 implements Stateful<State> {
  readonly stateFormat: StateFormat<State> = { version: 2, shape: STATE };
  readonly chips: readonly [first: Chip, second: Chip];
  /** The edge/level control registers. */
  readonly edgeLevel: PortDevice;
  readonly #output: () => void;

  /**
   * @param output the interrupt output may have changed: `pending` tells
   */
  constructor(output: () => void) {
    this.#output = output;
    const first = new Chip(0x20, LEVEL_LINES[0], () => this.#output());
    const second = new Chip(0xa0, LEVEL_LINES[1], () => first.setLine(CASCADE, second.pending() >= 0));
    this.chips = [first, second];
    this.edgeLevel = {
      ports: [EDGE_LEVEL_PORT, this.chips.length],
      in: (offset) => this.chips[offset]!.triggers,
      out: (offset, value) => {
        this.chips[offset]!.triggers = value;
      },
    };
  }

  saveState(): State {
    const [first, second] = this.chips;
    return { first: first.saveState(), second: second.saveState() };
  }

  loadState({ first, second }: State): void {
    this.chips[0].loadState(first);
    this.chips[1].loadState(second);
  }

  /** A line of a device goes up or down. */
  setLine(line: number, level: boolean): void {
    this.chips[line >> 3]!.setLine(line & 7, level);
  }

  /** Makes a line level-triggered, as firmware does for those of PCI. */
  setLevelTriggered(line: number): void {
    this.chips[line >> 3]!.triggers |= 1 << (line & 7);
  }

  /** Whether a line can interrupt: its mask, and that of the line between the chips. */
  isOpen(line: number): boolean {
    const [first, second] = this.chips;
    return line < 8 ? first.isOpen(line) : first.isOpen(CASCADE) && second.isOpen(line & 7);
  }

  /** Whether an interrupt waits. */
  get pending(): boolean {
    return this.chips[0].pending() >= 0;
  }

  /** The processor takes an interrupt: its vector. */
  acknowledge(): number {
    const [first, second] = this.chips;
    const line = first.pending();
    const vector = first.acknowledge(line);
    if (line !== CASCADE) return vector;
    const answer = second.acknowledge(second.pending());
    // More may wait on the second chip: its output goes down and up again.
    first.setLine(CASCADE, false);
    first.setLine(CASCADE, second.pending() >= 0);
    return answer;
  }
}
