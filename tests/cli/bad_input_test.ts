/** Bad input to `causeway boot`: one line on stderr that names what is wrong, and exit code 2 or 125. */
import { assertEquals, assertRejects } from "@std/assert";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { boot } from "../../src/cli/boot.ts";
import { CommandError } from "../../src/cli/exit_codes.ts";
import { causeway, withFolder } from "./command_line.ts";

const ECHO = fileURLToPath(new URL("../../src/guests/echo/echo.elf", import.meta.url));
const SELFTEST = fileURLToPath(new URL("../machine/kernels/selftest.elf", import.meta.url));

interface Refusal {
  /** `ECHO` stands for the kernel. */
  readonly args: readonly string[];
  readonly code: 2 | 125;
  /** Behind `causeway boot: `. */
  readonly message: string;
}

/** A message about an option's value. */
const value = (name: string, given: string, message: string): Refusal => ({
  args: ["--kernel", ECHO, `--${name}`, given],
  code: 2,
  message: `--${name} ${given}: ${message}`,
});
/** Options that do not fit together. */
const usage = (args: readonly string[], message: string): Refusal => ({ args, code: 2, message });

const SIZE = "must be a number of bytes such as 65536, 64K, 256M or 1G";
const RAM = "must be a multiple of 64K from 64K to 3584M",
  NUMBER = "must be a whole number such as 4096 or 0x1000";
const NO_NAME = "must be the name of a file, not empty";

const OPTIONS: readonly Refusal[] = [
  value("memory", "5G", RAM),
  value("memory", "0", RAM),
  value("memory", "100K", RAM),
  value("memory", "-1", SIZE),
  value("memory", "1.5G", SIZE),
  value("cpus", "0", "must be from 1 to 255"),
  value("cpus", "1000", "must be from 1 to 255"),
  value("cpus", "two", NUMBER),
  value("gdb", "99999", "must be from 0 to 65535"),
  value("gdb", "x", NUMBER),
  value("max-instructions", "-5", NUMBER),
  value("seed", "1e10", "must be less than 4294967296"),
  value("load-address", "0x7fffffff0", "must be less than 0x100000000"),
  value("cpu", "pentium", "must be causeway, x86-64-v2, x86-64 or causeway-la57"),
  value("engine", "fast", "must be interpreter, js, wasm or auto"),
  value("console", "usb", "must be serial or virtio"),
  value("net-port", "0", "must be ports from 1 to 65535, PORT or PORT:HOSTPORT"),
  value("net-port", "1:2:3", "must be ports from 1 to 65535, PORT or PORT:HOSTPORT"),
  value("net-name", "a=300.1.1.1", "must be an IPv4 address, such as 10.0.2.2, not 300.1.1.1"),
  value("net-name", "=1.1.1.1", "must be NAME or NAME=ADDRESS"),
  value("disk", "", NO_NAME),
  value("initrd", "", NO_NAME),
  value("save", "", NO_NAME),
  value("save-when", "", "must not be empty"),
  usage(["--kernel", ""], `--kernel : ${NO_NAME}`),
  usage(["--load", ""], `--load : ${NO_NAME}`),
  usage(["--kernel"], "--kernel needs a value: --kernel FILE"),
  usage(["--kernel", ECHO, "--kernel", ECHO], "--kernel is given twice; give it once"),
  usage(["--kernel", ECHO, "--firmware", ECHO], "boot takes either --kernel or --firmware"),
  usage(["--kernel", ECHO, "--vga-bios", ECHO], "--vga-bios needs --firmware"),
  usage(["--firmware", ECHO, "--initrd", ECHO], "--initrd needs --kernel"),
  usage(["--firmware", ECHO, "--append", "quiet"], "--append needs --kernel"),
  usage(["--firmware", ECHO, "--load-address", "0"], "--load-address needs --kernel"),
  usage(["--kernel", ECHO, "--gdb-arch", "auto"], "--gdb-arch needs --gdb"),
  usage(["--kernel", ECHO, "--net-name", "web"], "--net-name needs --net"),
  usage(["--kernel", ECHO, "--net-port", "80"], "--net-port needs --net"),
  usage(["--kernel", ECHO, "--save-exit"], "--save-at, --save-when and --save-exit need --save FILE"),
  usage(
    ["--kernel", ECHO, "--dump-file", "x"],
    "--dump-file needs --dump, which says what to write there",
  ),
  usage(["--kernel", ECHO, "--json"], "--json needs --stats, which says what to print"),
];

/** Files by what is wrong with them; a message's `PATH` stands for where they are. */
interface BadFile {
  readonly what: string;
  readonly option: "kernel" | "firmware" | "initrd" | "load" | "save" | "dump-file";
  /** undefined: a folder; a string: the path, below the folder. */
  readonly content: Uint8Array | string | undefined;
  readonly message: string;
}

const NO_KERNEL =
  "cannot boot PATH: it is no kernel of a kind known here: no Linux boot header, no multiboot header in " +
  "its first 8192 bytes, no ELF file with a PVH entry point";
const echo = new Uint8Array(readFileSync(ECHO));
const withByte = (at: number, byte: number): Uint8Array => {
  const copy = echo.slice();
  copy[at] = byte;
  return copy;
};
/** So that its format must be looked for. */
const noMultiboot = (file: Uint8Array): Uint8Array => {
  const copy = file.slice(),
    magic = copy.findIndex((_, n) => n % 4 === 0 && copy[n] === 0x02 && copy[n + 1] === 0xb0);
  if (magic >= 0) copy[magic] = 0;
  return copy;
};

