/** The benchmark programs: ours, and Debian's busybox. Their images are committed; `bench/build.ts` builds them. */

/** How much a program is given to do. */
export type Size = "full" | "quarter" | "small" | "tiny";

/** A program of the suite. */
export interface Program {
  readonly name: string;
  /** Of the integer programs, of which the goals speak. */
  readonly integer: boolean;
  /** The argument for each size: `full` takes about a second natively, `tiny` is for tests. */
  readonly sizes: Readonly<Record<Size, number>>;
  /** Work for an argument, in any unit; default: the argument. */
  readonly work?: (argument: number) => number;
  /** What it prints for `tiny`; a program that is not ours has none. */
  readonly prints?: string;
  /** Reads the argument's count of KB of generated text from standard input, as arguments of busybox. */
  readonly busybox?: readonly string[];
}

/** Calls that `calls` makes: a Fibonacci number, up to a factor. */
const fibonacci = (n: number): number => Math.round(1.618033988749895 ** n);

/** The suite. */
// deno-fmt-ignore
export const SUITE: readonly Program[] = [
  { name: "hash", integer: true, sizes: { full: 80_000, quarter: 20_000, small: 150, tiny: 2 }, prints: "0c87f01379395ece bc8869ec\n" },
  { name: "core", integer: true, sizes: { full: 15_000, quarter: 3750, small: 60, tiny: 1 }, prints: "1fd2 0007806d\n" },
  { name: "sieve", integer: true, sizes: { full: 400, quarter: 100, small: 2, tiny: 1 }, prints: "78498 37550402023\n" },
  { name: "calls", integer: true, sizes: { full: 42, quarter: 39, small: 29, tiny: 15 }, work: fibonacci, prints: "610\n" },
  { name: "sort", integer: true, sizes: { full: 140, quarter: 35, small: 2, tiny: 1 }, prints: "3dd4fcbd\n" },
  { name: "numerics", integer: false, sizes: { full: 3500, quarter: 875, small: 8, tiny: 1 }, prints: "0.000816015 0.631727640 1.274206094 56322\n" },
  { name: "sha256", integer: true, sizes: { full: 16_000, quarter: 4000, small: 30, tiny: 1 }, prints: "4fe7b59af6de3b665b67788cc2f99892ab827efae3a467342b3bb4e3bc8e5bfe\n" },
  { name: "bytecode", integer: true, sizes: { full: 3600, quarter: 900, small: 12, tiny: 1 }, prints: "3bd6142d\n" },
  { name: "syscalls", integer: false, sizes: { full: 800_000, quarter: 200_000, small: 20_000, tiny: 100 }, prints: "19986\n" },
  { name: "gzip", integer: true, sizes: { full: 34_000, quarter: 8500, small: 150, tiny: 4 }, busybox: ["gzip", "-c"] },
];

/** The hot loop of ARCHITECTURE.md, measured by itself. */
export const LOOP: Program = {
  name: "loop",
  integer: true,
  sizes: { full: 800_000_000, quarter: 200_000_000, small: 2_000_000, tiny: 1000 },
  prints: "45437b68f66fa279\n",
}; // deno-fmt-ignore

/** Instructions of a turn of `loop`. */
export const LOOP_INSTRUCTIONS = 10;

/** Debian's `busybox-static`. */
export const BUSYBOX = "/usr/bin/busybox";

/** Where a program of ours has its source and its image. */
export const sourceOf = (name: string): URL => new URL(`programs/${name}.c`, import.meta.url);
export const imageOf = (name: string): URL => new URL(`images/${name}.elf`, import.meta.url);

/** Work of a program at a size, in the program's unit. */
export function workOf({ sizes, work }: Program, size: Size): number {
  return work === undefined ? sizes[size] : work(sizes[size]);
}

/** Text of pseudo-random words, some of them often: what compressors are made for. */
export function generatedText(kilobytes: number): Uint8Array {
  const bytes = new Uint8Array(kilobytes << 10);
  let seed = 1;
  const random = (): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0;
    return seed >>> 16;
  };
  const words = Array.from({ length: 700 }, () => {
    const letters = Array.from({ length: 2 + (random() % 8) }, () => 97 + (random() % 26));
    return [...letters, random() % 9 === 0 ? 10 : 32];
  });
  for (let at = 0; at < bytes.length;) {
    const word = words[Math.min(random() % 700, random() % 700)]!;
    for (const letter of word) bytes[at++] = letter;
  }
  return bytes;
}
