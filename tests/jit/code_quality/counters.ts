/** Counts what an engine emits, from the text that `--dump` prints: of two texts for the same code the shorter runs faster. */

/** What a region's code consists of. */
export interface Counts {
  /** Operations on values: arithmetic, comparisons, choices. */
  readonly operations: number;
  /** Loads and stores of state cells and guest memory. */
  readonly accesses: number;
  /** Calls of functions, on paths that are seldom taken as well. */
  readonly calls: number;
}

const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;

/** JavaScript. A comment or string would be counted, too: the emitter writes none. */
function countJavaScript(source: string): Counts {
  const all = count(source, /\b[A-Za-z_]\w*\(/g);
  return {
    operations: count(source, /[-+*/&|^~]|<<|>>>?|[<>]=?|[!=]==|\?/g),
    accesses: count(source, /\b(?:M|U8|U16)\[/g),
    calls: all - count(source, /\b(?:if|for|switch|function)\(/g),
  };
}

/** WebAssembly as text, an instruction a line. What only names values or opens blocks costs nothing once it is compiled. */
function countWebAssembly(source: string): Counts {
  const names = source.split("\n").map((line) => line.trim().split(/[ (]/)[0]!).filter((name) => name !== "");
  const those = (pattern: RegExp): number => names.filter((name) => pattern.test(name)).length;
  const accesses = those(/\.(?:load|store)/), calls = those(/^call/);
  const free = those(/^(?:local\.|block|loop|end|else|nop|drop|[if]\d+\.const|v128\.const)/);
  return { operations: names.length - accesses - calls - free, accesses, calls };
}

/** By engine. */
export const COUNTERS: Readonly<Record<string, (source: string) => Counts>> = {
  js: countJavaScript,
  wasm: countWebAssembly,
};