const FILES: readonly BadFile[] = [
  {
    what: "that is not there",
    option: "kernel",
    content: "none",
    message: "cannot read PATH: there is no such file",
  },
  {
    what: "that is a folder",
    option: "kernel",
    content: undefined,
    message: "cannot read PATH: it is a directory",
  },
  { what: "that is empty", option: "kernel", content: new Uint8Array(0), message: NO_KERNEL },
  { what: "of zeros", option: "kernel", content: new Uint8Array(0x4000), message: NO_KERNEL },
  {
    what: "that ends in its program headers",
    option: "kernel",
    content: echo.slice(0, 100),
    message: "cannot boot PATH: the ELF file ends before its program headers do",
  },
  {
    what: "for another processor",
    option: "kernel",
    content: noMultiboot(withByte(18, 0xb7)),
    message: "cannot boot PATH: the ELF file is not for x86",
  },
  {
    what: "that is empty",
    option: "firmware",
    content: new Uint8Array(0),
    message: "cannot boot PATH: the firmware has 0 bytes; it must be a multiple of 65536, at most 16777216",
  },
  {
    what: "that is not there",
    option: "initrd",
    content: "none",
    message: "cannot read PATH: there is no such file",
  },
  {
    what: "that is a folder",
    option: "initrd",
    content: undefined,
    message: "cannot read PATH: it is a directory",
  },
  {
    what: "that is empty",
    option: "load",
    content: new Uint8Array(0),
    message: "cannot load PATH: this is no snapshot",
  },
  {
    what: "that is a kernel",
    option: "load",
    content: echo,
    message: "cannot load PATH: this is no snapshot",
  },
  {
    what: "that is a folder",
    option: "load",
    content: undefined,
    message: "cannot read PATH: it is a directory",
  },
  {
    what: "that is a folder",
    option: "save",
    content: undefined,
    message: "cannot write PATH: it is a directory",
  },
  {
    what: "in a folder that is not there",
    option: "save",
    content: "none/file",
    message: "cannot write PATH: there is no folder FOLDER/none",
  },
];

/** Refused before anything runs. */
function assertRefused(args: readonly string[], code: number, message: string): void {
  assertEquals(causeway(["boot", ...args, "--max-instructions", "1000"]), {
    code,
    stdout: "",
    stderr: `causeway boot: ${message}\n`,
  });
}

for (const { args, code, message } of OPTIONS) {
  const shown = args.map((word) => word === ECHO ? "FILE" : word || "''").join(" ");
  Deno.test(`boot ${shown} is refused in one line with exit code ${code}`, async () => {
    // In this process: whatever is thrown besides would be seen as well.
    const error = await assertRejects(async () => await boot.run(args), CommandError);
    assertEquals([error.exitCode, error.message], [code, message]);
  });
}

for (const { what, option, content, message } of FILES) {
  Deno.test(`boot --${option} with a file ${what} is refused with one line that names it`, () => {
    withFolder((folder) => {
      const path = content === undefined
        ? folder
        : join(folder, typeof content === "string" ? content : "file");
      if (content instanceof Uint8Array) writeFileSync(path, content);
      const kernel = option === "save"
        ? ["--kernel", ECHO]
        : option === "initrd"
        ? ["--kernel", SELFTEST]
        : [];
      assertRefused(
        [...kernel, `--${option}`, path],
        125,
        message.replace("PATH", path).replace("FOLDER", folder),
      );
    });
  });
}

Deno.test("boot refuses a kernel for less than 1 MB of RAM", () => {
  const message = `cannot boot ${ECHO}: a kernel needs 1 MB of RAM`;
  assertRefused(["--kernel", ECHO, "--memory", "64K"], 125, message);
});

Deno.test("boot refuses more devices than there are slots", () => {
  withFolder((folder) => {
    const disk = join(folder, "disk");
    writeFileSync(disk, new Uint8Array(512));
    const disks = Array.from({ length: 8 }, () => ["--disk", disk]).flat();
    const message = "--disk, --rng, --net and --console virtio can be given 8 times at most, together";
    assertRefused(["--kernel", ECHO, ...disks, "--rng"], 2, message);
  });
});

Deno.test("boot refuses more IDE drives than there are places", () => {
  withFolder((folder) => {
    const disk = join(folder, "disk");
    writeFileSync(disk, new Uint8Array(2048));
    const drives = Array.from({ length: 4 }, () => ["--ide", disk]).flat();
    const message = "--ide and --cdrom can be given 4 times at most, together";
    assertRefused(["--kernel", ECHO, ...drives, "--cdrom", disk], 2, message);
  });
});

Deno.test("boot --load names the file and what is wrong with it: version, length, content", () => {
  withFolder((folder) => {
    const file = join(folder, "snapshot");
    causeway(["boot", "--kernel", ECHO, "--save", file, "--save-at", "100", "--save-exit"]);
    const good = new Uint8Array(readFileSync(file));
    const changed = (at: number): Uint8Array => {
      const copy = good.slice();
      copy[at]! ^= 0x10;
      return copy;
    };
    for (
      const [content, why] of [
        [good.slice(0, 20), "the snapshot is cut off in its header"],
        [changed(8), "the snapshot has format version 19; only 3 can be read"],
        [good.slice(0, -1), `the snapshot has ${good.length - 1} bytes, but ${good.length} were written`],
        [changed(40), "the snapshot is damaged: its checksum is wrong"],
        [changed(good.length - 1), "the snapshot is damaged: its checksum is wrong"],
      ] as const
    ) {
      writeFileSync(file, content);
      assertRefused(["--load", file], 125, `cannot load ${file}: ${why}`);
    }
  });
});
