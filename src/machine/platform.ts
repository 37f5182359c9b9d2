/** The chips on a PC's board that need nothing but lines, time and one another. */
import type { StatefulParts } from "../snapshot/stateful.ts";
import type { Bus } from "./bus.ts";
import { HostBridge82441FX } from "./devices/82441fx_host_bridge.ts";
import { Pit8254 } from "./devices/8254_pit.ts";
import { KeyboardController8042 } from "./devices/8042_keyboard.ts";
import { Uart16550 } from "./devices/16550_uart.ts";
import { type IsaLines, TIMER_LINE } from "./devices/isa_lines.ts";
import { RTC_LINE, type RtcMC146818 } from "./devices/mc146818_rtc.ts";
import { PciConfiguration } from "./devices/pci_configuration.ts";
import { SystemControl } from "./devices/system_control.ts";
import type { Schedule } from "./schedule.ts";

const KEYBOARD_LINE = 1;
/** The second serial port, at whose end nobody is. */
const COM2 = 0x2f8, COM2_LINE = 3;

/** What the board is put into. */
export interface PlatformWires {
  readonly bus: Bus;
  readonly lines: IsaLines;
  readonly clock: RtcMC146818;
  readonly schedule: Schedule;
  readonly parts: StatefulParts;
  /** Virtual time. */
  now(): number;
  reset(): void;
}

/** Puts the chips on the bus. Returns what takes PCI devices. */
export function addPlatform(
  { bus, lines, clock, schedule, parts, now, reset }: PlatformWires,
): PciConfiguration {
  const changed = (): void => schedule.refresh();
  const pit = new Pit8254({ now, changed, interrupt: (level) => lines.set(TIMER_LINE, level) });
  bus.addPorts(pit);
  schedule.add(pit, () => lines.isOpen(TIMER_LINE));
  parts.add("8254", pit);
  clock.connect({ changed, interrupt: (level) => lines.set(RTC_LINE, level) });
  schedule.add(clock, () => lines.isOpen(RTC_LINE));
  const control = new SystemControl({ now, pit, reset });
  for (const port of control.ports) bus.addPorts(port);
  parts.add("system control ports", control);
  const keyboard = new KeyboardController8042({
    interrupt: (level) => lines.set(KEYBOARD_LINE, level),
    reset,
  });
  for (const port of keyboard.ports) bus.addPorts(port);
  parts.add("8042", keyboard);
  const uart = new Uart16550(COM2, {
    transmit: () => {},
    interrupt: (level) => lines.set(COM2_LINE, level),
  });
  bus.addPorts(uart);
  parts.add("16550 at 2F8H", uart);
  const pci = new PciConfiguration(), bridge = new HostBridge82441FX();
  for (const chip of pci.chips) bus.addPorts(chip);
  pci.add(0, 0, bridge);
  parts.add("PCI configuration", pci);
  parts.add("82441FX", bridge);
  return pci;
}
