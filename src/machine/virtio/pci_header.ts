/** Configuration space of a virtio device on PCI: header, capabilities, and what of it software can write. */
import { MsixCapability, MsixControl } from "../devices/msix_table.ts";
import { QueueFeature } from "./virtqueue.ts";

/** Bytes of it. */
export const CONFIGURATION_BYTES = 0x100;
/** Offsets in it. */
export const Header = { COMMAND: 0x04, STATUS: 0x06, CLASS: 0x08, BAR0: 0x10, SUBSYSTEM: 0x2c } as const;
const CAPABILITIES = 0x34, INTERRUPT_LINE = 0x3c, INTERRUPT_PIN = 0x3d;
const RED_HAT = 0x1af4, MODERN = 0x1040, REVISION = 1;
/** Bits of the command register, and of the status register. */
export const Command = { MEMORY: 2, MASTER: 4, NO_INTX: 0x400 } as const;
const HAS_CAPABILITIES = 0x10;

/** Where the parts of the BAR lie, and what it takes. */
export const Part = {
  COMMON: 0,
  ISR: 0x1000,
  DEVICE: 0x2000,
  NOTIFY: 0x3000,
  MSIX_TABLE: 0x4000,
  MSIX_PENDING: 0x5000,
} as const;
export const BAR_BYTES = 0x8000, PART_BYTES = 0x1000;

/** Capabilities: vendor-specific ones of 16 bytes, of 20 where a number follows. Virtio 1.2, section 4.1.4. */
const VENDOR_SPECIFIC = 9, FIRST_CAPABILITY = 0x40;
const CAPABILITY_TYPES = [
  { type: 1, offset: Part.COMMON, length: PART_BYTES, size: 16 },
  { type: 3, offset: Part.ISR, length: PART_BYTES, size: 16 },
  { type: 4, offset: Part.DEVICE, length: PART_BYTES, size: 16 },
  { type: 2, offset: Part.NOTIFY, length: PART_BYTES, size: 20 },
  { type: 5, offset: 0, length: 0, size: 20 },
] as const;
/** The last of them, a window into the BAR: registers for BAR, offset, length, data. */
const WINDOW = 0x84;
export const Window = { OFFSET: WINDOW + 8, LENGTH: WINDOW + 12, DATA: WINDOW + 16 } as const;
/** Behind them: MSI-X. */
const MSIX = 0x98;
/** Its message control. */
export const MSIX_CONTROL: number = MSIX + MsixCapability.CONTROL;

/** What every device offers besides its own features: those of the queues. */
export const TRANSPORT_FEATURES: number = QueueFeature.INDIRECT | QueueFeature.EVENT_INDEX;

/** What is in a header. */
export interface HeaderContents {
  /** Device ID, section 5. */
  readonly type: number;
  /** PCI class, subclass and interface in the upper 24 bits. */
  readonly classCode: number;
  /** Entries of the MSI-X table. */
  readonly vectors: number;
  /** Number that it tells of the interrupt line. */
  readonly line: number;
  /** Physical address of the BAR, as firmware would set it; undefined: firmware will. */
  readonly base: number | undefined;
}

/** The bytes, and a mask of those bits that software can write. */
export function makeHeader({ type, classCode, vectors, line, base }: HeaderContents): {
  values: Uint8Array;
  writable: Uint8Array;
} {
  const values = new Uint8Array(CONFIGURATION_BYTES), masks = new Uint8Array(CONFIGURATION_BYTES);
  const view = new DataView(values.buffer), writable = new DataView(masks.buffer);
  const id = RED_HAT | ((MODERN + type) << 16);
  view.setUint32(0, id, true);
  view.setUint32(Header.CLASS, classCode | REVISION, true);
  view.setUint16(Header.STATUS, HAS_CAPABILITIES, true);
  view.setUint32(Header.SUBSYSTEM, id, true);
  view.setUint8(CAPABILITIES, FIRST_CAPABILITY);
  view.setUint8(INTERRUPT_LINE, line);
  view.setUint8(INTERRUPT_PIN, 1);
  if (base !== undefined) {
    view.setUint32(Header.BAR0, base, true);
    view.setUint16(Header.COMMAND, Command.MEMORY | Command.MASTER, true);
  }
  writable.setUint16(Header.COMMAND, Command.MEMORY | Command.MASTER | Command.NO_INTX, true);
  writable.setInt32(Header.BAR0, -BAR_BYTES, true);
  writable.setUint8(INTERRUPT_LINE, 0xff);
  let at = FIRST_CAPABILITY;
  for (const { type, offset, length, size } of CAPABILITY_TYPES) {
    values.set([VENDOR_SPECIFIC, at + size, size, type], at);
    view.setUint32(at + 8, offset, true);
    view.setUint32(at + 12, length, true);
    at += size;
  }
  writable.setUint32(Window.OFFSET, -1, true);
  writable.setUint32(Window.LENGTH, -1, true);
  values.set([MsixCapability.ID, 0], MSIX);
  view.setUint16(MSIX_CONTROL, vectors - 1, true);
  view.setUint32(MSIX + MsixCapability.TABLE, Part.MSIX_TABLE, true);
  view.setUint32(MSIX + MsixCapability.PENDING, Part.MSIX_PENDING, true);
  writable.setUint16(MSIX_CONTROL, MsixControl.ENABLE | MsixControl.MASK_ALL, true);
  return { values, writable: masks };
}
