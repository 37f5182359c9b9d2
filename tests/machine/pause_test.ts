import { assertEquals } from "@std/assert";
import { ENGINE_NAMES } from "../../src/machine/engines.ts";
import { bootMachine } from "../../src/machine/machine.ts";
import { bzImage } from "./loaders/_bzimage.ts";
import { forced } from "../_support/forced.ts";

for (const engine of ENGINE_NAMES) {
  Deno.test(`PAUSE takes 140 cycles of the time-stamp counter (${engine})`, () => {
    // deno-fmt-ignore
    const machine = bootMachine({
      kernel: bzImage([
        0x0f, 0x31, 0x89, 0xc3, // rdtsc; mov ebx, eax
        0xf3, 0x90, 0xf3, 0x90, // pause; pause
        0x0f, 0x31, 0x29, 0xd8, // rdtsc; sub eax, ebx
        0xe6, 0xf4, // out 0f4h, al
      ]),
      ...forced(engine), memory: 1 << 23,
    });
    machine.run();
    // The first RDTSC and MOV besides.
    assertEquals(machine.get("rax"), 282n);
  });
}
