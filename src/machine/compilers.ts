/** Chooses the engine that compiles; where the host refuses WebAssembly, JavaScript takes its place. */
import type { Bindings } from "../jit/bindings.ts";
import { JsEngine } from "../jit/js/engine.ts";
import { WasmEngine } from "../jit/wasm/engine.ts";
import type { EngineName } from "./engines.ts";

/** The smallest module. */
const EMPTY_MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

/** Why the host does not compile WebAssembly (a content security policy, say), or undefined if it does. */
export function whyNoWebAssembly(): string | undefined {
  try {
    new WebAssembly.Module(EMPTY_MODULE);
    return undefined;
  } catch (error) {
    // Whatever it is thrown as, it is the host's word on the matter.
    return error instanceof Error ? error.message : String(error);
  }
}

let hasSaidSo = false;

/** The engine for a name; undefined for the interpreter alone. */
export function compilerFor(
  engine: EngineName,
  bindings: Bindings,
): JsEngine | WasmEngine | undefined {
  if (engine === "interpreter") return undefined;
  if (engine === "js") return new JsEngine(bindings);
  const reason = whyNoWebAssembly();
  if (reason === undefined) return new WasmEngine(bindings);
  if (!hasSaidSo) {
    hasSaidSo = true;
    console.warn(`causeway: the host compiles no WebAssembly, so guest code becomes JavaScript (${reason})`);
  }
  return new JsEngine(bindings);
}
