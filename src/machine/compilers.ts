/**
 * Chooses the engine that compiles. Where the host refuses WebAssembly, JavaScript takes its place; where that is
 * refused, too, code is interpreted.
 */
import type { Bindings } from "../jit/bindings.ts";
import { JsEngine } from "../jit/js/engine.ts";
import { WasmEngine } from "../jit/wasm/engine.ts";
import type { EngineName } from "./engines.ts";

/** The smallest module. */
const EMPTY_MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

/** Why the host does not compile WebAssembly (a content security policy, say), or undefined if it does. */
export function whyNoWebAssembly(): string | undefined {
  // Safari compiles where a policy forbids it, and then refuses instances.
  return whyRefused(() => new WebAssembly.Instance(new WebAssembly.Module(EMPTY_MODULE)));
}

/** Why the host does not make functions of text, or undefined if it does. */
function whyNoFunctions(): string | undefined {
  return whyRefused(() => new Function(""));
}

function whyRefused(attempt: () => void): string | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    // Whatever it is thrown as, it is the host's word on the matter.
    return error instanceof Error ? error.message : String(error);
  }
}

/** What has been said of this host. */
const said = new Set<string>();

/** Tells what the host refuses, once. */
function warn(text: string): void {
  if (said.has(text)) return;
  said.add(text);
  console.warn(`causeway: ${text}`);
}

/** The engine for a name; undefined for the interpreter alone. */
export function compilerFor(
  engine: EngineName,
  bindings: Bindings,
): JsEngine | WasmEngine | undefined {
  if (engine === "interpreter") return undefined;
  const noWebAssembly = engine === "js" ? "" : whyNoWebAssembly();
  if (noWebAssembly === undefined) return new WasmEngine(bindings);
  const noFunctions = whyNoFunctions();
  if (noFunctions !== undefined) {
    warn(`the host compiles nothing, so guest code is interpreted (${noFunctions})`);
    return undefined;
  }
  if (engine !== "js") {
    warn(`the host compiles no WebAssembly, so guest code becomes JavaScript (${noWebAssembly})`);
  }
  return new JsEngine(bindings);
}
