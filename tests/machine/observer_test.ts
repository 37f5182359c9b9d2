import { assert, assertEquals } from "@std/assert";
import { ENGINE_NAMES } from "../../src/machine/engines.ts";
import { runProgram } from "../../src/linux/run_program.ts";
import { forced } from "../_support/forced.ts";

const HELLO = Deno.readFileSync(new URL("../../src/guests/hello/hello.elf", import.meta.url));

for (const engine of ENGINE_NAMES) {
  Deno.test(`TranslationObserver.compilationTook() hears of every compilation of ${engine}, and changes nothing`, () => {
    const waits: number[] = [];
    const observer = { compilationTook: (milliseconds: number): void => void waits.push(milliseconds) };
    const observed = runProgram({ program: HELLO, args: ["Ada"], ...forced(engine), observer });
    const alone = runProgram({ program: HELLO, args: ["Ada"], ...forced(engine) });
    assertEquals(waits.length, observed.statistics.compiledRegions);
    assert(waits.every((milliseconds) => milliseconds >= 0));
    assertEquals(observed.statistics, alone.statistics);
  });
}
