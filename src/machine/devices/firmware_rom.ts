/** The chip that holds the firmware: a read-only memory that ends where the first 4 GB end. */
import type { AccessSize, Bus, MmioDevice } from "../bus.ts";

const PAGE = 0x1000, END = 0x1_0000_0000;

/** Puts the chip on the bus. Writes to it change nothing. */
export function addFirmwareRom(bus: Bus, image: Uint8Array): void {
  for (let at = 0; at < image.length; at += PAGE) {
    bus.addPage(new RomPage(END - image.length + at, image.subarray(at, at + PAGE)));
  }
}

class RomPage implements MmioDevice {
  readonly #view: DataView;

  constructor(readonly page: number, bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  read(offset: number, size: AccessSize): number {
    if (size === 1) return this.#view.getUint8(offset);
    return size === 2 ? this.#view.getUint16(offset, true) : this.#view.getInt32(offset, true);
  }

  write(): void {}
}
