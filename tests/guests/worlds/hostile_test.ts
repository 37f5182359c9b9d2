/** A virtual machine that may call sends harmful requests: the server's kernel refuses them, alike over every path, and goes on. */
import { assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { ENGINE_NAMES } from "../../../src/machine/engines.ts";
import { bootMachine } from "../../../src/machine/machine.ts";
import { forced } from "../../_support/forced.ts";

const WORLDS = new URL("../../../src/guests/worlds/", import.meta.url);
const read = (name: string): Uint8Array => readFileSync(new URL(name, WORLDS));
const kernel = read("hypervisor.elf");
const modules = [{ bytes: read("kernel.elf") }, { bytes: read("initrd.tar") }];
const expected = readFileSync(new URL("hostile.txt", import.meta.url), "utf8");

const LIMIT = 1e7;
const REQUESTS = 2000;

for (const engine of ENGINE_NAMES) {
  for (const path of ["original", "vmfunc", "crossover"]) {
    Deno.test(`kernel_remote_call() survives hostile requests over the ${path} path (${engine})`, () => {
      const commandLine = `hypervisor server=proxos-proxy client=hostile path=${path} iterations=${REQUESTS}`;
      const machine = bootMachine({
        kernel,
        modules,
        commandLine,
        vmx: true,
        crossover: true,
        ...forced(engine),
      });
      const stop = machine.run({ instructions: LIMIT });
      assertEquals([machine.console.text, stop], [expected, { kind: "exit", code: 1 }]);
    });
  }
}
