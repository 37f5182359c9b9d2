/** Engines made to compile: the code of most tests runs too few times for that by itself. */
import type { EngineName, ProcessorConfiguration } from "../../src/machine/engines.ts";

/** The configuration of an engine for tests, in which `js` compiles a block at its first run, as `wasm` does. */
export function forced(engine: EngineName): Pick<ProcessorConfiguration, "engine" | "tiers"> {
  return engine === "js" ? { engine, tiers: { threshold: 1 } } : { engine };
}
