/** A hard disk with the commands of ATA/ATAPI-6 (T13/1410D) that a disk must have, by PIO and by DMA, with 28 and 48 bits. */
import { bool, fields, type Shaped, whole } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import { type Disk, DiskError, SECTOR } from "../disk.ts";
import { type Direction, Drive, DRIVE_STATE, Power } from "./drive.ts";
import { defaultGeometry, divided } from "./geometry.ts";
import { identity, wordsOf } from "./identity.ts";
import { DeviceBit, ErrorBit, Register, Status } from "./registers.ts";
import { transferModeWords } from "./transfer_mode.ts";

/** How sectors are moved: one in a block, as many as SET MULTIPLE MODE has said, or by DMA; "verify" moves none. */
type Way = "single" | "multiple" | "dma" | "verify";
/** A command that is about sectors, and whether its addresses have 48 bits. */
interface SectorCommand {
  readonly direction: Direction;
  readonly way: Way;
  readonly isLong: boolean;
}
const sectors = (direction: Direction, way: Way, isLong = false): SectorCommand => ({
  direction,
  way,
  isLong,
});
/** READ and WRITE in all their forms, and READ VERIFY. Odd codes are those "without retry" of earlier standards. */
const SECTOR_COMMANDS: Readonly<Record<number, SectorCommand>> = {
  0x20: sectors("in", "single"),
  0x21: sectors("in", "single"),
  0x24: sectors("in", "single", true),
  0x25: sectors("in", "dma", true),
  0x29: sectors("in", "multiple", true),
  0x30: sectors("out", "single"),
  0x31: sectors("out", "single"),
  0x34: sectors("out", "single", true),
  0x35: sectors("out", "dma", true),
  0x39: sectors("out", "multiple", true),
  0x40: sectors("in", "verify"),
  0x41: sectors("in", "verify"),
  0x42: sectors("in", "verify", true),
  0xc4: sectors("in", "multiple"),
  0xc5: sectors("out", "multiple"),
  0xc8: sectors("in", "dma"),
  0xc9: sectors("in", "dma"),
  0xca: sectors("out", "dma"),
  0xcb: sectors("out", "dma"),
};

/** Most sectors of READ MULTIPLE's blocks; and in what portions DMA takes them from the image. */
const MOST_MULTIPLE = 16, DMA_SECTORS = 256;
const MOST_28 = 0x0fff_ffff;
/** Words 82 to 84 of the identity: power management, write cache, look-ahead, NOP; 48 bits, flushes. */
const WRITE_CACHE = 0x20,
  LOOK_AHEAD = 0x40,
  COMMAND_SETS = [0x4008 | WRITE_CACHE | LOOK_AHEAD, 0x7400, 0x4000];
/** Words: LBA, DMA, IORDY, and standby timers as the standard has them. ATA-3 to ATA/ATAPI-6. Found by CBLID-, on a cable of 80 wires. */
const CAPABILITIES = 0x2b00, VERSIONS = 0x78, CABLE = 0x6001;
const MODEL = "CAUSEWAY DISK";

const STATE = fields({
  drive: DRIVE_STATE,
  next: whole(0, Number.MAX_SAFE_INTEGER),
  left: whole(0, 0x1_0000),
  portion: whole(1, DMA_SECTORS),
  isLong: bool,
  multiple: whole(0, MOST_MULTIPLE),
  heads: whole(1, 16),
  sectors: whole(1, 0xff),
  writeCache: bool,
  lookAhead: bool,
  reverts: bool,
});
type State = Shaped<typeof STATE>;

/** The disk. */
export class AtaDisk extends Drive implements Stateful<State> {
  readonly stateFormat: StateFormat<State> = { version: 1, shape: STATE };
  readonly takesPackets = false;
  protected readonly signature = [0, 0, Status.DRDY | Status.DSC] as const;
  readonly #disk: Disk;
  readonly #serial: string;
  readonly #total: number;
  /** The sector that is moved next, and how many are left; how many at once; and whether the command's address has 48 bits. */
  #next = 0;
  #left = 0;
  #portion = 1;
  #isLong = false;
  /** Sectors of READ MULTIPLE's blocks; 0: it is disabled. At first it is what the disk prefers: table 27, word 59. */
  #multiple = MOST_MULTIPLE;
  #geometry;
  #writeCache = true;
  #lookAhead = true;
  /** A reset undoes what SET FEATURES has set. */
  #reverts = false;

  constructor(disk: Disk, serial: string) {
    super();
    this.#disk = disk;
    this.#serial = serial;
    this.#total = disk.size / SECTOR;
    this.#geometry = defaultGeometry(this.#total);
  }

