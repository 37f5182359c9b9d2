/**
 * A CD image with ISOLINUX (packages isolinux, syslinux-common, xorriso) that is a disk too: SeaBIOS boots its master boot
 * record, or, from a CD-ROM, what its boot catalog tells (El Torito).
 */
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

const LOADER = "/usr/lib/ISOLINUX/isolinux.bin", BOOT_RECORD = "/usr/lib/ISOLINUX/isohdpfx.bin";
const MODULES = "/usr/lib/syslinux/modules/bios";
const missing = [...NEEDED, LOADER, MODULES].filter((path) => !existsSync(path));
/** A disk with a configuration of ISOLINUX's. */
function disk(configuration: string): BootDisk {
  return {
    texts: { "isolinux/isolinux.cfg": configuration },
    files: {
      "isolinux/isolinux.bin": LOADER,
      ...Object.fromEntries(
        ["ldlinux.c32", "libcom32.c32", "mboot.c32"].map((
          name,
        ) => [`isolinux/${name}`, `${MODULES}/${name}`]),
      ),
    },
    make: (image, root) =>
      [
        ...["xorriso", "-as", "mkisofs", "-o", image, "-isohybrid-mbr", BOOT_RECORD],
        ...["-b", "isolinux/isolinux.bin", "-c", "isolinux/boot.cat"],
        ...["-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", root],
      ] as const,
  };
}

const ECHO = "LABEL echo\n  KERNEL mboot.c32\n  APPEND /boot/echo.elf\n";
const need = missing.length === 0 ? "" : ` [needs ${missing.join(" ")}]`, ignore = missing.length > 0;

for (const drive of DRIVES) {
  Deno.test({
    name: `bootMachine() boots ISOLINUX from ${drive}, in text mode, and what ISOLINUX loads${need}`,
    ignore,
    fn: () =>
      bootsEcho(
        disk(`SAY ISOLINUX starts it\nDEFAULT echo\nPROMPT 0\n${ECHO}`),
        "ISOLINUX starts it",
        drive,
      ),
  });
}

Deno.test({
  name: `ISOLINUX boots what is typed at its prompt${need}`,
  ignore,
  fn() {
    const machine = bootDisk(disk(`PROMPT 1\n${ECHO}`));
    waitForScreen(machine, "boot:");
    machine.keyboard.type("ecH");
    machine.keyboard.strike("Backspace");
    machine.keyboard.type("ho\n");
    endsInEcho(machine, "boot: echo");
  },
});
