/** What a PC's setup program leaves in the battery-backed memory. QEMU's `pc_cmos_init` and SeaBIOS agree on it. */
import { SECTOR } from "../disk.ts";
import { type AtIdePlaces, IDE_PLACES, type IdeDriveSize } from "../ide/drives.ts";
import { defaultGeometry } from "../ide/geometry.ts";

/** Registers: memory below 1 MB and above it in KB, memory above 16 MB in units of 64 KB, processors besides the first. */
const BASE = 0x15, EXTENDED = 0x17, EXTENDED_AGAIN = 0x30, HIGH = 0x34, PROCESSORS = 0x5f;
/** The order in which devices are tried: second and third; first, and whether the floppy's signature is checked. */
const BOOT_ORDER_LATER = 0x38, BOOT_ORDER = 0x3d;
const HARD_DISK = 2, CD = 3, NO_SIGNATURE_CHECK = 1;
const EQUIPMENT = 0x14;
/**
 * Hard disks at the primary channel: their types, 15 for one in a register of its own; that, 47 for one that is described;
 * the descriptions. IBM PS/2 and PC BIOS Interface Technical Reference, section 4, and its fixed disk parameter table.
 */
const DISK_TYPES = 0x12,
  IN_REGISTER = 0x0f,
  DISK_TYPE = 0x19,
  DESCRIBED = 47,
  DESCRIPTIONS = 0x1b,
  DESCRIPTION_BYTES = 9;
const NO_PRECOMPENSATION = 0xffff, NO_RETRIES = 0xc0, MANY_HEADS = 8;
/** Two bits for each place: how a BIOS translates cylinders, heads and sectors. Up to 1024 cylinders it need not. */
const TRANSLATIONS = 0x39, BY_LBA = 1, MOST_CYLINDERS = 1024;
/** An x87 unit, and a display of the kind that its own firmware tells. */
const EQUIPPED = 0x02;
const KB = 0x400, MB = 0x10_0000, BASE_KB = 640;
const LARGEST = 0xffff;

/** Values by register, for a machine with so many bytes of RAM, and these IDE drives. */
export function setupMemory(
  ram: number,
  processors: number,
  drives: AtIdePlaces<IdeDriveSize> = {},
): Readonly<Record<number, number>> {
  const extended = Math.min(LARGEST, Math.max(0, ram - MB) / KB);
  const high = Math.min(LARGEST, Math.max(0, ram - 16 * MB) / (64 * KB));
  return {
    ...word(BASE, BASE_KB),
    ...word(EXTENDED, extended),
    ...word(EXTENDED_AGAIN, extended),
    ...word(HIGH, high),
    [EQUIPMENT]: EQUIPPED,
    [PROCESSORS]: processors - 1,
    [BOOT_ORDER]: HARD_DISK | (CD << 4),
    [BOOT_ORDER_LATER]: NO_SIGNATURE_CHECK,
    ...hardDisks(drives),
  };
}

function hardDisks(drives: AtIdePlaces<IdeDriveSize>): Readonly<Record<number, number>> {
  const values: Record<number, number> = {};
  for (const [n, place] of IDE_PLACES.entries()) {
    const drive = drives[place];
    if (drive === undefined || drive.cdrom) continue;
    const { cylinders, heads, sectors } = defaultGeometry(drive.bytes / SECTOR);
    if (cylinders > MOST_CYLINDERS) values[TRANSLATIONS] = (values[TRANSLATIONS] ?? 0) | (BY_LBA << (2 * n));
    if (n > 1) continue;
    const at = DESCRIPTIONS + n * DESCRIPTION_BYTES;
    values[DISK_TYPES] = (values[DISK_TYPES] ?? 0) | (IN_REGISTER << (n === 0 ? 4 : 0));
    values[DISK_TYPE + n] = DESCRIBED;
    Object.assign(values, word(at, cylinders), word(at + 3, NO_PRECOMPENSATION), word(at + 6, cylinders), {
      [at + 2]: heads,
      [at + 5]: NO_RETRIES | (heads > 8 ? MANY_HEADS : 0),
      [at + 8]: sectors,
    });
  }
  return values;
}

function word(register: number, value: number): Readonly<Record<number, number>> {
  return { [register]: value & 0xff, [register + 1]: value >> 8 };
}
