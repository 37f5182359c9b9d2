/** Registers of an IDE channel and of its drives. ATA/ATAPI-6 (T13/1410D), clause 7. */

/** Command block, by offset. Two of them have another name when they are written: Features and Command. */
export const Register = {
  DATA: 0,
  ERROR: 1,
  FEATURES: 1,
  COUNT: 2,
  LBA_LOW: 3,
  LBA_MID: 4,
  LBA_HIGH: 5,
  DEVICE: 6,
  STATUS: 7,
  COMMAND: 7,
} as const;
/** How many there are. */
export const COMMAND_BLOCK_PORTS = 8;

/** Status. Section 7.15. */
export const Status = { ERR: 1, DRQ: 8, DSC: 0x10, DF: 0x20, DRDY: 0x40, BSY: 0x80 } as const;
/** Error, of commands that are no packets. Section 7.9. */
export const ErrorBit = { ABRT: 4, IDNF: 0x10, UNC: 0x40 } as const;
/** What Error says behind a reset: the drive has passed its tests. Table 26. */
export const PASSED = 1;
/** Device: heads or the upper bits of an address; which drive; whether addresses are LBA; two bits that are always ones. Section 7.7. */
export const DeviceBit = { HEAD: 0x0f, DEV: 0x10, LBA: 0x40, OBSOLETE: 0xa0 } as const;
/** Device Control. Section 7.8. */
export const Control = { NIEN: 2, SRST: 4, HOB: 0x80 } as const;
/** Sector Count as packets have it, the interrupt reason: a command comes, or it has ended; data go to the host. Section 8.23. */
export const Reason = { COMMAND: 1, TO_HOST: 2 } as const;