  protected execute(command: number): void {
    this.#left = 0;
    const moved = SECTOR_COMMANDS[command];
    if (moved !== undefined) this.#start(moved);
    else (this.#commands[command] ?? (() => this.abort()))();
  }

  /** The other commands. */
  readonly #commands: Readonly<Record<number, () => void>> = {
    0x10: () => this.end(), // RECALIBRATE, of earlier standards
    0x27: () => this.#tellLast(true), // READ NATIVE MAX ADDRESS EXT
    0x70: () => this.#isThere(this.#address(false)) ? this.end() : this.fail(ErrorBit.IDNF), // SEEK
    0x91: () => this.#divide(), // INITIALIZE DEVICE PARAMETERS, of earlier standards
    0xc6: () => this.#setMultiple(), // SET MULTIPLE MODE
    0xe0: () => this.goTo(Power.STANDBY), // STANDBY IMMEDIATE
    0xe1: () => this.goTo(Power.IDLE), // IDLE IMMEDIATE
    0xe2: () => this.goTo(Power.STANDBY), // STANDBY
    0xe3: () => this.goTo(Power.IDLE), // IDLE
    0xe5: () => this.tellPower(), // CHECK POWER MODE
    0xe6: () => this.goTo(Power.SLEEP), // SLEEP
    0xe7: () => this.#flush(), // FLUSH CACHE
    0xea: () => this.#flush(), // FLUSH CACHE EXT
    0xec: () => this.offer("in", this.#identity(), "pio", true), // IDENTIFY DEVICE
    0xef: () => this.#setFeatures(), // SET FEATURES
    0xf8: () => this.#tellLast(false), // READ NATIVE MAX ADDRESS
  };

  protected moved(block: Uint8Array, direction: Direction): void {
    if (direction === "out" && !this.#attempt(() => this.#store(block), Status.DF, ErrorBit.ABRT)) return;
    if (this.#left > 0) this.#goOn(direction, true);
    else this.end(undefined, direction === "out" || this.dma !== undefined);
  }

  protected forget(): void {
    this.#left = 0;
    if (!this.#reverts) return;
    this.#multiple = MOST_MULTIPLE;
    this.#geometry = defaultGeometry(this.#total);
    this.#writeCache = this.#lookAhead = true;
    this.#reverts = false;
  }

  saveState(): State {
    return {
      drive: this.saveDrive(),
      next: this.#next,
      left: this.#left,
      portion: this.#portion,
      isLong: this.#isLong,
      multiple: this.#multiple,
      heads: this.#geometry.heads,
      sectors: this.#geometry.sectors,
      writeCache: this.#writeCache,
      lookAhead: this.#lookAhead,
      reverts: this.#reverts,
    };
  }

  loadState(state: State): void {
    this.loadDrive(state.drive);
    this.#next = state.next;
    this.#left = state.left;
    this.#portion = state.portion;
    this.#isLong = state.isLong;
    this.#multiple = state.multiple;
    this.#geometry = divided(this.#total, state.heads, state.sectors);
    this.#writeCache = state.writeCache;
    this.#lookAhead = state.lookAhead;
    this.#reverts = state.reverts;
  }

  #start({ direction, way, isLong }: SectorCommand): void {
    if (way === "multiple" && this.#multiple === 0) return this.abort();
    this.wake();
    this.#isLong = isLong;
    this.#next = this.#address(isLong);
    const count = this.read(Register.COUNT, false), before = isLong ? this.read(Register.COUNT, true) : 0;
    this.#left = ((before << 8) | count) || (isLong ? 0x1_0000 : 0x100);
    this.#portion = way === "dma" ? DMA_SECTORS : way === "multiple" ? this.#multiple : 1;
    if (way === "verify") this.#verify();
    else this.#goOn(direction, direction === "in", way === "dma");
  }

  /** Offers the next block, or asks for one; behind the end of the disk the command fails with the address there. */
  #goOn(direction: Direction, interrupts: boolean, isDma = this.dma !== undefined): void {
    const count = Math.min(this.#left, this.#portion, this.#total - this.#next);
    if (!(count > 0)) return this.#failAt(ErrorBit.IDNF);
    const block = new Uint8Array(count * SECTOR);
    const isRead = direction === "out" ||
      this.#attempt(() => this.#disk.read(this.#next * SECTOR, block), 0, ErrorBit.UNC);
    if (!isRead) return;
    if (direction === "in") this.#pass(count);
    this.offer(direction, block, isDma ? "dma" : "pio", interrupts && !isDma);
  }

  #store(block: Uint8Array): void {
    this.#disk.write(this.#next * SECTOR, block);
    this.#pass(block.length / SECTOR);
    if (!this.#writeCache) this.#disk.flush();
  }

  #pass(count: number): void {
    this.#next += count;
    this.#left -= count;
  }

  /** Does what the host may refuse: then the command has failed. */
  #attempt(act: () => void, status: number, error: number): boolean {
    try {
      act();
      return true;
    } catch (cause) {
      if (!(cause instanceof DiskError)) throw cause;
      this.#failAt(error, status);
      return false;
    }
  }

  /** Fails, and tells at which sector. */
  #failAt(error: number, status = 0): void {
    this.#setAddress(this.#next, this.#isLong);
    this.fail(error, status);
  }

  #verify(): void {
    const count = Math.min(this.#left, Math.max(0, this.#total - this.#next));
    this.#pass(count);
    if (this.#left === 0) this.end();
    else this.#failAt(ErrorBit.IDNF);
  }

  #isThere(address: number): boolean {
    return address < this.#total;
  }

  /** The sector that the registers tell; one that cannot be is Infinity. Section 6.2. */
  #address(isLong: boolean): number {
    if (isLong) return this.lba48;
    const low = this.read(Register.LBA_LOW, false);
    const high = this.read(Register.LBA_MID, false) | (this.read(Register.LBA_HIGH, false) << 8);
    const head = this.device & DeviceBit.HEAD;
    if ((this.device & DeviceBit.LBA) !== 0) return low | (high << 8) | (head << 24);
    const { cylinders, heads, sectors } = this.#geometry;
    if (high >= cylinders || head >= heads || low === 0 || low > sectors) return Number.MAX_SAFE_INTEGER;
    return (high * heads + head) * sectors + low - 1;
  }

