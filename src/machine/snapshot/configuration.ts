/** What a machine is made of, as its snapshots tell: another one is made from it, and takes over the states. */
import { CPU_MODEL_NAMES, type CpuModelName } from "../../cpu/cpuid_models.ts";
import { MAX_RAM } from "../../memory/physical.ts";
import {
  bool,
  bytes,
  fields,
  i32,
  list,
  maybe,
  oneOf,
  type Shape,
  such,
  text,
  u32,
  whole,
} from "../../snapshot/shape.ts";
import { type AtIdePlaces, atIdePlaces, IDE_DRIVES, type IdeDriveSize } from "../ide/drives.ts";
import { requireOneOf } from "../api/choice.ts";
import { CYCLE_PROFILE_NAMES, type CycleProfileName } from "../cycle_model.ts";
import { isFirmware } from "../loaders/firmware.ts";
import type { MachineDisk } from "../expansion.ts";
import type { MachineOptions } from "../machine.ts";
import { whyNoDisk } from "../disk.ts";
import { isHostName, namesAsOptions, type NetworkName, networkNames } from "../net/attach.ts";
import { MAX_PROCESSORS } from "../processors.ts";
import {
  MAX_WORLD_CACHE_ENTRIES,
  MIN_WORLD_CACHE_ENTRIES,
  whyTooLarge,
  worldCacheSizes,
} from "../world_calls.ts";

const entries: Shape<number> = whole(MIN_WORLD_CACHE_ENTRIES, MAX_WORLD_CACHE_ENTRIES);
const ALLOCATION = 0x1_0000;
const MOST_CYCLES = 0x7fff_ffff;

/** The configuration, with its defaults. */
export type MachineConfiguration = {
  readonly memory: number;
  readonly processors: number;
  readonly commandLine: string;
  readonly seed: number;
  readonly vmx: boolean;
  readonly cpu: CpuModelName;
  readonly crossover:
    | { readonly worldCacheEntries: number; readonly inverseWorldCacheEntries: number }
    | undefined;
  readonly cycles: { readonly profile: CycleProfileName; readonly worldCall: number | undefined } | undefined;
  readonly marks: boolean;
  readonly testDevice: boolean;
  readonly firmware: Uint8Array | undefined;
  /** What firmware finds in fw_cfg besides what the machine tells it. */
  readonly firmwareFiles: readonly { readonly name: string; readonly content: Uint8Array }[];
  /** Bytes of each disk. */
  readonly disks: readonly number[];
  /** Drives at the IDE controller; undefined: there is none. */
  readonly ide: AtIdePlaces<IdeDriveSize> | undefined;
  readonly rng: boolean;
  /** What the network's name server knows; undefined: there is no network. */
  readonly network: readonly NetworkName[] | undefined;
  readonly virtioConsole: boolean;
};

const FIELDS: Shape<MachineConfiguration> = fields({
  memory: such(whole(ALLOCATION, MAX_RAM), (size) => size % ALLOCATION === 0, "a size of RAM"),
  processors: whole(1, MAX_PROCESSORS),
  commandLine: text,
  seed: i32,
  vmx: bool,
  cpu: oneOf(...CPU_MODEL_NAMES),
  crossover: maybe(fields({ worldCacheEntries: entries, inverseWorldCacheEntries: entries })),
  cycles: maybe(
    fields({ profile: oneOf(...CYCLE_PROFILE_NAMES), worldCall: maybe(whole(1, MOST_CYCLES)) }),
  ),
  marks: bool,
  testDevice: bool,
  firmware: maybe(such(bytes(), isFirmware, "a firmware image")),
  firmwareFiles: list(fields({ name: text, content: bytes() })),
  disks: list(
    such(whole(1, Number.MAX_SAFE_INTEGER), (size) => whyNoDisk(size) === undefined, "the size of a disk"),
  ),
  ide: IDE_DRIVES,
  rng: bool,
  network: maybe(list(fields({ name: such(text, isHostName, "a name of a host"), address: u32 }))),
  virtioConsole: bool,
});

/** What it looks like. */
export const CONFIGURATION: Shape<MachineConfiguration> = such(
  FIELDS,
  ({ vmx, crossover, processors }) =>
    crossover === undefined || (vmx && whyTooLarge(crossover, processors) === undefined),
  "the configuration of a machine",
);

/** RAM and seed where nobody asks for others. */
const DEFAULT_MEMORY = 1 << 28, DEFAULT_SEED = 1;

/**
 * The configuration that options ask for.
 *
 * @throws {TypeError | RangeError} if there is no such machine
 */
export function configurationOf(options: MachineOptions): MachineConfiguration {
  const { cycles = "off", network = false, cpu = "causeway" } = options;
  requireOneOf("processor model", CPU_MODEL_NAMES, cpu);
  return {
    memory: options.memory ?? DEFAULT_MEMORY,
    processors: options.processors ?? 1,
    commandLine: options.commandLine ?? "",
    seed: (options.seed ?? DEFAULT_SEED) | 0,
    vmx: options.vmx ?? false,
    cpu,
    crossover: worldCacheSizes(options),
    cycles: cycles === "off"
      ? undefined
      : typeof cycles === "string"
      ? { profile: cycles, worldCall: undefined }
      : { profile: cycles.profile, worldCall: cycles.worldCall },
    marks: options.marks ?? false,
    testDevice: options.testDevice ?? false,
    firmware: options.firmware,
    firmwareFiles: Object.entries(options.firmwareFiles ?? {}).map(([name, content]) => ({ name, content })),
    disks: (options.disks ?? []).map(bytesOf),
    ide: atIdePlaces(options.ide ?? {}, (drive) => ({ bytes: bytesOf(drive), cdrom: drive.cdrom ?? false })),
    rng: options.rng ?? false,
    network: network === false ? undefined : networkNames(network === true ? {} : network),
    virtioConsole: options.virtioConsole ?? false,
  };
}

function bytesOf({ image }: MachineDisk): number {
  return typeof image === "number" ? image : image instanceof Uint8Array ? image.length : image.size;
}

/** Options that ask for a configuration. */
export function optionsOf(
  { cycles, crossover, firmware, firmwareFiles, disks, ide, network, ...rest }: MachineConfiguration,
): Omit<MachineOptions, "kernel"> {
  return {
    ...rest,
    ...(firmware === undefined ? {} : { firmware }),
    firmwareFiles: Object.fromEntries(firmwareFiles.map(({ name, content }) => [name, content])),
    crossover: crossover ?? false,
    disks: disks.map((image) => ({ image })),
    ide: atIdePlaces(ide ?? {}, ({ bytes, cdrom }) => ({ image: bytes, cdrom })) ?? {},
    network: network === undefined ? false : namesAsOptions(network),
    cycles: cycles === undefined
      ? "off"
      : cycles.worldCall === undefined
      ? cycles.profile
      : { profile: cycles.profile, worldCall: cycles.worldCall },
  };
}
