/** A CD-ROM drive: a packet device. ATA/ATAPI-6 (T13/1410D), section 9.8; its packets are those of MMC-3. */
import { bool, bytes, fields, list, oneOf, type Shaped, u8, whole } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import { CD_SECTOR, type Disk, DiskError } from "../disk.ts";
import { Drive, DRIVE_STATE, Power } from "./drive.ts";
import { identity } from "./identity.ts";
import {
  BEHIND_THE_END,
  capacity,
  configuration,
  INQUIRY,
  INVALID_FIELD,
  mediaEvent,
  MEDIUM_CHANGED,
  modePages,
  NO_SENSE,
  numberAt,
  PACKET_BYTES,
  READ_ERROR,
  REMOVAL_PREVENTED,
  type Sense,
  senseData,
  tableOfContents,
  TRAY_OPEN,
  UNKNOWN_COMMAND,
} from "./packets.ts";
import { Reason, Register } from "./registers.ts";
import { transferModeWords } from "./transfer_mode.ts";

/** LBA Mid and High of a packet device. Section 9.12. */
const SIGNATURE = [0x14, 0xeb] as const;
/** Features of PACKET: data by DMA; overlapped, which it is not. Section 8.23. */
const BY_DMA = 1, OVERLAPPED = 2;
const MOST_BYTES = 0xfffe, DMA_BYTES = 0x2_0000;
/** Section 8.16: a packet device, a CD-ROM, removable, asks for the packet at once; DMA, LBA, IORDY. */
const CONFIGURATION = 0x85c0, CAPABILITIES = 0x0b00, VERSIONS = 0x78, CABLE = 0x6001;
/** Words 82 to 84: power management, packets, DEVICE RESET, NOP. */
const COMMAND_SETS = [0x4218, 0x4000, 0x4000] as const;
const MODEL = "CAUSEWAY CD-ROM";
/** The packet that tells why the one before has failed; and of a sector in READ CD, its user data. */
const REQUEST_SENSE = 0x03, USER_DATA = 0x10;

const STATE = fields({
  drive: DRIVE_STATE,
  phase: oneOf("idle", "packet", "data"),
  byDma: bool,
  limit: whole(0, MOST_BYTES),
  answer: bytes(),
  at: whole(0, Number.MAX_SAFE_INTEGER),
  left: whole(0, Number.MAX_SAFE_INTEGER),
  sense: list(u8, 3),
  isLocked: bool,
  isOpen: bool,
  isNew: bool,
});
type State = Shaped<typeof STATE>;

/** A packet, and what it is for: some need a medium, and some are executed whatever has happened to it before. */
interface PacketCommand {
  readonly needs: "medium" | "attention" | "nothing";
  readonly execute: (packet: Uint8Array) => void;
}

/** The drive. There is a disc in it, which the guest may eject and load again. */
export class CdRom extends Drive implements Stateful<State> {
  readonly stateFormat: StateFormat<State> = { version: 1, shape: STATE };
  readonly takesPackets = true;
  protected readonly signature = [...SIGNATURE, 0] as const;
  readonly #disk: Disk;
  readonly #serial: string;
  #phase: State["phase"] = "idle";
  /** How PACKET wants the data: by DMA, or by PIO with at most so many bytes in a block. */
  #byDma = false;
  #limit = 0;
  /** What is sent: the answer, or, where there is none, the disc; from where on, and how many bytes are left. */
  #answer: Uint8Array = new Uint8Array(0);
  #at = 0;
  #left = 0;
  #sense: Sense = NO_SENSE;
  #isLocked = false;
  #isOpen = false;
  /** The disc was loaded, and nobody has been told. */
  #isNew = false;

  constructor(disk: Disk, serial: string) {
    super();
    this.#disk = disk;
    this.#serial = serial;
  }

