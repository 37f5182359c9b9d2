/**
 * A CD image with ISOLINUX (packages isolinux, syslinux-common, xorriso) that is a disk too: SeaBIOS boots its master boot
 * record through virtio-blk.
 */
import { existsSync } from "node:fs";
import { bootsEcho, NEEDED } from "./_boot_disk.ts";

const LOADER = "/usr/lib/ISOLINUX/isolinux.bin", BOOT_RECORD = "/usr/lib/ISOLINUX/isohdpfx.bin";
const MODULES = "/usr/lib/syslinux/modules/bios";
const missing = [...NEEDED, LOADER, MODULES].filter((path) => !existsSync(path));
const CONFIGURATION = `SAY ISOLINUX starts it
DEFAULT echo
PROMPT 0
LABEL echo
  KERNEL mboot.c32
  APPEND /boot/echo.elf
`;

Deno.test({
  name: "bootMachine() boots ISOLINUX from a disk, in text mode, and what ISOLINUX loads" +
    (missing.length === 0 ? "" : ` [needs ${missing.join(" ")}]`),
  ignore: missing.length > 0,
  fn: () =>
    bootsEcho({
      texts: { "isolinux/isolinux.cfg": CONFIGURATION },
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
    }, "ISOLINUX starts it"),
});
