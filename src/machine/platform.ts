/** The chips on a PC's board that need nothing but lines, time and one another: all but those that deliver interrupts. */
import type { StatefulParts } from "../snapshot/stateful.ts";
import type { Bus } from "./bus.ts";
import { HostBridge82441FX } from "./devices/82441fx_host_bridge.ts";
import { Pit8254 } from "./devices/8254_pit.ts";
import { KeyboardController8042 } from "./devices/8042_keyboard.ts";
import { Uart16550 } from "./devices/16550_uart.ts";
import { AcpiPower, SCI_LINE } from "./devices/acpi_power.ts";
import { setupMemory } from "./devices/cmos_setup.ts";
import { FwCfg } from "./devices/fw_cfg.ts";
import { IsaDebugExit } from "./devices/isa_debug_exit.ts";
import { type IsaLines, TIMER_LINE } from "./devices/isa_lines.ts";
import { RTC_LINE, RtcMC146818 } from "./devices/mc146818_rtc.ts";
import { PciConfiguration } from "./devices/pci_configuration.ts";
import { Vga } from "./devices/vga.ts";
import { SystemControl } from "./devices/system_control.ts";
import type { AtIdePlaces, IdeDriveSize } from "./ide/drives.ts";
import type { MachineEnd } from "./machine_stop.ts";
import type { Schedule } from "./schedule.ts";

const KEYBOARD_LINE = 1;
/** The serial ports. */
const COM1 = 0x3f8, COM1_LINE = 4, COM2 = 0x2f8, COM2_LINE = 3;
/** What the real-time clock shows when the machine starts: 2026-01-01, in milliseconds since 1970. */
const CLOCK_START = Date.UTC(2026, 0, 1);

/** What the board is put into. */
export interface PlatformWires {
  readonly bus: Bus;
  readonly lines: IsaLines;
  readonly schedule: Schedule;
  readonly parts: StatefulParts;
  /** RAM in bytes. */
  readonly memory: number;
  readonly processors: number;
  readonly commandLine: string;
  readonly ide: AtIdePlaces<IdeDriveSize> | undefined;
  /** What fw_cfg has besides that. */
  readonly files: Readonly<Record<string, Uint8Array>>;
  /** Virtual time. */
  now(): number;
  /** Takes what is sent over the serial ports. */
  transmit(byte: number): void;
  transmitSecond(byte: number): void;
  end(end: MachineEnd): void;
  /** The machine goes to sleep behind the instruction that it is at. */
  sleep(): void;
}

/** What the rest of the machine is connected to. */
export interface Platform {
  /** The serial ports. */
  readonly uart: Uart16550;
  readonly secondUart: Uart16550;
  readonly display: Vga;
  readonly keyboard: KeyboardController8042;
  /** Takes PCI devices. */
  readonly pci: PciConfiguration;
  readonly power: AcpiPower;
  readonly clock: RtcMC146818;
}

/** Puts the chips on the bus. */
export function addPlatform(wires: PlatformWires): Platform {
  const { bus, lines, schedule, parts, memory, processors, ide, now, end } = wires;
  const reset = (): void => end({ kind: "reset" }), changed = (): void => schedule.refresh();
  const display = new Vga();
  bus.addPorts(display);
  parts.add("VGA", display);
  const fwCfg = new FwCfg({ ...wires, ram: memory });
  bus.addPorts(fwCfg);
  parts.add("fw_cfg", fwCfg);
  bus.addPorts(new IsaDebugExit((code) => end({ kind: "exit", code })));
  const power = new AcpiPower({
    now,
    powerOff: () => end({ kind: "power off" }),
    reset,
    sleep: () => wires.sleep(),
    interrupt: (level) => lines.set(SCI_LINE, level),
  });
  bus.addPorts(power);
  parts.add("ACPI power management", power, "kept");
  const pit = new Pit8254({ now, changed, interrupt: (level) => lines.set(TIMER_LINE, level) });
  bus.addPorts(pit);
  schedule.add(pit, () => lines.isOpen(TIMER_LINE));
  parts.add("8254", pit);
  const clock = new RtcMC146818(now, CLOCK_START, setupMemory(memory, processors, ide));
  bus.addPorts(clock);
  clock.connect({
    changed,
    interrupt: (level) => {
      lines.set(RTC_LINE, level);
      if (level) power.clockInterrupt();
    },
  });
  schedule.add(clock, () => lines.isOpen(RTC_LINE) || power.listens && lines.isOpen(SCI_LINE));
  parts.add("MC146818", clock, "kept");
  const control = new SystemControl({ now, pit, reset });
  for (const port of control.ports) bus.addPorts(port);
  parts.add("system control ports", control);
  const keyboard = new KeyboardController8042({
    interrupt: (level) => lines.set(KEYBOARD_LINE, level),
    reset,
    changed,
    now,
  });
  for (const port of keyboard.ports) bus.addPorts(port);
  schedule.add(keyboard, () => lines.isOpen(KEYBOARD_LINE));
  parts.add("8042", keyboard);
  const serial = (port: number, line: number, transmit: (byte: number) => void): Uart16550 => {
    const uart = new Uart16550(port, { transmit, interrupt: (level) => lines.set(line, level) });
    bus.addPorts(uart);
    parts.add(`16550 at ${port.toString(16).toUpperCase()}H`, uart);
    return uart;
  };
  const uart = serial(COM1, COM1_LINE, wires.transmit);
  const secondUart = serial(COM2, COM2_LINE, wires.transmitSecond);
  const pci = new PciConfiguration(), bridge = new HostBridge82441FX();
  for (const chip of pci.chips) bus.addPorts(chip);
  pci.add(0, 0, bridge);
  parts.add("PCI configuration", pci);
  parts.add("82441FX", bridge);
  return { uart, secondUart, display, keyboard, pci, power, clock };
}
