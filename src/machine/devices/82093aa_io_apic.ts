/** The I/O APIC: Intel 82093AA, 24 lines, as its data sheet has it; messages go straight to the local APICs. */
import { bool, fields, i32, list, type Shape, u8 } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import type { AccessSize, MmioDevice } from "../bus.ts";
import type { InterruptDestination, InterruptMessage } from "./interrupt_message.ts";

/** Host-physical address of its page. */
export const IO_APIC_PAGE = 0xfec0_0000;
/** How many lines there are. */
export const IO_APIC_LINES = 24;

/** Registers in the page; the window shows the one that is selected. */
const SELECT = 0, WINDOW = 0x10;
/** Registers that can be selected: redirection entries are two each from 10H. */
const ID = 0, VERSION = 1, ARBITRATION = 2, REDIRECTION = 0x10;
/** In its version register. */
export const IO_APIC_VERSION = 0x11;
const VERSION_VALUE = IO_APIC_VERSION | ((IO_APIC_LINES - 1) << 16);
const ID_BITS = 0x0f00_0000;
/** Redirection entry, low half. */
const LOGICAL = 0x800, REMOTE_IRR = 0x4000, LEVEL = 0x8000, MASKED = 0x1_0000;
const LOW_WRITABLE = 0x1_afff, HIGH_WRITABLE = 0xff00_0000 | 0;

type State = {
  readonly select: number;
  readonly id: number;
  /** Low and high halves of the redirection entries. */
  readonly entries: readonly number[];
  readonly levels: readonly boolean[];
};
const STATE: Shape<State> = fields({
  select: u8,
  id: i32,
  entries: list(i32, 2 * IO_APIC_LINES),
  levels: list(bool, IO_APIC_LINES),
});

/** What it is wired to: the bus on which messages go to the processors. */
export interface IoApicWires {
  send(message: InterruptMessage, destination: Omit<InterruptDestination, "shorthand">): void;
}

/** The chip. Its lines are asserted or not: what the polarity bits say is a matter of the board. */
export class IoApic82093AA implements MmioDevice, Stateful<State> {
  readonly stateFormat: StateFormat<State> = { version: 1, shape: STATE };
  readonly page = IO_APIC_PAGE;
  readonly #wires: IoApicWires;
  readonly #entries = new Int32Array(2 * IO_APIC_LINES);
  readonly #levels: boolean[] = new Array<boolean>(IO_APIC_LINES).fill(false);
  #select = 0;
  #id = 0;

  constructor(wires: IoApicWires) {
    this.#wires = wires;
    for (let line = 0; line < IO_APIC_LINES; line++) this.#entries[2 * line] = MASKED;
  }

  /** Whether a line is not masked. */
  isOpen(line: number): boolean {
    return (this.#entries[2 * line]! & MASKED) === 0;
  }

  /** A line goes up or down. */
  setLine(line: number, level: boolean): void {
    const rising = level && !this.#levels[line];
    this.#levels[line] = level;
    const low = this.#entries[2 * line]!;
    if ((low & LEVEL) !== 0 ? level : rising) this.#deliver(line);
  }

  /** A local APIC has served a level-triggered interrupt: lines that are still up interrupt again. */
  endOfInterrupt(vector: number): void {
    for (let line = 0; line < IO_APIC_LINES; line++) {
      const low = this.#entries[2 * line]!;
      if ((low & LEVEL) === 0 || (low & 0xff) !== vector) continue;
      this.#entries[2 * line] = low & ~REMOTE_IRR;
      if (this.#levels[line]!) this.#deliver(line);
    }
  }

  read(offset: number, size: AccessSize): number {
    const value = (offset & ~3) === SELECT ? this.#select : (offset & ~3) === WINDOW ? this.#read() : 0;
    const part = value >> (8 * (offset & 3));
    return size === 4 ? part : part & (size === 2 ? 0xffff : 0xff);
  }

  write(offset: number, value: number, size: AccessSize): void {
    if (offset === SELECT) this.#select = value & 0xff;
    else if (offset === WINDOW && size === 4) this.#write(value);
  }

  saveState(): State {
    return { select: this.#select, id: this.#id, entries: [...this.#entries], levels: [...this.#levels] };
  }

  loadState({ select, id, entries, levels }: State): void {
    this.#select = select;
    this.#id = id;
    this.#entries.set(entries);
    for (const [line, level] of levels.entries()) this.#levels[line] = level;
  }

  #read(): number {
    switch (this.#select) {
      case ID:
      case ARBITRATION:
        return this.#id;
      case VERSION:
        return VERSION_VALUE;
      default:
        return this.#entries[this.#select - REDIRECTION] ?? 0;
    }
  }

  #write(value: number): void {
    if (this.#select === ID) {
      this.#id = value & ID_BITS;
      return;
    }
    const n = this.#select - REDIRECTION;
    if (n < 0 || n >= this.#entries.length) return;
    if ((n & 1) === 1) {
      this.#entries[n] = value & HIGH_WRITABLE;
      return;
    }
    // An edge has no remote IRR: software clears it by switching the line to edges and back.
    const kept = (value & LEVEL) === 0 ? 0 : this.#entries[n]! & REMOTE_IRR;
    this.#entries[n] = (value & LOW_WRITABLE) | kept;
    if ((value & LEVEL) !== 0 && this.#levels[n >> 1]!) this.#deliver(n >> 1);
  }

  /** Sends what the line's entry says, unless it is masked or its interrupt is still being served. */
  #deliver(line: number): void {
    const low = this.#entries[2 * line]!, high = this.#entries[2 * line + 1]!;
    const level = (low & LEVEL) !== 0;
    if ((low & MASKED) !== 0 || (level && (low & REMOTE_IRR) !== 0)) return;
    if (level) this.#entries[2 * line] = low | REMOTE_IRR;
    this.#wires.send({ mode: (low >> 8) & 7, vector: low & 0xff, level }, {
      logical: (low & LOGICAL) !== 0,
      id: high >>> 24,
    });
  }
}
