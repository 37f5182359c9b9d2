/** An IDE channel: the registers that its two drives share, which of them is selected, and their interrupt line. */
import { bool, fields, type Shaped, u8 } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import { type AccessSize, ALL_ONES, type PortDevice } from "../bus.ts";
import type { Drive } from "./drive.ts";
import { COMMAND_BLOCK_PORTS, Control, DeviceBit, Register, Status } from "./registers.ts";

const EXECUTE_DEVICE_DIAGNOSTIC = 0x90, DEVICE_RESET = 0x08;

/** Where its registers are: the command block, and Device Control with Alternate Status. */
export interface ChannelPorts {
  readonly command: number;
  readonly control: number;
}

/** What it is wired to. */
export interface ChannelWires {
  /** Whether its ports are decoded. */
  isDecoded(): boolean;
  /** The interrupt line goes up or down. */
  interrupt(level: boolean): void;
  /** A drive may want DMA. */
  requestDma(): void;
}

const STATE = fields({ control: u8, selected: u8, level: bool });
type State = Shaped<typeof STATE>;

/** Both drives; either may be missing. */
export type Drives = readonly [Drive | undefined, Drive | undefined];

/** The channel. Without any drive it reads as zeros, as QEMU's does. */
export class IdeChannel implements Stateful<State> {
  readonly stateFormat: StateFormat<State> = { version: 1, shape: STATE };
  readonly ports: readonly PortDevice[];
  readonly #drives: Drives;
  readonly #wires: ChannelWires;
  #control = 0;
  /** 0 or 1. */
  #selected = 0;
  /** The interrupt line is up. */
  #level = false;

  constructor({ command, control }: ChannelPorts, drives: Drives, wires: ChannelWires) {
    this.#drives = drives;
    this.#wires = wires;
    for (const drive of drives) {
      drive?.reset();
      drive?.connect(() => this.#update());
    }
    this.ports = [
      {
        ports: [command, 1],
        wide: true,
        in: (_offset, size) => this.#readData(size),
        out: (_offset, value, size) => this.#writeData(value, size),
      },
      {
        ports: [command + 1, COMMAND_BLOCK_PORTS - 1],
        in: (offset) => wires.isDecoded() ? this.#read(offset + 1) : ALL_ONES[1],
        out: (offset, value) => {
          if (wires.isDecoded()) this.#write(offset + 1, value);
        },
      },
      {
        ports: [control, 1],
        in: () => wires.isDecoded() ? this.#status : ALL_ONES[1],
        out: (_offset, value) => {
          if (wires.isDecoded()) this.#setControl(value);
        },
      },
    ];
  }

  /** The selected drive, if it is there. */
  get selected(): Drive | undefined {
    return this.#drives[this.#selected];
  }

  saveState(): State {
    return { control: this.#control, selected: this.#selected, level: this.#level };
  }

  loadState({ control, selected, level }: State): void {
    this.#control = control;
    this.#selected = selected & 1;
    this.#level = level;
  }

  /** A disk answers for the other drive where that is missing, but its Status is 00H. Section 9.16.1. */
  get #answering(): Drive | undefined {
    return this.selected ?? this.#drives.find((drive) => drive?.takesPackets === false);
  }

  get #status(): number {
    if (this.selected === undefined) return 0;
    return (this.#control & Control.SRST) !== 0 ? Status.BSY : this.selected.status;
  }

  /** Whether the drive that is selected takes no writes. */
  get #isBusy(): boolean {
    return (this.#status & (Status.BSY | Status.DRQ)) !== 0;
  }

  #read(register: number): number {
    if (register === Register.STATUS) {
      const status = this.#status;
      this.selected?.acknowledge();
      return status;
    }
    return this.#answering?.read(register, (this.#control & Control.HOB) !== 0) ?? 0;
  }

  #write(register: number, value: number): void {
    this.#control &= ~Control.HOB;
    if (register === Register.COMMAND) return this.#command(value);
    if (this.#isBusy) return;
    if (register === Register.DEVICE) this.#selected = (value & DeviceBit.DEV) === 0 ? 0 : 1;
    for (const drive of this.#drives) drive?.write(register, value);
    this.#update();
  }

  #command(code: number): void {
    if (this.#isBusy && (code !== DEVICE_RESET || (this.#control & Control.SRST) !== 0)) return;
    if (code !== EXECUTE_DEVICE_DIAGNOSTIC) return this.selected?.command(code);
    this.#selected = 0;
    for (const [n, drive] of this.#drives.entries()) drive?.diagnose(n === 0);
  }

  /** Both drives take it. Section 7.8. */
  #setControl(value: number): void {
    const resets = (value & ~this.#control & Control.SRST) !== 0;
    this.#control = value;
    if (resets) {
      this.#selected = 0;
      for (const drive of this.#drives) drive?.reset();
    }
    this.#update();
  }

  #readData(size: AccessSize): number {
    if (!this.#wires.isDecoded()) return ALL_ONES[size];
    return size === 1 ? 0xff : this.selected?.readData(size) ?? 0;
  }

  #writeData(value: number, size: AccessSize): void {
    if (size !== 1 && this.#wires.isDecoded()) this.selected?.writeData(value, size);
  }

  /** The line is up while the selected drive asks for it and nIEN does not hold it back. Section 5.2.9. */
  #update(): void {
    const level = (this.#control & (Control.NIEN | Control.SRST)) === 0 && this.selected?.isPending === true;
    if (level !== this.#level) {
      this.#level = level;
      this.#wires.interrupt(level);
    }
    if (this.selected?.dma !== undefined) this.#wires.requestDma();
  }
}
