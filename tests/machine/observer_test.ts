import { assert, assertEquals } from "@std/assert";
import { ENGINE_NAMES } from "../../src/machine/engines.ts";
import { runProgram } from "../../src/linux/run_program.ts";
import { forced } from "../_support/forced.ts";

const HELLO = Deno.readFileSync(new URL("../../src/guests/hello/hello.elf", import.meta.url));

for (const engine of ENGINE_NAMES) {
  Deno.test(`TranslationObserver.compilationTook() hears of every compilation of ${engine}, and changes nothing`, () => {
    const waits: number[] = [];
    let begun = 0;
    const observer = {
      compilationBegins: (): void => void begun++,
      compilationTook: (milliseconds: number): void => {
        waits.push(milliseconds);
        assertEquals(begun, waits.length);
      },
    };
    const observed = runProgram({ program: HELLO, args: ["Ada"], ...forced(engine), observer });
    const alone = runProgram({ program: HELLO, args: ["Ada"], ...forced(engine) });
    // WebAssembly's regions are made in slices.
    const { compiledRegions } = observed.statistics;
    assert(engine === "wasm" ? waits.length >= compiledRegions : waits.length === compiledRegions);
    assert(waits.every((milliseconds) => milliseconds >= 0));
    assertEquals(observed.statistics, alone.statistics);
  });
}
