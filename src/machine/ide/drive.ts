/** What an IDE drive has whatever it is: its registers, the block of data that is being moved, and its interrupt. */
import { bool, bytes, fields, oneOf, type Shaped, u32, u8 } from "../../snapshot/shape.ts";
import type { StateValue } from "../../snapshot/shape.ts";
import type { AnyStateful, StateFormat } from "../../snapshot/stateful.ts";
import { DeviceBit, ErrorBit, PASSED, Register, Status } from "./registers.ts";
import { NO_TRANSFER_MODE, TRANSFER_MODE_STATE, type TransferMode, transferMode } from "./transfer_mode.ts";

/** Where data go: into the host's memory, or out of it. */
export type Direction = "in" | "out";

/** What CHECK POWER MODE answers; and a value of ours for a drive that only a reset wakes up. Sections 6.9 and 8.7. */
export const Power = { ACTIVE: 0xff, IDLE: 0x80, STANDBY: 0, SLEEP: 1 } as const;

export const DRIVE_STATE = fields({
  current: bytes(5),
  previous: bytes(5),
  device: u8,
  status: u8,
  error: u8,
  isPending: bool,
  direction: oneOf("none", "in", "out"),
  isDma: bool,
  block: bytes(),
  position: u32,
  power: u8,
  mode: TRANSFER_MODE_STATE,
});
export type DriveState = Shaped<typeof DRIVE_STATE>;

/**
 * A drive. It executes a command as soon as that is written: so it is never busy, and asks for data or has ended when the
 * host looks.
 */
export abstract class Drive implements AnyStateful {
  abstract readonly stateFormat: StateFormat<StateValue>;
  /** LBA Mid and High behind a reset, which tell disks from packet devices; and Status there. Section 9.12. */
  protected abstract readonly signature: readonly [mid: number, high: number, status: number];
  /** Whether it is a packet device. */
  abstract readonly takesPackets: boolean;
  /** Features, Sector Count, LBA Low, Mid, High: what was written last, and before that. Section 6.20 (48-bit addresses). */
  readonly #current = new Uint8Array(5);
  readonly #previous = new Uint8Array(5);
  /** Device register. */
  device = 0;
  #status = 0;
  protected error: number = PASSED;
  #isPending = false;
  #direction: Direction | "none" = "none";
  #isDma = false;
  #block: Uint8Array = new Uint8Array(0);
  #position = 0;
  #power: number = Power.ACTIVE;
  /** What SET FEATURES has chosen. */
  protected mode: TransferMode = NO_TRANSFER_MODE;
  #changed: () => void = () => {};

  /** Executes a command. */
  protected abstract execute(command: number): void;
  /** The host has moved the whole block. */
  protected abstract moved(block: Uint8Array, direction: Direction): void;
  /** Forgets what a reset forgets besides the registers. */
  protected abstract forget(): void;
  abstract saveState(): StateValue;
  abstract loadState(state: StateValue): void;

  /** Gives it whom to tell that it asks for an interrupt or for DMA, or no longer does. */
  connect(changed: () => void): void {
    this.#changed = changed;
  }

  get status(): number {
    return this.#status;
  }

  /** Whether it asks for an interrupt. */
  get isPending(): boolean {
    return this.#isPending;
  }

  /** The host has seen the interrupt. */
  acknowledge(): void {
    this.#isPending = false;
    this.#changed();
  }

  /** Where it wants data to be moved by DMA; undefined: it does not. */
  get dma(): Direction | undefined {
    return this.#isDma && this.#direction !== "none" ? this.#direction : undefined;
  }