  #setAddress(address: number, isLong: boolean): void {
    // An address that cannot be stays in the registers as it was written.
    if (address === Number.MAX_SAFE_INTEGER) return;
    if (isLong) {
      this.lba48 = address;
      return;
    }
    const count = this.read(Register.COUNT, false), isLba = (this.device & DeviceBit.LBA) !== 0;
    const { heads, sectors } = this.#geometry, track = Math.floor(address / sectors);
    const low = isLba ? address & 0xff : address % sectors + 1;
    const high = isLba ? (address >> 8) & 0xffff : Math.floor(track / heads);
    const head = isLba ? address >> 24 : track % heads;
    this.set(count, low, high & 0xff, (high >> 8) & 0xff);
    this.device = (this.device & ~DeviceBit.HEAD) | (head & DeviceBit.HEAD);
  }

  #tellLast(isLong: boolean): void {
    if ((this.device & DeviceBit.LBA) === 0) return this.abort();
    this.#setAddress(isLong ? this.#total - 1 : Math.min(this.#total, MOST_28) - 1, isLong);
    this.end();
  }

  /** Sectors of a track in Sector Count, the last head in Device. ATA/ATAPI-5, section 8.16. */
  #divide(): void {
    const sectors = this.read(Register.COUNT, false);
    if (sectors === 0) return this.abort();
    this.#geometry = divided(this.#total, (this.device & DeviceBit.HEAD) + 1, sectors);
    this.end();
  }

  #setMultiple(): void {
    const count = this.read(Register.COUNT, false);
    const fits = count <= MOST_MULTIPLE && (count & (count - 1)) === 0;
    this.#multiple = fits ? count : 0;
    if (fits) this.end();
    else this.abort();
  }

  #flush(): void {
    if (this.#attempt(() => this.#disk.flush(), Status.DF, ErrorBit.ABRT)) this.end();
  }

  #setFeatures(): void {
    const set = (act: () => void) => (): boolean => {
      act();
      return true;
    };
    const features: Readonly<Record<number, () => boolean>> = {
      0x02: set(() => this.#writeCache = true),
      0x03: () => this.setMode(),
      0x55: set(() => this.#lookAhead = false),
      0x66: set(() => this.#reverts = false),
      0x82: set(() => this.#writeCache = false),
      0xaa: set(() => this.#lookAhead = true),
      0xcc: set(() => this.#reverts = true),
    };
    if (features[this.features]?.() !== true) return this.abort();
    // Without the cache nothing stays in it.
    if (this.#writeCache) this.end();
    else this.#flush();
  }

  /** Table 27. */
  #identity(): Uint8Array {
    const total = this.#total, { cylinders, heads, sectors } = defaultGeometry(total), now = this.#geometry;
    const off = (this.#writeCache ? 0 : WRITE_CACHE) | (this.#lookAhead ? 0 : LOOK_AHEAD);
    const [first, second, third] = COMMAND_SETS;
    return identity({
      0: 0x0040,
      1: cylinders,
      3: heads,
      6: sectors,
      47: 0x8000 | MOST_MULTIPLE,
      49: CAPABILITIES,
      50: 0x4000,
      53: 7,
      54: now.cylinders,
      55: now.heads,
      56: now.sectors,
      ...wordsOf(57, 2, Math.min(total, now.cylinders * now.heads * now.sectors)),
      59: this.#multiple === 0 ? 0 : 0x100 | this.#multiple,
      ...wordsOf(60, 2, Math.min(total, MOST_28)),
      ...transferModeWords(this.mode),
      80: VERSIONS,
      82: first!,
      83: second!,
      84: third!,
      85: first! & ~off,
      86: second! & ~0x4000,
      87: third!,
      93: CABLE,
      ...wordsOf(100, 4, total),
    }, { serial: this.#serial, model: MODEL });
  }
}
