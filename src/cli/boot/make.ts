/** Makes the machine that the options of `causeway boot` describe. */
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { CannotBootError } from "../../machine/loaders/boot_error.ts";
import { kernelFormat } from "../../machine/loaders/load.ts";
import { bootMachine, type Machine } from "../../machine/machine.ts";
import type { TranslationObserver } from "../../machine/observer.ts";
import { DEFAULT_WORLD_CACHES, whyTooLarge, type WorldCallOptions } from "../../machine/world_calls.ts";
import { openDisks, openIdeDrives } from "../disks.ts";
import { inputError, usageError } from "../exit_codes.ts";
import { readInput } from "../input.ts";
import { cycleChoice, defined } from "../shared_options.ts";
import { connectorOption, networkOption } from "./network.ts";
import type { BootValues } from "./options.ts";
import { loadFile } from "./snapshots.ts";

/**
 * Boots a machine, or goes on with a saved one.
 *
 * @param observer is shown what is translated
 */
export function makeMachine(
  values: BootValues,
  observer: TranslationObserver | undefined,
): Machine | Promise<Machine> {
  const { load, engine } = values;
  const hostConnector = connectorOption(values, load === undefined ? values.net : undefined);
  const ofThisRun = defined({ engine, observer, hostConnector });
  if (load !== undefined) return loadFile(load, ofThisRun);
  const { kernel, firmware, memory, cpus: processors, seed, vmx, cpu, rng, console, append = "" } = values;
  const path = (kernel ?? firmware)!, image = readInput(path);
  const options = {
    ...ofThisRun,
    modules: values.initrd.map((line) => ({ bytes: readInput(fileOf(line)), commandLine: line })),
    disks: openDisks(values.disk, values.snapshot),
    ide: openIdeDrives(values.ide, values.cdrom, values.snapshot),
    network: networkOption(values),
    virtioConsole: console === "virtio",
    testDevice: values["test-device"],
    ...defined({
      memory,
      processors,
      seed,
      vmx,
      cpu,
      rng,
      crossover: worldCalls(values),
      cycles: cycleChoice(values.cycles, values["world-call-cycles"]),
      loadAddress: values["load-address"],
    }),
  };
  try {
    return kernel === undefined
      ? bootMachine({ ...options, firmware: image, firmwareFiles: firmwareFiles(values) })
      : bootMachine({ ...options, kernel: image, commandLine: commandLine(image, path, append) });
  } catch (error) {
    if (error instanceof CannotBootError) throw inputError(`cannot boot ${path}: ${error.message}`);
    throw error;
  }
}

/** The command line as the kernel expects it: others than Linux find their file's name before it. */
function commandLine(kernel: Uint8Array, path: string, append: string): string {
  return kernelFormat(kernel) === "linux" ? append : `${basename(path)} ${append}`.trimEnd();
}

/** The file that a module's command line begins with. */
function fileOf(line: string): string {
  const space = line.indexOf(" ");
  return space <= 0 || existsSync(line) ? line : line.slice(0, space);
}

/** What the firmware finds in fw_cfg. */
function firmwareFiles({ "vga-bios": vgaBios }: BootValues): Record<string, Uint8Array> {
  return vgaBios === undefined ? {} : { [`vgaroms/${basename(vgaBios)}`]: readInput(vgaBios) };
}

/** What the options say about world calls; undefined: there are none. */
function worldCalls(
  { vmx, cpus, crossover, "wt-entries": worldCacheEntries, "iwt-entries": inverseWorldCacheEntries }:
    BootValues,
): WorldCallOptions | undefined {
  const sizes = defined({ worldCacheEntries, inverseWorldCacheEntries });
  if (!crossover) {
    if (Object.keys(sizes).length > 0) throw usageError("--wt-entries and --iwt-entries need --crossover");
    return undefined;
  }
  if (!vmx) throw usageError("--crossover needs --vmx: world calls are functions of VMFUNC");
  const problem = whyTooLarge({ ...DEFAULT_WORLD_CACHES, ...sizes }, cpus ?? 1);
  if (problem !== undefined) throw usageError(problem);
  return sizes;
}
