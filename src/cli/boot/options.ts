/** The options of `causeway boot`, and which of them go together. */
import { CPU_MODEL_NAMES, MAX_PROCESSORS, mayHaveVmx } from "../../machine/processors.ts";
import { IDE_PLACES } from "../../machine/ide/drives.ts";
import { SLOTS } from "../../machine/pci_slots.ts";
import { MAX_WORLD_CACHE_ENTRIES, MIN_WORLD_CACHE_ENTRIES } from "../../machine/world_calls.ts";
import { usageError } from "../exit_codes.ts";
import { GDB, GDB_ARCH } from "../gdb.ts";
import { choice, flag, value, type Values, values } from "../options.ts";
import {
  CYCLES,
  DUMP,
  DUMP_FILE,
  ENGINE,
  HELP,
  MAX_INSTRUCTIONS,
  memoryOption,
  SEED,
  STATS,
  STATS_AS_JSON,
  WORLD_CALL_CYCLES,
} from "../shared_options.ts";
import { parseAddress, parseCount, parsePath } from "../values.ts";
import { NET, NET_NAME, NET_PORT } from "./network.ts";
import { LOAD, SAVE, SAVE_AT, SAVE_EXIT, SAVE_WHEN } from "./snapshots.ts";

/** The options. */
export const BOOT_OPTIONS = {
  kernel: value(
    "FILE",
    "The kernel: Linux (bzImage, of 64 or 32 bits), an image for multiboot 1 or 2, or an ELF file with a PVH " +
      "entry point.",
    parsePath,
  ),
  "load-address": value(
    "ADDR",
    "The kernel is a flat binary: goes to this address and is entered there, in 32-bit protected mode.",
    parsePhysical,
  ),
  firmware: value(
    "FILE",
    "A BIOS instead of a kernel: SeaBIOS. It finds what to boot by itself.",
    parsePath,
  ),
  "vga-bios": value("FILE", "The display's BIOS, which --firmware runs: SeaVGABIOS.", parsePath),
  "debug-port": flag(
    "Writes what the guest says on the debug port, E9H, and firmware on its own, 402H, to stderr.",
  ),
  screen: flag("Shows the text screen when the machine stops."),
  keyboard: flag(
    "Types stdin at the keyboard instead of the first serial port, as on a US keyboard. On a terminal the text screen is " +
      "shown as it changes, with its colors; what goes to the serial port is printed at the end. Ctrl-C ends it. Includes " +
      "--screen.",
  ),
  initrd: values(
    "FILE",
    "A file for the kernel: Linux's initrd, or a module of multiboot or PVH; may be given several times. " +
      "What follows a space belongs to the module's command line, unless a file is called so.",
    parsePath,
  ),
  append: value(
    "STRING",
    "The kernel's command line. Other kernels than Linux find their file's name before it.",
    (line) => line,
  ),
  disk: values(
    "FILE",
    "A disk: a raw image, which the guest reads and writes; may be given several times, up to 8.",
    parsePath,
  ),
  ide: values(
    "FILE",
    "An IDE disk, a raw image like those of --disk; may be given several times, up to 4: primary master and slave, " +
      "secondary master and slave.",
    parsePath,
  ),
  cdrom: value(
    "FILE",
    "An IDE CD-ROM: an image in sectors of 2048 bytes (.iso), at the first free place of the secondary channel.",
    parsePath,
  ),
  snapshot: flag("Keeps what the guest writes to its disks in memory, and drops it at the end."),
  rng: flag("Gives the machine a virtio source of random numbers; they follow from --seed."),
  "test-device": flag("Gives the machine QEMU's pc-testdev, which kvm-unit-tests use."),
  net: NET,
  "net-port": NET_PORT,
  "net-name": NET_NAME,
  console: choice(
    ["serial", "virtio"],
    "What stdin goes to. serial (default): the first serial port. virtio: a virtio console, which is hvc0 in Linux; what " +
      "is printed there and on the serial port goes to stdout.",
  ),
  "second-serial": value(
    "FILE",
    "Where what the guest writes to its second serial port goes. Without it that is dropped.",
    parsePath,
  ),
  memory: memoryOption("256M"),
  cpus: value("N", "Processors, up to 255. They take turns, so they add no speed.", parseProcessors),
  vmx: flag("Gives the processors VMX."),
  cpu: choice(
    CPU_MODEL_NAMES,
    "Which features CPUID reports and CR4 lets enable. causeway (default): all that are implemented, x86-64-v2 and more; " +
      "x86-64-v2, x86-64: those of these levels, and what operating systems use besides; causeway-la57: all, and " +
      "5-level paging instead of VMX.",
  ),
  crossover: flag("Gives the processors world calls, functions 1 and 2 of VMFUNC; needs --vmx."),
  "wt-entries": value("N", "Entries of the world cache, WID to world. Default: 64.", parseWorlds),
  "iwt-entries": value("N", "Entries of the inverse world cache, context to WID. Default: 64.", parseWorlds),
  engine: ENGINE,
  gdb: GDB,
  "gdb-arch": GDB_ARCH,
  load: LOAD,
  symbols: value(
    "FILE",
    "An ELF file whose symbols name addresses when the machine dies. Default: the kernel.",
    parsePath,
  ),
  save: SAVE,
  "save-at": SAVE_AT,
  "save-when": SAVE_WHEN,
  "save-exit": SAVE_EXIT,
  "max-instructions": MAX_INSTRUCTIONS,
  realtime: flag(
    "Waits, in HLT, as long as the guest does. The default where stdin is a terminal; otherwise time that nobody needs is " +
      "skipped.",
  ),
  seed: SEED,
  cycles: CYCLES,
  "world-call-cycles": WORLD_CALL_CYCLES,
  stats: STATS,
  json: STATS_AS_JSON,
  dump: DUMP,
  "dump-file": DUMP_FILE,
  help: HELP,
};

