/** A disk made by Debian's `grub-mkrescue` (packages grub-pc-bin, xorriso, mtools), booted by SeaBIOS through virtio-blk. */
import { existsSync } from "node:fs";
import { bootsEcho, NEEDED } from "./_boot_disk.ts";

const missing = [...NEEDED, "/usr/bin/grub-mkrescue", "/usr/bin/mformat", "/usr/lib/grub/i386-pc"]
  .filter((path) => !existsSync(path));
const CONFIGURATION = `set timeout=0
menuentry "echo" {
  echo "GRUB starts it"
  multiboot /boot/echo.elf
  boot
}
`;

Deno.test({
  name: "bootMachine() boots GRUB from a disk, in text mode, and what GRUB loads" +
    (missing.length === 0 ? "" : ` [needs ${missing.join(" ")}]`),
  ignore: missing.length > 0,
  fn: () =>
    bootsEcho({
      texts: { "boot/grub/grub.cfg": CONFIGURATION },
      files: {},
      make: (image, root) => ["grub-mkrescue", "-o", image, root],
    }, "GRUB starts it"),
});