  protected execute(command: number): void {
    (this.#commands[command] ?? (() => this.abort()))();
  }

  /** The commands that are no packets. */
  readonly #commands: Readonly<Record<number, () => void>> = {
    0x08: () => this.#resetDevice(), // DEVICE RESET
    0x20: () => this.#refuse(), // READ SECTOR(S)
    0xa0: () => this.#takePacket(), // PACKET
    0xa1: () => this.offer("in", this.#identity(), "pio", true), // IDENTIFY PACKET DEVICE
    0xe0: () => this.goTo(Power.STANDBY), // STANDBY IMMEDIATE
    0xe1: () => this.goTo(Power.IDLE), // IDLE IMMEDIATE
    0xe5: () => this.tellPower(), // CHECK POWER MODE
    0xe6: () => this.goTo(Power.SLEEP), // SLEEP
    0xec: () => this.#refuse(), // IDENTIFY DEVICE
    0xef: () => this.#setFeatures(), // SET FEATURES
  };

  readonly #packets: Readonly<Record<number, PacketCommand>> = {
    0x00: { needs: "medium", execute: () => this.#succeed() }, // TEST UNIT READY
    0x03: { needs: "nothing", execute: (packet) => this.#tellSense(packet[4]!) }, // REQUEST SENSE
    0x12: { needs: "nothing", execute: (packet) => this.#inquire(packet) }, // INQUIRY
    0x1b: { needs: "attention", execute: (packet) => this.#startStop(packet[4]!) }, // START STOP UNIT
    0x1e: { needs: "attention", execute: (packet) => this.#lock((packet[4]! & 1) !== 0) }, // PREVENT ALLOW MEDIUM REMOVAL
    0x25: { needs: "medium", execute: () => this.#send(capacity(this.#sectors, CD_SECTOR)) }, // READ CAPACITY
    0x28: { needs: "medium", execute: (packet) => this.#read(packet, numberAt(packet, 7, 2)) }, // READ(10)
    0x2b: { needs: "medium", execute: (packet) => this.#read(packet, 0) }, // SEEK(10)
    0x43: {
      needs: "medium",
      execute: (packet) => this.#sendIf(tableOfContents(packet, this.#sectors), numberAt(packet, 7, 2)),
    }, // READ TOC/PMA/ATIP
    0x46: {
      needs: "nothing",
      execute: (packet) =>
        this.#send(configuration(packet, this.#isOpen ? 0 : this.#sectors), numberAt(packet, 7, 2)),
    }, // GET CONFIGURATION
    0x4a: { needs: "nothing", execute: (packet) => this.#tellEvent(packet) }, // GET EVENT STATUS NOTIFICATION
    0x5a: {
      needs: "attention",
      execute: (packet) => this.#sendIf(modePages(packet, this.#isLocked), numberAt(packet, 7, 2)),
    }, // MODE SENSE(10)
    0xa8: { needs: "medium", execute: (packet) => this.#read(packet, numberAt(packet, 6, 4)) }, // READ(12)
    0xbb: { needs: "attention", execute: () => this.#succeed() }, // SET CD SPEED
    0xbd: { needs: "nothing", execute: (packet) => this.#tellMechanism(numberAt(packet, 8, 2)) }, // MECHANISM STATUS
    0xbe: { needs: "medium", execute: (packet) => this.#readCd(packet) }, // READ CD
  };

  protected moved(block: Uint8Array): void {
    if (this.#phase === "packet") this.#executePacket(block);
    else if (this.#phase === "data") this.#goOn();
    else this.end(undefined, false);
  }

  protected forget(): void {
    this.#phase = "idle";
    this.#left = 0;
    this.#answer = new Uint8Array(0);
    this.#sense = NO_SENSE;
    this.#isLocked = false;
  }

  saveState(): State {
    return {
      drive: this.saveDrive(),
      phase: this.#phase,
      byDma: this.#byDma,
      limit: this.#limit,
      answer: this.#answer.slice(),
      at: this.#at,
      left: this.#left,
      sense: [...this.#sense],
      isLocked: this.#isLocked,
      isOpen: this.#isOpen,
      isNew: this.#isNew,
    };
  }

  loadState(state: State): void {
    this.loadDrive(state.drive);
    this.#phase = state.phase;
    this.#byDma = state.byDma;
    this.#limit = state.limit;
    this.#answer = state.answer.slice();
    this.#at = state.at;
    this.#left = state.left;
    const [key, code, qualifier] = state.sense;
    this.#sense = [key!, code!, qualifier!];
    this.#isLocked = state.isLocked;
    this.#isOpen = state.isOpen;
    this.#isNew = state.isNew;
  }

  get #sectors(): number {
    return this.#disk.size / CD_SECTOR;
  }

  /** Section 9.11: it ends whatever is going on, without an interrupt. */
  #resetDevice(): void {
    this.forget();
    this.sign();
  }

  /** A command of disks: the signature tells that this is none. Sections 8.15 and 8.34. */
  #refuse(): void {
    this.set(1, 1, ...SIGNATURE);
    this.abort();
  }

  #setFeatures(): void {
    if (this.features === 3 && this.setMode()) this.end();
    else this.abort();
  }

  #takePacket(): void {
    const features = this.features;
    if ((features & OVERLAPPED) !== 0) return this.abort();
    this.#byDma = (features & BY_DMA) !== 0;
    const limit = this.read(Register.LBA_MID, false) | (this.read(Register.LBA_HIGH, false) << 8);
    this.#limit = Math.min(limit, MOST_BYTES);
    this.#phase = "packet";
    this.#explain(Reason.COMMAND);
    this.offer("out", new Uint8Array(PACKET_BYTES), "pio", false);
  }

  /** Sets the interrupt reason; with data also how many bytes there are. */
  #explain(reason: number, bytes = this.#limit): void {
    this.set(reason, this.read(Register.LBA_LOW, false), bytes & 0xff, bytes >> 8);
  }

  #executePacket(packet: Uint8Array): void {
    this.#phase = "idle";
    const command = this.#packets[packet[0]!];
    if (command === undefined) return this.#failWith(UNKNOWN_COMMAND);
    if (command.needs !== "nothing" && this.#isNew) {
      this.#isNew = false;
      return this.#failWith(MEDIUM_CHANGED);
    }
    if (command.needs === "medium") {
      if (this.#isOpen) return this.#failWith(TRAY_OPEN);
      this.wake();
    }
    if (packet[0] !== REQUEST_SENSE) this.#sense = NO_SENSE;
    command.execute(packet);
  }

  #succeed(): void {
    this.#phase = "idle";
    this.#explain(Reason.COMMAND | Reason.TO_HOST);
    this.end();
  }

  /** CHECK CONDITION: Error has the sense key. */
  #failWith(sense: Sense): void {
    this.#phase = "idle";
    this.#sense = sense;
    this.#explain(Reason.COMMAND | Reason.TO_HOST);
    this.fail(sense[0] << 4);
  }

  /** Sends an answer, as much of it as the host has asked for. */
  #send(answer: readonly number[], most = Infinity): void {
    this.#answer = Uint8Array.from(answer.slice(0, most));
    this.#start(0, this.#answer.length);
  }

  #sendIf(answer: readonly number[] | undefined, most: number): void {
    if (answer === undefined) this.#failWith(INVALID_FIELD);
    else this.#send(answer, most);
  }

  #start(at: number, bytes: number): void {
    this.#at = at;
    this.#left = bytes;
    this.#phase = "data";
    this.#goOn();
  }

  /** Offers the next block, or ends the command behind the last one. */
  #goOn(): void {
    if (this.#left === 0) return this.#succeed();
    const most = this.#byDma ? DMA_BYTES : this.#left <= this.#limit ? this.#limit : this.#limit & ~1;
    const bytes = Math.min(this.#left, most);
    // Data by PIO, and no byte of them at once.
    if (bytes === 0) return this.abort();
    const block = new Uint8Array(bytes + bytes % 2);
    if (!this.#fill(block.subarray(0, bytes))) return this.#failWith(READ_ERROR);
    this.#at += bytes;
    this.#left -= bytes;
    this.#explain(Reason.TO_HOST, this.#byDma ? this.#limit : bytes);
    this.offer("in", block, this.#byDma ? "dma" : "pio", !this.#byDma);
  }

  #fill(block: Uint8Array): boolean {
    if (this.#answer.length > 0) {
      block.set(this.#answer.subarray(this.#at, this.#at + block.length));
      return true;
    }
    try {
      this.#disk.read(this.#at, block);
      return true;
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      return false;
    }
  }

  #read(packet: Uint8Array, sectors: number): void {
    const first = numberAt(packet, 2, 4);
    if (first + sectors > this.#sectors || first >= this.#sectors) return this.#failWith(BEHIND_THE_END);
    this.#answer = new Uint8Array(0);
    this.#start(first * CD_SECTOR, sectors * CD_SECTOR);
  }

  /** What is asked for must be the user data of sectors in mode 1, and nothing else, or nothing. MMC-3, "READ CD". */
  #readCd(packet: Uint8Array): void {
    const type = (packet[1]! >> 2) & 7, parts = packet[9]! & 0xf8;
    const isData = (type === 0 || type === 2) && (packet[10]! & 7) === 0 &&
      (parts === USER_DATA || parts === 0);
    if (!isData) return this.#failWith(INVALID_FIELD);
    this.#read(packet, parts === 0 ? 0 : numberAt(packet, 6, 3));
  }

  #tellSense(most: number): void {
    const sense = this.#isNew && this.#sense === NO_SENSE ? MEDIUM_CHANGED : this.#sense;
    if (sense === MEDIUM_CHANGED) this.#isNew = false;
    this.#sense = NO_SENSE;
    this.#send(senseData(sense), most);
  }

  /** There are no pages of vital product data. */
  #inquire(packet: Uint8Array): void {
    this.#sendIf((packet[1]! & 1) === 0 && packet[2] === 0 ? INQUIRY : undefined, numberAt(packet, 3, 2));
  }

  /** Only who polls is answered. */
  #tellEvent(packet: Uint8Array): void {
    const event = (packet[1]! & 1) === 0 ? undefined : mediaEvent(packet, this.#isOpen, this.#isNew);
    this.#sendIf(event, numberAt(packet, 7, 2));
  }

  #tellMechanism(most: number): void {
    this.#send([0, this.#isOpen ? 0x10 : 0, 0, 0, 0, 0, 0, 0], most);
  }

  #startStop(bits: number): void {
    const moves = (bits & 2) !== 0, starts = (bits & 1) !== 0;
    if (moves && !starts && this.#isLocked) return this.#failWith(REMOVAL_PREVENTED);
    if (moves) {
      if (this.#isOpen && starts) this.#isNew = true;
      this.#isOpen = !starts;
    }
    this.#succeed();
  }

  #lock(isLocked: boolean): void {
    this.#isLocked = isLocked;
    this.#succeed();
  }

  /** Section 8.16. */
  #identity(): Uint8Array {
    const [first, second, third] = COMMAND_SETS;
    return identity({
      0: CONFIGURATION,
      49: CAPABILITIES,
      50: 0x4000,
      53: 6,
      ...transferModeWords(this.mode),
      80: VERSIONS,
      82: first,
      83: second,
      84: third,
      85: first,
      87: third,
      93: CABLE,
    }, { serial: this.#serial, model: MODEL });
  }
}
