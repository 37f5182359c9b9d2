/** The benchmark programs: ours, whose images are committed, and what Debian has: busybox, Lua. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** How much a program is given to do. */
export const SIZES = ["full", "quarter", "small", "tiny"] as const;
export type Size = typeof SIZES[number];

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
  /** It is not one of ours. */
  readonly from?: "busybox" | "lua";
}

/** What to start, and what it reads. */
export interface Invocation {
  /** Path of the image. */
  readonly image: string;
  /** The program's own name, which tells busybox what it is. */
  readonly name: string;
  readonly args: readonly string[];
  readonly stdin: Uint8Array;
}

/** Calls that `calls` makes: a Fibonacci number, up to a factor. */
const fibonacci = (n: number): number => Math.round(1.618033988749895 ** n);

/** The suite. Sizes are such that the native run takes about a second: whatever warms up has time for it, as for users. */
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
  { name: "syscalls", integer: false, sizes: { full: 400_000, quarter: 100_000, small: 20_000, tiny: 100 }, prints: "19986\n" },
  { name: "lua", integer: false, sizes: { full: 600, quarter: 150, small: 3, tiny: 1 }, from: "lua" },
  { name: "awk", integer: true, sizes: { full: 4096, quarter: 1024, small: 20, tiny: 4 }, from: "busybox" },
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
const BUSYBOX = "/usr/bin/busybox";

/** Counts words and matches expressions in the text that it reads. */
const AWK = "{ for (i = 1; i <= NF; i++) { n[$i]++; l += length($i) } if (/ing|ab+c/) m++ } " +
  "END { for (w in n) if (n[w] > t) t = n[w]; print NR, l, m, t }";

/** Where a program of ours has its source and its image. */
export const sourceOf = (name: string): URL => new URL(`programs/${name}.c`, import.meta.url);
export const imageOf = (name: string): URL => new URL(`images/${name}.elf`, import.meta.url);

/** How to start a program with an argument; undefined where it is not installed. */
export function invocationOf({ name, from }: Program, argument: number): Invocation | undefined {
  const args = [String(argument)];
  switch (from) {
    case undefined:
      return { image: fileURLToPath(imageOf(name)), name, args, stdin: new Uint8Array() };
    case "busybox":
      return existsSync(BUSYBOX)
        ? { image: BUSYBOX, name: "busybox", args: [name, AWK], stdin: generatedText(argument) }
        : undefined;
    case "lua": {
      const image = luaImage();
      if (image === undefined) return undefined;
      return { image, name, args, stdin: readFileSync(new URL("programs/lua.lua", import.meta.url)) };
    }
  }
}

/** The Debian packages that a program needs. */
export const NEEDS: Readonly<Record<NonNullable<Program["from"]>, string>> = {
  busybox: "busybox-static",
  lua: "gcc and liblua5.4-dev",
};

/** Lua's own library, as Debian compiled it, in a static program: built when it is first needed, and not committed. */
function luaImage(): string | undefined {
  const source = fileURLToPath(sourceOf("lua")), image = fileURLToPath(imageOf("lua"));
  if (existsSync(image) && statSync(image).mtimeMs > statSync(source).mtimeMs) return image;
  const { status } = spawnSync(
    "gcc",
    ["-std=gnu11", "-O2", "-static", "-s", "-o", image, source, "-llua5.4", "-lm"],
    { stdio: "ignore" },
  );
  return status === 0 ? image : undefined;
}

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
