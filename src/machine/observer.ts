/** Those who want to see the stages of what is translated. */
import type { Block } from "../ir/types.ts";

/** Is shown each block when it is translated, and each region when it is compiled; what it leaves out costs nothing. */
export interface TranslationObserver {
  /** A block was translated from `bytes`, which may go on behind it. */
  translated?(block: Block, bytes: Uint8Array): void;
  /** Blocks were compiled to `source` by an engine: JavaScript (`js`), or WebAssembly as text (`wasm`). */
  compiled?(blocks: readonly Block[], source: string, engine: "js" | "wasm"): void;
  /** The guest begins to wait for a region to be compiled, or for a slice of the work on one. */
  compilationBegins?(): void;
  /** It waited so long. */
  compilationTook?(milliseconds: number): void;
}
