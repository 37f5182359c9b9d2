/** A disk made by Debian's `grub-mkrescue` (packages grub-pc-bin, xorriso, mtools), booted by SeaBIOS through virtio-blk. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bootMachine } from "../../src/machine/machine.ts";

const SEABIOS = "/usr/share/seabios";
const NEEDED = [
  `${SEABIOS}/bios-256k.bin`,
  "/usr/bin/grub-mkrescue",
  "/usr/bin/xorriso",
  "/usr/bin/mformat",
  "/usr/lib/grub/i386-pc",
];
const missing = NEEDED.filter((path) => !existsSync(path));
const ECHO = fileURLToPath(new URL("../../src/guests/echo/echo.elf", import.meta.url));
const CONFIGURATION = `set timeout=0
menuentry "echo" {
  echo "GRUB starts it"
  multiboot /boot/echo.elf
  boot
}
`;

function grubDisk(): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "causeway-")), root = join(folder, "root");
  const image = join(folder, "image");
  try {
    mkdirSync(join(root, "boot", "grub"), { recursive: true });
    writeFileSync(join(root, "boot", "grub", "grub.cfg"), CONFIGURATION);
    copyFileSync(ECHO, join(root, "boot", "echo.elf"));
    execFileSync("grub-mkrescue", ["-o", image, root], { stdio: "pipe" });
    return new Uint8Array(readFileSync(image));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

Deno.test({
  name: "bootMachine() boots GRUB from a disk, in text mode, and what GRUB loads" +
    (missing.length === 0 ? "" : ` [needs ${missing.join(" ")}]`),
  ignore: missing.length > 0,
  fn: () => {
    const machine = bootMachine({
      firmware: readFileSync(`${SEABIOS}/bios-256k.bin`),
      firmwareFiles: { "vgaroms/vgabios.bin": readFileSync(`${SEABIOS}/vgabios-isavga.bin`) },
      memory: 1 << 26,
      disks: [{ image: grubDisk() }],
    });
    machine.waitForText("Type lines; exit ends this.", { instructions: 1e9 });
    assertStringIncludes(machine.screen.lines.join("\n"), "GRUB starts it");
    machine.console.write("exit\n");
    assertEquals(machine.run(), { kind: "exit", code: 1 });
  },
});
