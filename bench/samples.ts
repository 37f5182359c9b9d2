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
export const Category = {
  GUEST: "guest code, optimized by V8",
  GUEST_BASELINE: "guest code, in V8's baseline code",
  CALLED: "what guest code calls in WebAssembly: TLB, ways, flags",
  INTERPRETER: "the interpreter's loop",
  OWN: "translation, compilation and devices: TypeScript, optimized",
  OWN_BASELINE: "the same in V8's baseline code",
  RUNTIME: "the runtime: V8's interpreter, built-ins and collector; Deno",
  SYSTEM: "the system: page faults, files",
  OTHER_THREADS: "other threads: V8's optimizing compilers and collectors",
} as const;
export type Category = typeof Category[keyof typeof Category];

/** What a sample was spent on. */
export function categoryOf({ isMain, symbol, file }: Sample): Category {
  if (!isMain) return Category.OTHER_THREADS;
  if (KERNEL.test(file)) return Category.SYSTEM;
  if (!MAP.test(file)) return Category.RUNTIME;
  const [, name, tier] = WASM.exec(symbol) ?? [];
  if (name === undefined) return OPTIMIZED.test(symbol) ? Category.OWN : Category.OWN_BASELINE;
  if (REGION.test(name)) return tier === "turbofan" ? Category.GUEST : Category.GUEST_BASELINE;
  return INTERPRETER.test(name) ? Category.INTERPRETER : Category.CALLED;
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
