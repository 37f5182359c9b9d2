/** Debian's SeaBIOS and SeaVGABIOS (package `seabios`): real mode, unreal mode, protected mode, back and forth. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { existsSync, readFileSync } from "node:fs";
import { bootMachine, type Machine } from "../../src/machine/machine.ts";
import type { ProcessorConfiguration } from "../../src/machine/engines.ts";
import { CONFIGURATIONS } from "../jit/_bare.ts";

const FOLDER = "/usr/share/seabios";
const missing = !existsSync(`${FOLDER}/bios-256k.bin`);
const need = missing ? " [needs seabios]" : "";

function boot(image: string, configuration: ProcessorConfiguration): { machine: Machine; log: () => string } {
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
/** Caches of a few blocks take minutes. */
const configurations = Object.entries(CONFIGURATIONS).filter(([label]) => !/cache/.test(label));

for (const [label, configuration] of configurations) {
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