/** What the command line says. */
export type BootValues = Values<typeof BOOT_OPTIONS>;

type Name = keyof typeof BOOT_OPTIONS;

/** Options that say what a machine is made of: a snapshot says it, too. */
const MADE_OF = [
  "kernel",
  "firmware",
  "vga-bios",
  "initrd",
  "disk",
  "ide",
  "cdrom",
  "snapshot",
  "rng",
  "test-device",
  "net",
  "net-name",
  "append",
  "load-address",
  "memory",
  "cpus",
  "cpu",
  "vmx",
  "crossover",
  "wt-entries",
  "iwt-entries",
  "seed",
  "cycles",
  "world-call-cycles",
] as const satisfies readonly Name[];

/** Options that only kernels have a use for, and those that only firmware has. */
const OF_KERNELS = ["initrd", "append", "load-address"] as const satisfies readonly Name[];
const OF_FIRMWARE = ["vga-bios"] as const satisfies readonly Name[];

/** Refuses options that do not go together, or that would do nothing. */
export function checkOptions(values: BootValues): void {
  if (values.gdb === undefined && values["gdb-arch"] !== undefined) {
    throw usageError("--gdb-arch needs --gdb");
  }
  if (values.gdb !== undefined && (values["save-at"] ?? values["save-when"]) !== undefined) {
    throw usageError("--save-at and --save-when do not go with --gdb; SIGUSR2 saves there, too");
  }
  if (values.keyboard && values.console !== undefined) {
    throw usageError("--keyboard and --console do not go together: stdin is typed at one of them");
  }
  if (values.load === undefined) checkMade(values);
  else refuse(values, MADE_OF, (name) => `--load takes no --${name}: the snapshot tells that`);
}

/** The same of those that say what a machine is made of. */
function checkMade(values: BootValues): void {
  const { kernel, firmware, disk, ide, cdrom, rng, net, console } = values;
  if (kernel === undefined && firmware === undefined) {
    throw usageError("boot needs --kernel FILE, --firmware FILE or --load FILE");
  }
  if (kernel !== undefined && firmware !== undefined) {
    throw usageError("boot takes either --kernel or --firmware");
  }
  if (kernel === undefined) refuse(values, OF_KERNELS, (name) => `--${name} needs --kernel`);
  else refuse(values, OF_FIRMWARE, (name) => `--${name} needs --firmware`);
  if (values.vmx && values.cpu !== undefined && !mayHaveVmx(values.cpu)) {
    throw usageError(`--vmx does not go with --cpu ${values.cpu}, which has no VMX`);
  }
  if (values.snapshot && disk.length + ide.length === 0) {
    throw usageError("--snapshot needs --disk FILE or --ide FILE");
  }
  if (ide.length + (cdrom === undefined ? 0 : 1) > IDE_PLACES.length) {
    throw usageError(`--ide and --cdrom can be given ${IDE_PLACES.length} times at most, together`);
  }
  if (disk.length + [rng, net, console === "virtio"].filter(Boolean).length > SLOTS) {
    throw usageError(
      `--disk, --rng, --net and --console virtio can be given ${SLOTS} times at most, together`,
    );
  }
}

/** Refuses the first of these options that is given. */
function refuse(values: BootValues, names: readonly Name[], why: (name: Name) => string): void {
  const given = names.find((name) => isGiven(values[name]));
  if (given !== undefined) throw usageError(why(given));
}

function isGiven(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
}

function parsePhysical(text: string): number {
  const address = Number(parseAddress(text));
  if (address > 0xffff_ffff) throw new RangeError("must be less than 0x100000000");
  return address;
}

function parseProcessors(text: string): number {
  const count = parseCount(text);
  if (count < 1 || count > MAX_PROCESSORS) throw new RangeError(`must be from 1 to ${MAX_PROCESSORS}`);
  return count;
}

function parseWorlds(text: string): number {
  const count = parseCount(text);
  if (count < MIN_WORLD_CACHE_ENTRIES || count > MAX_WORLD_CACHE_ENTRIES) {
    throw new RangeError(`must be from ${MIN_WORLD_CACHE_ENTRIES} to ${MAX_WORLD_CACHE_ENTRIES}`);
  }
  return count;
}
