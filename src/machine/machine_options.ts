/** What a machine is made from. */
import type { CpuModelName } from "../cpu/cpuid_models.ts";
import type { AttachedDevice } from "./attached_device.ts";
import type { CycleChoice } from "./cycle_model.ts";
import type { EngineName, ProcessorConfiguration } from "./engines.ts";
import type { IdeDrive, MachineDisk } from "./expansion.ts";
import type { AtIdePlaces } from "./ide/drives.ts";
import type { BootModule } from "./loaders/boot_request.ts";
import type { MachineNetwork } from "./net/attach.ts";
import type { HostConnector } from "./net/host_connector.ts";
import type { TranslationObserver } from "./observer.ts";
import type { WorldCallOptions } from "./world_calls.ts";

/** What to boot, on what. */
export interface MachineOptions {
  /**
   * A Linux kernel of 64 or 32 bits (bzImage), a kernel for multiboot 1 or 2 (an ELF file, or any file whose header tells its
   * addresses), or an ELF file with a PVH entry point. Either this or `firmware` must be there.
   */
  readonly kernel?: Uint8Array;
  /** A BIOS (SeaBIOS), which finds what to boot by itself. */
  readonly firmware?: Uint8Array;
  /** Files that the firmware finds in fw_cfg: `vgaroms/NAME` is the BIOS of the display. */
  readonly firmwareFiles?: Readonly<Record<string, Uint8Array>>;
  /**
   * The kernel is none of these but a flat binary: it goes to this physical address and is entered at its first byte, in
   * 32-bit protected mode with flat segments.
   */
  readonly loadAddress?: number;
  /** Files for the kernel: multiboot modules; for Linux the parts of its initrd. */
  readonly modules?: readonly BootModule[];
  /** Linux's initrd (an initramfs): a module in front of the others, for short. */
  readonly initrd?: Uint8Array;
  /** The kernel's command line; by custom its first word is the kernel's name, except for Linux. Default: empty. */
  readonly commandLine?: string;
  /** RAM in bytes, a multiple of 64 KB. Default: 256 MB. The host's memory is only used as the guest touches it. */
  readonly memory?: number;
  /**
   * How many processors, up to 255. Default: 1. All but the first wait for INIT and STARTUP. They take turns on one
   * thread of the host, so they add no speed.
   */
  readonly processors?: number;
  /** Default: `auto`. */
  readonly engine?: EngineName;
  /** Seed of RDRAND and RDSEED. Default: a fixed one. */
  readonly seed?: number;
  /** Gives the processor VMX. Default: no; DEVIATIONS.md tells what is missing. */
  readonly vmx?: boolean;
  /**
   * Which features CPUID reports, and CR4 lets enable: `causeway` (default), all that are implemented; `x86-64-v2` and
   * `x86-64`, those of these levels and what operating systems use besides; `causeway-la57`, all, and 5-level paging
   * instead of VMX.
   */
  readonly cpu?: CpuModelName;
  /**
   * Gives the processor world calls, the CrossOver extension (docs/crossover.md), with world caches of default or given
   * sizes. Takes `vmx`. Default: no.
   */
  readonly crossover?: boolean | WorldCallOptions;
  /** What world switches cost in virtual time, which the TSC reads. Default: `off`, each instruction takes a cycle. */
  readonly cycles?: CycleChoice;
  /** Gives the machine the mark port, 4D00H: a 32-bit OUT there is an event `mark`. Default: no. */
  readonly marks?: boolean;
  /**
   * Gives the machine QEMU's `pc-testdev`, for kvm-unit-tests: interrupt lines at ports 2000H-2017H, a register at E0H,
   * and 64 KB of a device's memory at FF000000H. Default: no.
   */
  readonly testDevice?: boolean;
  /**
   * Disks, each a virtio block device: bytes, which the guest reads and writes in place, or an image elsewhere
   * (`openDiskFile` in `@causeway/x86/host`). At most 8. Default: none.
   */
  readonly disks?: readonly MachineDisk[];
  /**
   * Drives at an IDE controller, by their places: hard disks and CD-ROMs, as on PCs before virtio. Default: none, and no
   * controller.
   */
  readonly ide?: AtIdePlaces<IdeDrive>;
  /** Whether there is a virtio entropy device; its numbers follow from `seed`. It takes a slot. Default: false. */
  readonly rng?: boolean;
  /**
   * Whether there is a virtio console besides the serial port: `Machine.virtioConsole`, hvc0 in Linux. It takes a slot.
   * Default: false.
   */
  readonly virtioConsole?: boolean;
  /**
   * A virtio network card, and a network of the machine's own behind it (docs/devices.md). It takes a slot. Default: none.
   */
  readonly network?: boolean | MachineNetwork;
  /** Makes the TCP connections that lead out of the network. Default: none, the guest reaches nobody. */
  readonly hostConnector?: HostConnector;
  /** Devices besides the machine's own (docs/devices.md). Default: none. */
  readonly devices?: readonly AttachedDevice[];
  /** For tests and measurements: thresholds and sizes of the engines. */
  readonly tiers?: ProcessorConfiguration["tiers"];
  /** Is shown what is translated and compiled, as `dumpStages` is. */
  readonly observer?: TranslationObserver;
}
