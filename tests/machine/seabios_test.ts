/** Debian's SeaBIOS and SeaVGABIOS (package `seabios`): real mode, unreal mode, protected mode, back and forth. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { existsSync, readFileSync } from "node:fs";
import { loadMachine } from "../../src/machine/snapshot/load.ts";
import { bootMachine, type Machine, type MachineOptions } from "../../src/machine/machine.ts";
import type { ProcessorConfiguration } from "../../src/machine/engines.ts";
import { writeMpTable } from "../../src/machine/loaders/mp_table.ts";
import { KEEPING_BLOCKS } from "../jit/_bare.ts";
import { BIOS, BIOS_END, latin1, mpTableIn, sum } from "./_bios_tables.ts";

const FOLDER = "/usr/share/seabios";
const missing = !existsSync(`${FOLDER}/bios-256k.bin`);
const need = missing ? " [needs seabios]" : "";

function boot(
  image: string,
  configuration: ProcessorConfiguration & Pick<MachineOptions, "disks">,
): { machine: Machine; log: () => string } {
  const machine = bootMachine({
    firmware: readFileSync(`${FOLDER}/${image}`),
    firmwareFiles: { "vgaroms/vgabios.bin": readFileSync(`${FOLDER}/vgabios-isavga.bin`) },
    memory: 1 << 25,
    ...configuration,
  });
  const bytes: number[] = [];
  machine.on("debug", (byte) => bytes.push(byte));
  return { machine, log: () => new TextDecoder().decode(new Uint8Array(bytes)) };
}

/** Logs of the images so far. */
const logs = new Map<string, string>();
const TO_PROMPT = 8e6;

for (const [label, configuration] of Object.entries(KEEPING_BLOCKS)) {
  Deno.test({
    name: `bootMachine() runs bios-256k.bin as the interpreter does (${label})${need}`,
    ignore: missing,
    fn: () => {
      const { machine, log } = boot("bios-256k.bin", configuration);
      machine.run({ instructions: TO_PROMPT });
      const expected = logs.get("bios-256k.bin") ?? log();
      logs.set("bios-256k.bin", expected);
      assert(log().length > 200);
      assertEquals(log(), expected.slice(0, log().length));
    },
  });
}

for (const image of ["bios.bin", "bios-256k.bin"]) {
  Deno.test({
    name: `bootMachine() runs ${image} to where it finds nothing to boot${need}`,
    ignore: missing,
    fn: () => {
      const { machine, log } = boot(image, {});
      machine.run({ instructions: TO_PROMPT });
      const { lines } = machine.screen;
      assertStringIncludes(lines[0]!, "SeaBIOS (version ");
      assert(lines.some((line) => line.startsWith("No bootable device.")), lines.join("\n"));
      for (const text of ["Found QEMU fw_cfg", "RamSize: 0x02000000", "Start SeaVGABIOS", "set VGA mode 3"]) {
        assertStringIncludes(log(), text);
      }
    },
  });
}

Deno.test({
  name: `bootMachine() gives bios-256k.bin ACPI tables, which it links and sums up${need}`,
  ignore: missing,
  fn: () => {
    const { machine, log } = boot("bios-256k.bin", {});
    machine.run({ instructions: TO_PROMPT });
    assert(!log().includes("WARNING"), log());
    const bios = latin1(machine.readPhysical(BIOS, BIOS_END - BIOS));
    const at = BIOS + bios.search(/RSD PTR (?=.CAUSWY)/s);
    const root = machine.readPhysical(at, 36);
    assertEquals([at % 16, sum(root.subarray(0, 20)), sum(root)], [0, 0, 0]);
    const xsdt = table(machine, new DataView(root.buffer).getBigUint64(24, true));
    const listed = [36, 44].map((entry) => table(machine, xsdt.getBigUint64(entry, true)));
    assertEquals([xsdt, ...listed].map(signature), ["XSDT", "FACP", "APIC"]);
    const [fadt] = listed, facs = fadt!.getUint32(36, true);
    assertEquals(signature(table(machine, BigInt(fadt!.getUint32(40, true)))), "DSDT");
    assertEquals(fadt!.getBigUint64(140, true), BigInt(fadt!.getUint32(40, true)));
    assertEquals(new TextDecoder().decode(machine.readPhysical(facs, 4)), "FACS");
    assertEquals(facs % 64, 0);
  },
});

