/** The port to which firmware writes what it does, as QEMU's `isa-debugcon` and Bochs have it. */
import type { PortDevice } from "../bus.ts";

/** What the port reads as: software that finds it there writes. */
const PRESENT = 0xe9;

/** The port at 402H, where SeaBIOS looks for it. */
export class DebugPort implements PortDevice {
  readonly ports = [0x402, 1] as const;

  /**
   * @param put takes each byte written
   */
  constructor(readonly put: (byte: number) => void) {}

  in(): number {
    return PRESENT;
  }

  out(_offset: number, value: number): void {
    this.put(value);
  }
}
