/**
 * The bus master of an IDE channel, as the 82371SB has it: it moves data between a drive and the regions of RAM that a table
 * lists. 290550-002 (BMICx, BMISx, BMIDTPx), and SFF-8038i 1.0.
 */
import { bool, fields, type Shaped, u32, u8 } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import type { Dma } from "../virtio/virtqueue.ts";
import type { Drive } from "./drive.ts";

/** Registers, of a byte each. */
export const BusMasterRegister = { COMMAND: 0, STATUS: 2, TABLE: 4, END: 8 } as const;
/** BMIC: start; the drive's data go to memory. */
export const BusMasterCommand = { START: 1, TO_MEMORY: 8 } as const;
/** BMIS: active; an error; the drive has interrupted; what firmware notes of what both drives can do. */
export const BusMasterStatus = { ACTIVE: 1, ERROR: 2, INTERRUPT: 4, CAPABLE: 0x60 } as const;
/** An entry of the table: address, length (0: 64 KB), and a bit that marks the last one. */
const ENTRY = 8, LENGTH_AT = 4, FLAGS_AT = 7, LAST = 0x80, LARGEST = 0x1_0000;

const STATE = fields({
  command: u8,
  status: u8,
  table: u32,
  next: u32,
  address: u32,
  left: u32,
  isLast: bool,
});
type State = Shaped<typeof STATE>;

/** What it is wired to. */
export interface BusMasterWires {
  readonly dma: Dma;
  /** Whether the function may master the bus. */
  isMaster(): boolean;
  /** The drive that is selected. */
  drive(): Drive | undefined;
}

/** The bus master. What a drive has, or wants, moves at once. */
export class BusMaster implements Stateful<State> {
  readonly stateFormat: StateFormat<State> = { version: 1, shape: STATE };
  readonly #wires: BusMasterWires;
  #command = 0;
  #status = 0;
  /** Where the table is. */
  #table = 0;
  /** Its next entry; what is left of the region before that; and whether that is the last one. */
  #next = 0;
  #address = 0;
  #left = 0;
  #isLast = false;
  #isMoving = false;

  constructor(wires: BusMasterWires) {
    this.#wires = wires;
  }

  read(register: number): number {
    if (register === BusMasterRegister.COMMAND) return this.#command;
    if (register === BusMasterRegister.STATUS) return this.#status;
    return register < BusMasterRegister.TABLE
      ? 0
      : (this.#table >>> (8 * (register - BusMasterRegister.TABLE))) & 0xff;
  }

  write(register: number, value: number): void {
    if (register === BusMasterRegister.COMMAND) return this.#setCommand(value);
    if (register === BusMasterRegister.STATUS) {
      const { ACTIVE, ERROR, INTERRUPT, CAPABLE } = BusMasterStatus;
      const cleared = value & (ERROR | INTERRUPT);
      this.#status = (this.#status & (ACTIVE | ERROR | INTERRUPT) & ~cleared) | (value & CAPABLE);
    } else if (register >= BusMasterRegister.TABLE) {
      const shift = 8 * (register - BusMasterRegister.TABLE);
      this.#table = ((this.#table & ~(0xff << shift)) | (value << shift)) & ~3;
    }
  }

  /** The drive's interrupt line has gone up. */
  interrupted(): void {
    this.#status |= BusMasterStatus.INTERRUPT;
  }

  /** Moves what can be moved. */
  move(): void {
    if (this.#isMoving) return;
    this.#isMoving = true;
    while (this.#isReady) this.#moveRegion();
    this.#isMoving = false;
  }

  saveState(): State {
    return {
      command: this.#command,
      status: this.#status,
      table: this.#table >>> 0,
      next: this.#next >>> 0,
      address: this.#address >>> 0,
      left: this.#left,
      isLast: this.#isLast,
    };
  }

  loadState({ command, status, table, next, address, left, isLast }: State): void {
    this.#command = command;
    this.#status = status;
    this.#table = table;
    this.#next = next;
    this.#address = address;
    this.#left = left;
    this.#isLast = isLast;
  }

  #setCommand(value: number): void {
    const started = (value & ~this.#command & BusMasterCommand.START) !== 0;
    this.#command = value & (BusMasterCommand.START | BusMasterCommand.TO_MEMORY);
    if ((value & BusMasterCommand.START) === 0) this.#status &= ~BusMasterStatus.ACTIVE;
    if (!started) return;
    this.#status |= BusMasterStatus.ACTIVE;
    this.#next = this.#table;
    this.#left = 0;
    this.#isLast = false;
    this.move();
  }

  /** Whether it is active, may be, and the drive wants data to be moved in the direction that it was told. */
  get #isReady(): boolean {
    if ((this.#status & BusMasterStatus.ACTIVE) === 0 || !this.#wires.isMaster()) return false;
    return this.#wires.drive()?.dma === ((this.#command & BusMasterCommand.TO_MEMORY) !== 0 ? "in" : "out");
  }

  #moveRegion(): void {
    const { dma, drive } = this.#wires;
    if (this.#left === 0) this.#fetch();
    const region = dma.view(this.#address >>> 0, this.#left);
    if (this.#left === 0 || region === undefined) return this.#abort();
    const done = drive()!.move(region);
    if ((this.#command & BusMasterCommand.TO_MEMORY) !== 0) dma.wrote(this.#address >>> 0, done);
    this.#address += done;
    this.#left -= done;
    if (this.#left === 0 && this.#isLast) this.#status &= ~BusMasterStatus.ACTIVE;
  }

  #fetch(): void {
    const bytes = this.#wires.dma.view(this.#next >>> 0, ENTRY);
    if (bytes === undefined) return;
    const entry = new DataView(bytes.buffer, bytes.byteOffset, ENTRY);
    this.#address = entry.getUint32(0, true) & ~1;
    this.#left = (entry.getUint16(LENGTH_AT, true) & ~1) || LARGEST;
    this.#isLast = (entry.getUint8(FLAGS_AT) & LAST) !== 0;
    this.#next += ENTRY;
  }

  /** Nobody has answered: what the table says is not RAM. */
  #abort(): void {
    this.#status = (this.#status & ~BusMasterStatus.ACTIVE) | BusMasterStatus.ERROR;
  }
}
