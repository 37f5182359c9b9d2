/** Ports to which software writes what it does, as QEMU's `isa-debugcon` and Bochs have them. */
import type { PortDevice } from "../bus.ts";

/** What the port reads as: software that finds it there writes. */
const PRESENT = 0xe9;

/** Where SeaBIOS looks for one, and where kernels and everybody else do. */
export const FIRMWARE_DEBUG_PORT = 0x402, DEBUG_PORT = 0xe9;

/** A debug port. */
export class DebugPort implements PortDevice {
  readonly ports: readonly [number, 1];

  /**
   * @param put takes each byte written
   */
  constructor(port: number, readonly put: (byte: number) => void) {
    this.ports = [port, 1];
  }

  in(): number {
    return PRESENT;
  }

  out(_offset: number, value: number): void {
    this.put(value);
  }
}
