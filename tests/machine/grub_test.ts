/** A disk, or CD-ROM, made by Debian's `grub-mkrescue` (packages grub-pc-bin, xorriso, mtools), booted by SeaBIOS. */
import { existsSync } from "node:fs";
import {
  type BootDisk,
  bootDisk,
  bootsEcho,
  DRIVES,
  endsInEcho,
  NEEDED,
  waitForScreen,
} from "./_boot_disk.ts";

const missing = [...NEEDED, "/usr/bin/grub-mkrescue", "/usr/bin/mformat", "/usr/lib/grub/i386-pc"]
  .filter((path) => !existsSync(path));
const ECHO = `menuentry "echo" {
  echo "GRUB starts it"
  multiboot /boot/echo.elf
  boot
}
`;
const need = missing.length === 0 ? "" : ` [needs ${missing.join(" ")}]`, ignore = missing.length > 0;

/** A disk with a configuration of GRUB's. */
const disk = (configuration: string): BootDisk => ({
  texts: { "boot/grub/grub.cfg": configuration },
  files: {},
  make: (image, root) => ["grub-mkrescue", "-o", image, root],
});

for (const drive of DRIVES) {
  Deno.test({
    name: `bootMachine() boots GRUB from ${drive}, in text mode, and what GRUB loads${need}`,
    ignore,
    fn: () => bootsEcho(disk(`set timeout=0\n${ECHO}`), "GRUB starts it", drive),
  });
}

Deno.test({
  name: `GRUB's menu goes by the keyboard${need}`,
  ignore,
  fn() {
    const machine = bootDisk(disk(`set timeout=-1\nmenuentry "nothing" { true }\n${ECHO}`));
    waitForScreen(machine, "echo");
    machine.keyboard.strike("ArrowDown");
    machine.keyboard.strike("Enter");
    endsInEcho(machine, "GRUB starts it");
  },
});
