/** QEMU's `isa-debug-exit`: a write ends the machine. */
import type { PortDevice } from "../bus.ts";

/** The device at its usual port, F4H. */
export class IsaDebugExit implements PortDevice {
  readonly ports = [0xf4, 4] as const;
  readonly wide = true;

  /**
   * @param exit takes the exit code: twice the value written, plus 1
   */
  constructor(readonly exit: (code: number) => void) {}

  in(): number {
    return 0;
  }

  out(_offset: number, value: number): void {
    this.exit(((value << 1) | 1) & 0xff);
  }
}
