/** Configuration space of a virtio device on PCI: header, capabilities, and what of it software can write. */
import { MsixCapability, MsixControl } from "../devices/msix_table.ts";
import { PciCommand, PciHeader, PciRegisters } from "../devices/pci_registers.ts";
import { QueueFeature } from "./virtqueue.ts";

const RED_HAT = 0x1af4, MODERN = 0x1040, REVISION = 1;
/** In the status register. */
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

/** The registers when the device is switched on. */
export function makeHeader({ type, classCode, vectors, line, base }: HeaderContents): PciRegisters {
  const registers = new PciRegisters(), { bytes, values, writable } = registers;
  const id = RED_HAT | ((MODERN + type) << 16);
  values.setUint32(PciHeader.VENDOR, id, true);
  values.setUint32(PciHeader.REVISION, classCode | REVISION, true);
  values.setUint16(PciHeader.STATUS, HAS_CAPABILITIES, true);
  values.setUint32(PciHeader.SUBSYSTEM, id, true);
  values.setUint8(PciHeader.CAPABILITIES, FIRST_CAPABILITY);
  values.setUint8(PciHeader.INTERRUPT_LINE, line);
  values.setUint8(PciHeader.INTERRUPT_PIN, 1);
  if (base !== undefined) {
    values.setUint32(PciHeader.BAR0, base, true);
    values.setUint16(PciHeader.COMMAND, PciCommand.MEMORY | PciCommand.MASTER, true);
  }
  writable.setUint16(PciHeader.COMMAND, PciCommand.MEMORY | PciCommand.MASTER | PciCommand.NO_INTX, true);
  writable.setInt32(PciHeader.BAR0, -BAR_BYTES, true);
  writable.setUint8(PciHeader.INTERRUPT_LINE, 0xff);
  let at = FIRST_CAPABILITY;
  for (const { type, offset, length, size } of CAPABILITY_TYPES) {
    bytes.set([VENDOR_SPECIFIC, at + size, size, type], at);
    values.setUint32(at + 8, offset, true);
    values.setUint32(at + 12, length, true);
    at += size;
  }
  writable.setUint32(Window.OFFSET, -1, true);
  writable.setUint32(Window.LENGTH, -1, true);
  bytes.set([MsixCapability.ID, 0], MSIX);
  values.setUint16(MSIX_CONTROL, vectors - 1, true);
  values.setUint32(MSIX + MsixCapability.TABLE, Part.MSIX_TABLE, true);
  values.setUint32(MSIX + MsixCapability.PENDING, Part.MSIX_PENDING, true);
  writable.setUint16(MSIX_CONTROL, MsixControl.ENABLE | MsixControl.MASK_ALL, true);
  return registers;
}
