/** What a sample of Linux's `perf` says of a run of Causeway: what its processor time was spent on. */

/** A sample, as `perf script -F pid,tid,ip,sym,dso` prints it. */
export interface Sample {
  /** Of the thread that runs guest code; the others are the host's: V8's compilers and collectors, Deno's. */
  readonly isMain: boolean;
  /** The function, or `[unknown]`. */
  readonly symbol: string;
  /** The file that it lies in; V8 lists the code that it makes in `/tmp/perf-PID.map`. */
  readonly file: string;
}

const SAMPLE = /^\s*(\d+)\/(\d+)\s+[0-9a-f]+ (.*) \(([^()]*(?:\([^()]*\))?)\)$/;

/** The samples in what `perf script` prints. */
export function readSamples(text: string): Sample[] {
  return text.split("\n").filter((line) => line.trim() !== "").map((line) => {
    const [, pid, tid, symbol, file] = SAMPLE.exec(line) ?? [];
    if (symbol === undefined) throw new Error(`This is no sample of perf's: ${line}`);
    return { isMain: pid === tid, symbol, file: file! };
  });
}

/** A function of WebAssembly: its name, and V8's tier. The regions of guest code have its address in their names. */
const WASM = /^JS:(\S+?)-\d+-(turbofan|liftoff)$/, REGION = /^guest_/;
const INTERPRETER = /^(?:interpret|RARE)$/;
/** A function in JavaScript that TurboFan or Maglev has optimized. */
const OPTIMIZED = /^JS:[*+]/;
const KERNEL = /^\[kernel|^\[guest\.kernel/, MAP = /\/perf-\d+\.map$/;

/** What processor time is spent on, in the order of the report. */
export const CATEGORIES = [
  "guest code, optimized by V8",
  "guest code, in V8's baseline code",
  "what guest code calls in WebAssembly: TLB, ways, flags",
  "the interpreter's loop",
  "translation, compilation and devices: TypeScript, optimized",
  "the same, not optimized yet, and V8's own code for it",
  "the runtime: V8's parser, baseline compiler, collector; Deno",
  "the system: page faults, files",
  "other threads: V8's optimizing compilers and collectors",
] as const;
export type Category = typeof CATEGORIES[number];

/** What a sample was spent on. */
export function categoryOf({ isMain, symbol, file }: Sample): Category {
  if (!isMain) return CATEGORIES[8];
  if (KERNEL.test(file)) return CATEGORIES[7];
  if (!MAP.test(file)) return CATEGORIES[6];
  const [, name, tier] = WASM.exec(symbol) ?? [];
  if (name === undefined) return OPTIMIZED.test(symbol) ? CATEGORIES[4] : CATEGORIES[5];
  if (REGION.test(name)) return tier === "turbofan" ? CATEGORIES[0] : CATEGORIES[1];
  return INTERPRETER.test(name) ? CATEGORIES[3] : CATEGORIES[2];
}

/** A function's name without what differs from run to run; undefined for what is not Causeway's. */
export function functionOf({ isMain, symbol, file }: Sample): string | undefined {
  if (!isMain || !MAP.test(file)) return undefined;
  const [, name] = WASM.exec(symbol) ?? [];
  return name ?? /^JS:[*+^~]'?(#?[\w$.]+)/.exec(symbol)?.[1];
}

/** How many of some things there are, the most first. */
export function countOf<T>(things: Iterable<T>): [T, number][] {
  const counts = new Map<T, number>();
  for (const thing of things) counts.set(thing, (counts.get(thing) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a);
}
