/** The interrupt lines of the ISA bus: each comes to the 8259 pair and to the I/O APIC. */
import type { IoApic82093AA } from "./82093aa_io_apic.ts";
import type { Pic8259 } from "./8259_pic.ts";

/** Lines of a PC/AT; behind them are the I/O APIC's further inputs. */
export const ISA_LINES = 16;
/** The 8254's line 0 comes to input 2 of the I/O APIC; the MADT tells. All others come to the input of their number. */
export const TIMER_LINE = 0;
const TIMER_INPUT = 2;

/** The lines. */
export class IsaLines {
  constructor(readonly pic: Pic8259, readonly ioApic: IoApic82093AA) {}

  /** A line goes up or down. */
  set(line: number, level: boolean): void {
    if (line < ISA_LINES) this.pic.setLine(line, level);
    this.ioApic.setLine(ioApicInput(line), level);
  }

  /** Whether one of the controllers lets a line through. */
  isOpen(line: number): boolean {
    return this.pic.isOpen(line) || this.ioApic.isOpen(ioApicInput(line));
  }
}

/** The input of the I/O APIC that a line comes to. */
export function ioApicInput(line: number): number {
  return line === TIMER_LINE ? TIMER_INPUT : line;
}
