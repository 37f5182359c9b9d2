/** A file in Linux's format bzImage around a little code. Documentation/arch/x86/boot.rst. */

/** What the setup header says. */
export interface SetupHeader {
  readonly version?: number;
  /** Flags of the extended load: bit 0, there is a 64-bit entry point. */
  readonly flags?: number;
  readonly preferredAddress?: number;
  readonly initSize?: number;
  readonly initrdMax?: number;
  readonly commandLineSize?: number;
  /** What the 32-bit entry point leads to. Default: nothing. */
  readonly code32?: readonly number[];
}

const SECTOR = 512, SETUP_SECTORS = 1;
/** Where the 64-bit entry point lies in the part behind the setup code. */
const ENTRY = 0x200;

/** Makes the file; `code` is what the 64-bit entry point leads to. */
export function bzImage(code: readonly number[], header: SetupHeader = {}): Uint8Array {
  const start = (SETUP_SECTORS + 1) * SECTOR;
  const file = new Uint8Array(start + ENTRY + code.length), view = new DataView(file.buffer);
  file[0x1f1] = SETUP_SECTORS;
  view.setUint16(0x1fe, 0xaa55, true);
  file.set([0xeb, 0x66], 0x200);
  view.setUint32(0x202, 0x5372_6448, true);
  view.setUint16(0x206, header.version ?? 0x20f, true);
  view.setUint32(0x22c, header.initrdMax ?? 0x7fff_ffff, true);
  view.setUint16(0x236, header.flags ?? 1, true);
  view.setUint32(0x238, header.commandLineSize ?? 2047, true);
  view.setUint32(0x258, header.preferredAddress ?? 0x20_0000, true);
  view.setUint32(0x260, header.initSize ?? 0x1_0000, true);
  file.set(header.code32 ?? [], start);
  file.set(code, start + ENTRY);
  return file;
}