Deno.test({
  name: `bootMachine() lets bios-256k.bin make the MP table that kernels find without it${need}`,
  ignore: missing,
  fn: () => {
    // Of the cores in a package it lists one.
    const { machine } = boot("bios-256k.bin", {});
    machine.run({ instructions: TO_PROMPT });
    const theirs = mpTableIn(machine.readPhysical(0, BIOS_END)), ram = new Uint8Array(BIOS_END);
    writeMpTable(ram, 1);
    for (const [type, entries] of mpTableIn(ram).entries.entries()) {
      // It lists pins of PCI devices that are there, of which there are none here, and leaves out all lines that a PIIX3
      // can lead them to.
      const isComparable = ([, , , , bus, line]: number[]): boolean => bus === 1 && ![5, 9].includes(line!);
      assertEquals(type === 3 ? entries.filter(isComparable) : entries, theirs.entries[type], `type ${type}`);
    }
  },
});

Deno.test({
  name: `loadMachine() goes on with bios-256k.bin, whose image and files are in the snapshot${need}`,
  ignore: missing,
  fn: async () => {
    const { machine, log } = boot("bios-256k.bin", {});
    machine.run({ instructions: TO_PROMPT / 8 });
    const said = log().length, resumed = await loadMachine(await machine.snapshot());
    const bytes: number[] = [];
    resumed.on("debug", (byte) => bytes.push(byte));
    for (const each of [machine, resumed]) each.run({ instructions: TO_PROMPT });
    assertEquals(new TextDecoder().decode(new Uint8Array(bytes)), log().slice(said));
    assertEquals([resumed.screen, resumed.instructions], [machine.screen, machine.instructions]);
    assertEquals(await resumed.snapshot(), await machine.snapshot());
    assert(resumed.screen.lines.some((line) => line.startsWith("No bootable device.")));
  },
});

const signature = (view: DataView): string =>
  new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset, 4));

/** An ACPI table, whose sum is 0. */
function table(machine: Machine, address: bigint): DataView {
  const at = Number(address),
    length = new DataView(machine.readPhysical(at + 4, 4).buffer).getUint32(0, true);
  const bytes = machine.readPhysical(at, length);
  assertEquals(sum(bytes), 0);
  return new DataView(bytes.buffer);
}

/** A boot sector that writes a text by INT 10H and halts: the text follows the code. */
const BOOT_SECTOR = [
  ...[0x31, 0xc0, 0x8e, 0xd8], //       xor ax, ax; mov ds, ax
  ...[0xbe, 0x16, 0x7c], //             mov si, 0x7c16
  ...[0xac, 0x84, 0xc0, 0x74, 0x06], // next: lodsb; test al, al; jz stop
  ...[0xb4, 0x0e, 0xcd, 0x10, 0xeb, 0xf5], // mov ah, 0x0e; int 0x10; jmp next
  ...[0xf4, 0xeb, 0xfd, 0x90], //       stop: hlt; jmp stop
];

Deno.test({
  name: `bootMachine() boots from a disk's first sector through SeaBIOS and virtio-blk${need}`,
  ignore: missing,
  fn: () => {
    const image = new Uint8Array(1 << 20);
    image.set(BOOT_SECTOR);
    image.set(new TextEncoder().encode("Booted from the disk\0"), BOOT_SECTOR.length);
    image.set([0x55, 0xaa], 510);
    const { machine, log } = boot("bios-256k.bin", { disks: [{ image }] });
    machine.run({ instructions: 12e6 });
    assertStringIncludes(machine.screen.lines.join("\n"), "\nBooted from the disk");
    assertStringIncludes(log(), "found virtio-blk at 00:01.0");
  },
});
