/** /proc/cpuinfo, from what CPUID reports. proc(5). */
import { cpuid, type CpuidResult } from "../../cpu/cpuid.ts";

/** Linux's names of CPUID bits: leaf, subleaf, register (0 EAX … 3 EDX), and names by bit. Linux: asm/cpufeatures.h. */
const FLAGS: readonly (readonly [number, number, number, Readonly<Record<number, string>>])[] = [
  [1, 0, 3, {
    0: "fpu",
    1: "vme",
    2: "de",
    3: "pse",
    4: "tsc",
    5: "msr",
    6: "pae",
    7: "mce",
    8: "cx8",
    9: "apic",
    11: "sep",
    12: "mtrr",
    13: "pge",
    15: "cmov",
    16: "pat",
    19: "clflush",
    23: "mmx",
    24: "fxsr",
    25: "sse",
    26: "sse2",
    28: "ht",
  }],
  [0x8000_0001, 0, 3, { 11: "syscall", 20: "nx", 26: "pdpe1gb", 27: "rdtscp", 29: "lm" }],
  [1, 0, 2, {
    0: "pni",
    1: "pclmulqdq",
    5: "vmx",
    9: "ssse3",
    12: "fma",
    13: "cx16",
    19: "sse4_1",
    20: "sse4_2",
    21: "x2apic",
    22: "movbe",
    23: "popcnt",
    25: "aes",
    26: "xsave",
    28: "avx",
    29: "f16c",
    30: "rdrand",
  }],
  [0x8000_0001, 0, 2, { 0: "lahf_lm", 5: "abm", 8: "3dnowprefetch" }],
  [7, 0, 1, {
    0: "fsgsbase",
    3: "bmi1",
    5: "avx2",
    8: "bmi2",
    9: "erms",
    18: "rdseed",
    19: "adx",
    23: "clflushopt",
    24: "clwb",
    29: "sha_ni",
  }],
  [0xd, 1, 0, { 0: "xsaveopt", 1: "xsavec", 2: "xgetbv1" }],
  [7, 0, 2, { 2: "umip", 22: "rdpid" }],
]; // deno-fmt-ignore

const leaf = (number: number, subleaf = 0): CpuidResult => cpuid(number, subleaf, { osxsave: true });

/** EDX of leaf 1: AT_HWCAP. */
export function hardwareCapabilities(): number {
  return leaf(1)[3] >>> 0;
}

/** Characters that registers hold. */
function textOf(words: readonly number[]): string {
  const bytes = words.flatMap((word) => [word & 255, (word >>> 8) & 255, (word >>> 16) & 255, word >>> 24]);
  return String.fromCharCode(...bytes).replace(/\0.*/, "");
}

/** Text of /proc/cpuinfo. */
export function cpuinfo(): string {
  const [, b, c, d] = leaf(0);
  const signature = leaf(1)[0];
  const brand = textOf([2, 3, 4].flatMap((n) => leaf(0x8000_0000 + n)));
  const flags = FLAGS.flatMap(([number, subleaf, register, names]) => {
    const bits = leaf(number, subleaf)[register]!;
    return Object.entries(names).filter(([bit]) => ((bits >>> Number(bit)) & 1) !== 0).map(([, name]) =>
      name
    );
  });
  const sizes = leaf(0x8000_0008)[0];
  return [
    "processor\t: 0",
    `vendor_id\t: ${textOf([b, d, c])}`,
    `cpu family\t: ${(signature >>> 8) & 15}`,
    `model\t\t: ${((signature >>> 12) & 0xf0) | ((signature >>> 4) & 15)}`,
    `model name\t: ${brand}`,
    `stepping\t: ${signature & 15}`,
    "cpu MHz\t\t: 1000.000",
    "physical id\t: 0",
    "siblings\t: 1",
    "core id\t\t: 0",
    "cpu cores\t: 1",
    "fpu\t\t: yes",
    `flags\t\t: ${flags.join(" ")}`,
    "bogomips\t: 2000.00",
    "clflush size\t: 64",
    "cache_alignment\t: 64",
    `address sizes\t: ${sizes & 255} bits physical, ${(sizes >>> 8) & 255} bits virtual`,
  ].join("\n") + "\n\n";
}
