/** What a machine boots: a kernel that a loader of ours puts into RAM, or firmware, which finds it by itself. */
import type { Bus } from "./bus.ts";
import { DEBUG_PORT, DebugPort, FIRMWARE_DEBUG_PORT } from "./devices/debug_port.ts";
import { addFirmwareRom } from "./devices/firmware_rom.ts";
import { leaveBiosChips, leaveBiosRemains } from "./loaders/bios_remains.ts";
import type { BootModule } from "./loaders/boot_request.ts";
import { CannotBootError } from "./loaders/boot_error.ts";
import { enterFirmware, loadFirmware } from "./loaders/firmware.ts";
import { enterKernel, loadKernel } from "./loaders/load.ts";
import { enterProtectedMode } from "./loaders/protected_mode.ts";
import { enterResetState, goOnInRealMode } from "./processor_start.ts";
import { HIGH } from "./loaders/memory_map.ts";
import { writeMpTable } from "./loaders/mp_table.ts";
import { pciRoot } from "./acpi/pci_root.ts";
import { acpiFiles } from "./acpi/table_loader.ts";
import { wakingVector, writeAcpiTables } from "./acpi/tables.ts";

/** What is booted: a kernel, firmware, or nothing yet. */
export interface BootSource {
  readonly kernel?: Uint8Array | undefined;
  readonly firmware?: Uint8Array | undefined;
  readonly modules: readonly BootModule[];
  readonly commandLine: string;
  /** Where a kernel without a format goes. */
  readonly loadAddress: number | undefined;
  readonly processors: number;
  readonly hasIde: boolean;
  /** Takes what is written to the debug ports. */
  debug(byte: number): void;
}

/** What firmware finds in fw_cfg: files of ours, and those that are given. */
export function firmwareFiles(
  { firmware, processors, hasIde }: Pick<BootSource, "firmware" | "processors" | "hasIde">,
  given: Readonly<Record<string, Uint8Array>>,
): Readonly<Record<string, Uint8Array>> {
  return firmware === undefined ? given : { ...acpiFiles(processors, [pciRoot(hasIde)]), ...given };
}

/** Puts what is always there onto the bus. */
export function addBootChips(bus: Bus, { firmware, debug }: Pick<BootSource, "firmware" | "debug">): void {
  bus.addPorts(new DebugPort(DEBUG_PORT, debug));
  if (firmware === undefined) return;
  addFirmwareRom(bus, firmware);
  bus.addPorts(new DebugPort(FIRMWARE_DEBUG_PORT, debug));
}

/** Puts it into RAM. Returns what puts the chips and the processor where it starts. Throws `CannotBootError`. */
export function prepareBoot(ram: Uint8Array, source: BootSource): (state: DataView, bus: Bus) => void {
  const { kernel, firmware, modules, commandLine, loadAddress, processors, hasIde } = source;
  if (firmware === undefined) {
    if (kernel === undefined) return () => {};
    if (ram.length < HIGH) throw new CannotBootError("a kernel needs 1 MB of RAM");
    leaveBiosRemains(ram);
    writeAcpiTables(ram, processors, [pciRoot(hasIde)]);
    writeMpTable(ram, processors);
    const entry = loadKernel(ram, { kernel, modules, commandLine, loadAddress });
    return (state, bus) => {
      leaveBiosChips((port, value) => bus.out(port, 1, value));
      enterKernel(state, entry);
    };
  }
  loadFirmware(ram, firmware);
  return enterFirmware;
}

/** Where firmware looks why the machine starts, in the memory of the real-time clock; and that it wakes from S3, as QEMU says it. */
const SHUTDOWN_STATUS = 0x0f, WAKES_UP = 0xfe;

/**
 * Puts the chips and the processor, which have just been switched on again, where the machine goes on that has slept in S3: in
 * its firmware, or, as firmware does, at the operating system's waking vector. Returns whether there is one.
 */
export function wakeUp(
  { ram, state, bus }: { readonly ram: Uint8Array; readonly state: DataView; readonly bus: Bus },
  hasFirmware: boolean,
): boolean {
  const out = (port: number, value: number): void => bus.out(port, 1, value);
  if (hasFirmware) {
    out(0x70, SHUTDOWN_STATUS);
    out(0x71, WAKES_UP);
    enterFirmware(state);
    return true;
  }
  leaveBiosChips(out);
  const { address, isProtected } = wakingVector(ram);
  if (isProtected) enterProtectedMode(state, { mode: "protected", eip: address, eax: 0, ebx: 0 });
  else {
    enterResetState(state);
    goOnInRealMode(state, address >> 4, address & 0xf);
  }
  return address !== 0;
}
