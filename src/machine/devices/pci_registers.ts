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
  BAR0: 0x10,
  BAR4: 0x20,
  SUBSYSTEM: 0x2c,
  CAPABILITIES: 0x34,
  INTERRUPT_LINE: 0x3c,
  INTERRUPT_PIN: 0x3d,
} as const;
/** Bits of Command. */
export const PciCommand = { IO: 1, MEMORY: 2, MASTER: 4, NO_INTX: 0x400 } as const;

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

  /** Whether a bit of Command is set. */
  has(command: number): boolean {
    return (this.values.getUint16(PciHeader.COMMAND, true) & command) !== 0;
  }

  /** Sets what software could have written. */
  load(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    for (let at = 0; at < CONFIGURATION_BYTES; at += 4) this.write(at, view.getInt32(at, true), -1);
  }
}
