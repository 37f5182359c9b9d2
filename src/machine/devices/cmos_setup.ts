/** What a PC's setup program leaves in the battery-backed memory. QEMU's `pc_cmos_init` and SeaBIOS agree on it. */

/** Registers: memory below 1 MB and above it in KB, memory above 16 MB in units of 64 KB, processors besides the first. */
const BASE = 0x15, EXTENDED = 0x17, EXTENDED_AGAIN = 0x30, HIGH = 0x34, PROCESSORS = 0x5f;
/** The order in which devices are tried: second and third; first, and whether the floppy's signature is checked. */
const BOOT_ORDER_LATER = 0x38, BOOT_ORDER = 0x3d;
const HARD_DISK = 2, CD = 3, NO_SIGNATURE_CHECK = 1;
const EQUIPMENT = 0x14;
/** An x87 unit, and a display of the kind that its own firmware tells. */
const EQUIPPED = 0x02;
const KB = 0x400, MB = 0x10_0000, BASE_KB = 640;
const LARGEST = 0xffff;

/** Values by register, for a machine with so many bytes of RAM. */
export function setupMemory(ram: number, processors: number): Readonly<Record<number, number>> {
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
  };
}

function word(register: number, value: number): Readonly<Record<number, number>> {
  return { [register]: value & 0xff, [register + 1]: value >> 8 };
}
