/** Configuration space of a PCI function: its bytes, and which of their bits software can write. PCI Local Bus 3.0, section 6.1. */

/** Bytes of it. */
export const CONFIGURATION_BYTES = 0x100;

/** Offsets of its header. */
export const PciHeader = {
  VENDOR: 0x00,
  COMMAND: 0x04,
  STATUS: 0x06,
  REVISION: 0x08,
  LATENCY: 0x0d,
  BAR4: 0x20,
} as const;
/** Bits of Command. */
export const PciCommand = { IO: 1, MASTER: 4 } as const;

/** The registers. */
export class PciRegisters {
  readonly bytes: Uint8Array = new Uint8Array(CONFIGURATION_BYTES);
  readonly values: DataView<ArrayBuffer> = new DataView(this.bytes.buffer as ArrayBuffer);
  /** Ones where software can write. */
  readonly writable: DataView<ArrayBuffer> = new DataView(new ArrayBuffer(CONFIGURATION_BYTES));

  /** Reads the register at an offset in bytes, a multiple of 4. */
  read(register: number): number {
    return this.values.getInt32(register, true);
  }

  /** Writes the bits of the register that `mask` selects, and that can be written. */
  write(register: number, value: number, mask: number): void {
    const bits = this.writable.getInt32(register, true) & mask;
    this.values.setInt32(register, (this.read(register) & ~bits) | (value & bits), true);
  }

  /** Sets what software could have written. */
  load(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    for (let at = 0; at < CONFIGURATION_BYTES; at += 4) this.write(at, view.getInt32(at, true), -1);
  }
}
