/** Disks with a boot loader, made by Debian's tools, and the machine that boots them by SeaBIOS. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bootMachine, type Machine } from "../../src/machine/machine.ts";

const SEABIOS = "/usr/share/seabios";
/** What every test of these needs. */
export const NEEDED: readonly string[] = [`${SEABIOS}/bios-256k.bin`, "/usr/bin/xorriso"];
const ECHO = fileURLToPath(new URL("../../src/guests/echo/echo.elf", import.meta.url));

/** What a disk is made of. */
export interface BootDisk {
  /** Text files, and files of the host, by their paths on the disk. src/guests/echo is /boot/echo.elf. */
  readonly texts: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
  /** Command that makes the image of the folder with the files. */
  readonly make: (image: string, root: string) => readonly [command: string, ...options: string[]];
}

function imageOf({ texts, files, make }: BootDisk): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "causeway-")), root = join(folder, "root");
  const image = join(folder, "image");
  const place = (path: string): string => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    return join(root, path);
  };
  try {
    for (const [path, text] of Object.entries(texts)) writeFileSync(place(path), text);
    for (const [path, file] of Object.entries({ ...files, "boot/echo.elf": ECHO })) {
      copyFileSync(file, place(path));
    }
    const [command, ...options] = make(image, root);
    execFileSync(command, options, { stdio: "pipe" });
    return new Uint8Array(readFileSync(image));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** As what the machine has the disk. */
export const DRIVES = ["a virtio disk", "an IDE disk", "a CD-ROM"] as const;
export type DriveName = typeof DRIVES[number];

/** A machine that boots a disk by SeaBIOS. */
export function bootDisk(disk: BootDisk, drive: DriveName = "a virtio disk"): Machine {
  const image = imageOf(disk);
  return bootMachine({
    firmware: readFileSync(`${SEABIOS}/bios-256k.bin`),
    firmwareFiles: { "vgaroms/vgabios.bin": readFileSync(`${SEABIOS}/vgabios-isavga.bin`) },
    memory: 1 << 26,
    ...drive === "a virtio disk" ? { disks: [{ image }] } : {
      ide: drive === "a CD-ROM" ? { secondaryMaster: { image, cdrom: true } } : { primaryMaster: { image } },
    },
  });
}

/** Boots a disk whose loader shows a text and starts src/guests/echo. */
export function bootsEcho(disk: BootDisk, text: string, drive?: DriveName): void {
  endsInEcho(bootDisk(disk, drive), text);
}

/** Runs a machine until its screen shows a text. */
export function waitForScreen(machine: Machine, text: string): void {
  const limit = machine.instructions + 1e9;
  while (machine.instructions < limit) {
    machine.run({ instructions: 1e6 });
    if (machine.screen.lines.some((line) => line.includes(text))) return;
  }
  throw new Error(`The screen does not show ${text}:\n${machine.screen.lines.join("\n")}`);
}

/** Expects that a loader comes to src/guests/echo by itself, and has left a text on the screen. */
export function endsInEcho(machine: Machine, text: string): void {
  machine.waitForText("Type lines; exit ends this.", { instructions: 1e9 });
  assertStringIncludes(machine.screen.lines.join("\n"), text);
  machine.console.write("exit\n");
  assertEquals(machine.run(), { kind: "exit", code: 1 });
}
