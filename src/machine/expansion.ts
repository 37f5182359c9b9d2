/** What a machine has in its PCI slots, as its options ask for it. */
import type { StatefulParts } from "../snapshot/stateful.ts";
import { Disk, type DiskImage, diskOfBytes } from "./disk.ts";
import { addIde } from "./ide/attach.ts";
import { type AtIdePlaces, atIdePlaces, sectorOf } from "./ide/drives.ts";
import type { InputSignal } from "./input.ts";
import { attachNetwork } from "./net/attach.ts";
import type { HostConnector } from "./net/host_connector.ts";
import type { UserNetwork } from "./net/user_network.ts";
import { addVirtioDevices, IDE_DEVICE, type SlotWires } from "./pci_slots.ts";
import type { Schedule } from "./schedule.ts";
import type { MachineConfiguration } from "./snapshot/configuration.ts";
import { VirtioConsole } from "./virtio/console.ts";

/** A disk. */
export interface MachineDisk {
  /** A number: an empty disk of so many bytes. */
  readonly image: Uint8Array | DiskImage | number;
  /** What the guest writes is kept in memory, and the image stays as it is. Default: no. */
  readonly snapshot?: boolean;
}

/** A drive at the IDE controller. */
export interface IdeDrive extends MachineDisk {
  /** It is a CD-ROM, which the guest only reads, in sectors of 2048 bytes. Default: no, a hard disk. */
  readonly cdrom?: boolean;
}

/** What is put into the slots, besides what the machine's configuration tells. */
export interface ExpansionOptions {
  readonly disks?: readonly MachineDisk[];
  readonly ide?: AtIdePlaces<IdeDrive>;
  readonly hostConnector?: HostConnector;
}

/** What the slots are wired to. */
export interface ExpansionWires extends SlotWires {
  readonly parts: StatefulParts;
  readonly schedule: Schedule;
  readonly input: InputSignal;
  /** Virtual time, in nanoseconds. */
  now(): number;
  /** A connection to the host was made. */
  connected(): void;
  /** The guest has written a byte to the virtio console. */
  print(byte: number): void;
}

/** What can be reached from outside. */
export interface Expansion {
  readonly console: VirtioConsole | undefined;
  readonly network: UserNetwork | undefined;
}

/** Fills the slots: disks first, then what else there is; and adds an IDE controller, where it has drives. */
export function addExpansion(
  { rng, seed, network: names, virtioConsole }: MachineConfiguration,
  { disks = [], ide = {}, hostConnector: host }: ExpansionOptions,
  wires: ExpansionWires,
): Expansion {
  const { dma, print } = wires;
  const console = virtioConsole ? new VirtioConsole(dma, print) : undefined;
  const attached = names && attachNetwork(names, { ...wires, host });
  addVirtioDevices({
    disks: disks.map((disk) => contentOf(disk)),
    entropySeed: rng ? seed : undefined,
    card: attached?.card,
    console,
  }, wires);
  const drives = atIdePlaces(ide, (drive) => ({ disk: contentOf(drive), cdrom: drive.cdrom ?? false }));
  addIde(drives ?? {}, IDE_DEVICE, wires);
  return { console, network: attached?.network };
}

function contentOf({ image, snapshot = false, cdrom = false }: IdeDrive): Disk {
  const from = image instanceof Uint8Array ? diskOfBytes(image) : image;
  return new Disk(from, snapshot || cdrom, sectorOf(cdrom));
}
