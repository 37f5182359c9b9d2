/** Puts an IDE controller with its drives into a machine. */
import type { StatefulParts } from "../../snapshot/stateful.ts";
import type { Bus } from "../bus.ts";
import type { PciConfiguration } from "../devices/pci_configuration.ts";
import type { Disk } from "../disk.ts";
import { Ide82371SB, type IdeWires } from "./82371sb_ide.ts";
import { AtaDisk } from "./ata_disk.ts";
import { CdRom } from "./cd_rom.ts";
import type { Drive } from "./drive.ts";
import { type AtIdePlaces, atIdePlaces, IDE_PLACES } from "./drives.ts";

/** Where firmware would put the bus masters' ports. */
const BUS_MASTER_BASE = 0xc000;

/** What is in a drive. */
export interface DriveContent {
  readonly disk: Disk;
  readonly cdrom: boolean;
}

/** What the controller is put into. */
export interface IdeBoard extends IdeWires {
  readonly bus: Bus;
  readonly pci: PciConfiguration;
  readonly parts: StatefulParts;
  /** Whether firmware assigns addresses; otherwise they are assigned here. */
  readonly hasFirmware: boolean;
}

/** Adds the controller as a device of the PCI bus, if there are drives. */
export function addIde(content: AtIdePlaces<DriveContent>, device: number, board: IdeBoard): void {
  const { bus, pci, parts, hasFirmware } = board;
  const drives = atIdePlaces(content, ({ disk, cdrom }, place): Drive => {
    const serial = `CW${IDE_PLACES.indexOf(place).toString().padStart(6, "0")}`;
    const drive = cdrom ? new CdRom(disk, serial) : new AtaDisk(disk, serial);
    parts.add(`IDE ${place} content`, disk, "kept");
    parts.add(`IDE ${place}`, drive);
    return drive;
  });
  if (drives === undefined) return;
  const { primaryMaster, primarySlave, secondaryMaster, secondarySlave } = drives;
  const channels = [[primaryMaster, primarySlave], [secondaryMaster, secondarySlave]] as const;
  const chip = new Ide82371SB(channels, board, hasFirmware ? undefined : BUS_MASTER_BASE);
  pci.add(device, 0, chip);
  chip.attach(bus, parts);
}