  /** Reads a register of the command block, but Status and Data; `before`: what was written there before the last value. */
  read(register: number, before: boolean): number {
    if (register === Register.DEVICE) return this.device;
    if (register === Register.ERROR && !before) return this.error;
    return (before ? this.#previous : this.#current)[register - Register.FEATURES]!;
  }

  /** Writes one, but Command and Data. */
  write(register: number, value: number): void {
    if (register === Register.DEVICE) {
      this.device = value | DeviceBit.OBSOLETE;
      return;
    }
    const at = register - Register.FEATURES;
    this.#previous[at] = this.#current[at]!;
    this.#current[at] = value;
  }

  /** Command is written. */
  command(code: number): void {
    // A drive that sleeps hears resets only.
    if (this.#power === Power.SLEEP) return;
    this.acknowledge();
    this.error = 0;
    this.execute(code);
    this.#changed();
  }

  /** A reset by the host. Section 9.2. */
  reset(): void {
    this.forget();
    this.#power = Power.ACTIVE;
    this.sign();
    this.#changed();
  }

  /** Ends what it was doing, and puts the signature into the registers. */
  protected sign(): void {
    const [mid, high, status] = this.signature;
    this.set(1, 1, mid, high);
    this.device = DeviceBit.OBSOLETE;
    this.error = PASSED;
    this.#status = status;
    this.#stop();
    this.#isPending = false;
  }

  /** EXECUTE DEVICE DIAGNOSTIC, which both drives of a channel do. Section 9.10. */
  diagnose(interrupts: boolean): void {
    this.sign();
    this.#isPending = interrupts;
    this.#changed();
  }

  /** Features, which the host reads as another register. */
  protected get features(): number {
    return this.#current[0]!;
  }

  /** Sets Sector Count and LBA. */
  protected set(count: number, low: number, mid: number, high: number): void {
    this.#current.set([count, low, mid, high], 1);
    this.#previous.fill(0, 1);
  }

  /** An address of 48 bits in LBA, what was written before in its upper half. */
  protected get lba48(): number {
    const [, , low, mid, high] = this.#current, [, , low2, mid2, high2] = this.#previous;
    return low! + (mid! << 8) + (high! << 16) + (low2! + (mid2! << 8) + (high2! << 16)) * 2 ** 24;
  }

  protected set lba48(address: number) {
    const byte = (n: number): number => Math.floor(address / 2 ** (8 * n)) & 0xff;
    this.#current.set([byte(0), byte(1), byte(2)], 2);
    this.#previous.set([byte(3), byte(4), byte(5)], 2);
  }

  /** Offers a block to the host, or asks for one. */
  protected offer(direction: Direction, block: Uint8Array, by: "pio" | "dma", interrupts: boolean): void {
    this.#direction = direction;
    this.#isDma = by === "dma";
    this.#block = block;
    this.#position = 0;
    this.#status = Status.DRDY | Status.DSC | Status.DRQ;
    if (interrupts) this.#isPending = true;
  }

  /** Ends the command. */
  protected end(status: number = Status.DRDY | Status.DSC, interrupts = true): void {
    this.#stop();
    this.#status = status;
    this.#isPending ||= interrupts;
  }

  /** Ends the command with an error. */
  protected fail(error: number, status = 0): void {
    this.error = error;
    this.end(Status.DRDY | Status.DSC | Status.ERR | status);
  }

  /** Goes to another power mode, with nothing else to do. */
  protected goTo(power: number): void {
    this.#power = power;
    this.end();
  }

  /** The medium is used. */
  protected wake(): void {
    this.#power = Power.ACTIVE;
  }

  /** CHECK POWER MODE: in Sector Count. */
  protected tellPower(): void {
    this.#current[Register.COUNT - Register.FEATURES] = this.#power;
    this.end();
  }

  /** SET FEATURES, subcommand 03H. Returns whether there is the mode that Sector Count asks for. */
  protected setMode(): boolean {
    const mode = transferMode(this.mode, this.read(Register.COUNT, false));
    this.mode = mode ?? this.mode;
    return mode !== undefined;
  }

  /** Refuses the command. */
  protected abort(): void {
    this.fail(ErrorBit.ABRT);
  }

  #stop(): void {
    this.#direction = "none";
    this.#isDma = false;
    this.#block = new Uint8Array(0);
    this.#position = 0;
  }

  /** Reads 16 or 32 bits of the data. */
  readData(size: 2 | 4): number {
    if (this.#direction !== "in" || this.#isDma) return 0;
    const block = this.#block, at = this.#position;
    const low = block[at]! | (block[at + 1]! << 8);
    if (size === 2 || at + 2 >= block.length) {
      this.#advance(2);
      return size === 2 ? low : low | (this.readData(2) << 16);
    }
    this.#advance(4);
    return low | (block[at + 2]! << 16) | (block[at + 3]! << 24);
  }

  writeData(value: number, size: 2 | 4): void {
    for (let done = 0; done < size; done += 2) {
      if (this.#direction !== "out" || this.#isDma) return;
      const word = value >> (8 * done);
      this.#block[this.#position] = word;
      this.#block[this.#position + 1] = word >> 8;
      this.#advance(2);
    }
  }

  /** Moves as much by DMA as there are data and bytes for them. Returns how much. */
  move(bytes: Uint8Array): number {
    let done = 0;
    for (let direction = this.dma; direction !== undefined && done < bytes.length; direction = this.dma) {
      const at = this.#position, length = Math.min(this.#block.length - at, bytes.length - done);
      const here = this.#block.subarray(at, at + length), there = bytes.subarray(done, done + length);
      if (direction === "in") there.set(here);
      else here.set(there);
      done += length;
      this.#advance(length);
    }
    return done;
  }

  #advance(by: number): void {
    this.#position += by;
    if (this.#position < this.#block.length) return;
    this.moved(this.#block, this.#direction === "out" ? "out" : "in");
    this.#changed();
  }

  protected saveDrive(): DriveState {
    return {
      current: this.#current.slice(),
      previous: this.#previous.slice(),
      device: this.device,
      status: this.#status,
      error: this.error,
      isPending: this.#isPending,
      direction: this.#direction,
      isDma: this.#isDma,
      block: this.#block.slice(),
      position: this.#position,
      power: this.#power,
      mode: this.mode,
    };
  }

  protected loadDrive(state: DriveState): void {
    this.#current.set(state.current);
    this.#previous.set(state.previous);
    this.device = state.device;
    this.#status = state.status;
    this.error = state.error;
    this.#isPending = state.isPending;
    this.#direction = state.direction;
    this.#isDma = state.isDma;
    this.#block = state.block.slice();
    this.#position = state.position;
    this.#power = state.power;
    this.mode = state.mode;
  }
}
