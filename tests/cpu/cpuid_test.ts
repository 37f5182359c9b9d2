import { assertEquals } from "@std/assert";
import { cpuid } from "../../src/cpu/cpuid.ts";
import { MNEMONICS } from "../../src/frontend/opcodes/mnemonics.ts";
import { SEMANTICS } from "../../src/frontend/semantics/mod.ts";

const STATE = { osxsave: true };
const ascii = (...registers: number[]): string =>
  registers.flatMap((word) => [0, 8, 16, 24].map((shift) => (word >>> shift) & 0xff))
    .filter((code) => code !== 0).map((code) => String.fromCharCode(code)).join("");

Deno.test("cpuid() leaf 0 names the vendor in EBX, EDX, ECX and the highest basic leaf", () => {
  const [eax, ebx, ecx, edx] = cpuid(0, 0, STATE);
  assertEquals(ascii(ebx, edx, ecx), "GenuineIntel");
  assertEquals(eax, 0xd);
});

Deno.test("cpuid() spells the brand over leaves 0x80000002 to 4", () => {
  const words = [2, 3, 4].flatMap((n) => [...cpuid(0x8000_0000 + n, 0, STATE)]);
  assertEquals(ascii(...words), "Causeway x86-64 Processor");
});

Deno.test("cpuid() gives the highest basic leaf for numbers out of range", () => {
  assertEquals(cpuid(0x4000_0000, 0, STATE), cpuid(0xd, 0, STATE));
  assertEquals(cpuid(0x8000_0009, 1, STATE), cpuid(0xd, 1, STATE));
});

Deno.test("cpuid() reports OSXSAVE as CR4 has it", () => {
  const OSXSAVE = 1 << 27;
  assertEquals(cpuid(1, 0, { osxsave: true })[2] & OSXSAVE, OSXSAVE);
  assertEquals(cpuid(1, 0, { osxsave: false })[2] & OSXSAVE, 0);
});

/** Feature bits, the register (0-3) and leaf that hold them, and an instruction each stands for. */
const FEATURES: readonly (readonly [leaf: number, register: number, bit: number, mnemonic: string])[] = [
  [1, 2, 0, "HADDPS"],
  [1, 2, 1, "PCLMULQDQ"],
  [1, 2, 9, "PSHUFB"],
  [1, 2, 12, "VFMADD132SS"],
  [1, 2, 13, "CMPXCHG16B"],
  [1, 2, 19, "PTEST"],
  [1, 2, 20, "PCMPGTQ"],
  [1, 2, 22, "MOVBE"],
  [1, 2, 23, "POPCNT"],
  [1, 2, 25, "AESENC"],
  [1, 2, 26, "XSAVE"],
  [1, 2, 28, "VADDPS"],
  [1, 2, 30, "RDRAND"],
  [1, 3, 4, "RDTSC"],
  [1, 3, 8, "CMPXCHG8B"],
  [1, 3, 15, "CMOVE"],
  [1, 3, 19, "CLFLUSH"],
  [1, 3, 23, "PADDB"],
  [1, 3, 24, "FXSAVE"],
  [1, 3, 25, "ADDPS"],
  [1, 3, 26, "ADDPD"],
  [7, 1, 0, "RDFSBASE"],
  [7, 1, 3, "ANDN"],
  [7, 1, 5, "VPADDB"],
  [7, 1, 8, "PDEP"],
  [7, 1, 18, "RDSEED"],
  [7, 1, 19, "ADCX"],
  [7, 1, 23, "CLFLUSHOPT"],
  [7, 1, 24, "CLWB"],
  [7, 1, 29, "SHA256RNDS2"],
  [7, 2, 22, "RDPID"],
  [0x8000_0001, 2, 0, "LAHF"],
  [0x8000_0001, 2, 5, "LZCNT"],
  [0x8000_0001, 2, 8, "PREFETCHW"],
  [0x8000_0001, 3, 11, "SYSCALL"],
  [0x8000_0001, 3, 27, "RDTSCP"],
];

Deno.test("cpuid() reports a feature exactly if its instructions have semantics", () => {
  const implemented = new Set<string>(MNEMONICS.filter((mnemonic) => SEMANTICS[mnemonic] !== undefined));
  for (const [leaf, register, bit, mnemonic] of FEATURES) {
    const reported = ((cpuid(leaf, 0, STATE)[register]! >>> bit) & 1) === 1;
    assertEquals(reported, implemented.has(mnemonic), `leaf ${leaf.toString(16)}, bit ${bit}: ${mnemonic}`);
  }
});
