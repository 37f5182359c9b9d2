/** How engines are set up where nothing else is asked for. */
import { assertEquals } from "@std/assert";
import { createProcessor } from "../../src/machine/api/bare_processor.ts";
import { ENGINE_NAMES, type ProcessorConfiguration } from "../../src/machine/engines.ts";
import { bootMachine } from "../../src/machine/machine.ts";

/** Runs of a block before it is compiled, in a machine. */
function thresholdOf(configuration: ProcessorConfiguration): number {
  const machine = bootMachine({
    kernel: new Uint8Array(16),
    loadAddress: 0x1000,
    memory: 1 << 20,
    ...configuration,
  });
  return machine.statistics().threshold;
}

Deno.test("newProcessor() compiles what has run so many times as was measured to be worth it", () => {
  assertEquals(ENGINE_NAMES.map((engine) => thresholdOf({ engine })), [1, 2000, 1, 1000]);
  assertEquals(ENGINE_NAMES.map((engine) => thresholdOf({ engine, tiers: { threshold: 7 } })), [7, 7, 7, 7]);
});

Deno.test("newProcessor() compiles at once where somebody looks at the JavaScript", () => {
  assertEquals(thresholdOf({ engine: "js", observer: { compiled() {} } }), 1);
  assertEquals(thresholdOf({ engine: "js", observer: { translated() {} } }), 2000);
});

Deno.test("createProcessor() compiles at once with the engine js", () => {
  const cpu = createProcessor({ engine: "js" });
  cpu.load(Uint8Array.of(0xf4)); // HLT
  cpu.run();
  assertEquals(cpu.statistics().compiledRegions, 1);
});
