/**
 * The mark port: a guest tells the host, by one OUT of 32 bits, where it is in a measurement.
 *
 * It is no chip of any computer. A machine has it if it is asked for; it reads as 0 there, and as ones elsewhere.
 */
import type { AccessSize, PortDevice } from "../bus.ts";

/** Number of the port. */
export const MARK_PORT = 0x4d00;

/** The device. Accesses of other sizes do nothing. */
export class MarkPort implements PortDevice {
  readonly ports = [MARK_PORT, 1] as const;
  readonly wide = true;

  /**
   * @param mark takes the value written, without sign
   */
  constructor(readonly mark: (value: number) => void) {}

  in(): number {
    return 0;
  }

  out(_offset: number, value: number, size: AccessSize): void {
    if (size === 4) this.mark(value >>> 0);
  }
}
