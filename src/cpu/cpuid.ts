/**
 * CPUID: reports exactly what is implemented. SDM vol. 2A, "CPUID".
 *
 * The model is an x86-64-v2 processor with the scalar additions of v3 and AES, PCLMULQDQ, SHA, RDRAND and RDSEED.
 */
import { LINEAR_BITS, PHYSICAL_BITS } from "./address_widths.ts";

/** EAX, EBX, ECX, EDX. */
export type CpuidResult = readonly [eax: number, ebx: number, ecx: number, edx: number];

/** What CPUID reports that depends on the state. */
export interface CpuidState {
  /** CR4.OSXSAVE. */
  readonly osxsave: boolean;
  /** CR4.PKE, and the low half of XCR0, of processors with their own operating system. */
  readonly ospke?: boolean;
  readonly xcr0?: number;
}

const MAX_BASIC = 0xd, MAX_EXTENDED = 0x8000_0008;
const NOTHING: CpuidResult = [0, 0, 0, 0];

/** Leaf 1, EAX, and EDX after RESET and INIT: family 6, model 0x3c, stepping 3. */
export const SIGNATURE = 0x0003_06c3;

/** A mask with the given bits set. */
export const bits = (...positions: readonly number[]): number =>
  positions.reduce((mask, n) => mask | (1 << n), 0);

/** Leaf 1, EBX: one logical processor; CLFLUSH lines of 8 quadwords. */
const LEAF1_EBX = (1 << 16) | (8 << 8);
/** SSE3 PCLMULQDQ SSSE3 CMPXCHG16B SSE4.1 SSE4.2 MOVBE POPCNT AES XSAVE RDRAND. */
const LEAF1_ECX = bits(0, 1, 9, 13, 19, 20, 22, 23, 25, 26, 30);
const LEAF1_ECX_OSXSAVE = bits(27);
/** FPU PSE TSC PAE CX8 CMOV CLFSH MMX FXSR SSE SSE2. */
const LEAF1_EDX = bits(0, 3, 4, 6, 8, 15, 19, 23, 24, 25, 26);
/** FSGSBASE BMI1 FDP_EXCPTN_ONLY BMI2 ERMS ZERO_FCS_FDS RDSEED ADX CLFLUSHOPT CLWB SHA. */
const LEAF7_EBX = bits(0, 3, 6, 8, 9, 13, 18, 19, 23, 24, 29);
/** UMIP RDPID. */
const LEAF7_ECX = bits(2, 22);
/** LAHF/SAHF in 64-bit mode, LZCNT, PREFETCHW. */
const EXTENDED1_ECX = bits(0, 5, 8);
/** SYSCALL NX RDTSCP LM. */
const EXTENDED1_EDX = bits(11, 20, 27, 29);

/** Bytes of an XSAVE area with the x87 and SSE components. */
export const XSAVE_BYTES = 576;
const XCR0_SUPPORTED = 3;

/** Four ASCII characters as the registers hold them. */
export const text = (s: string, at: number): number =>
  [0, 1, 2, 3].reduce((word, i) => word | ((s.charCodeAt(at + i) || 0) << (8 * i)), 0);

const VENDOR = "GenuineIntel";
const BRAND = "Causeway x86-64 Processor";

/** A level of cache for leaf 4. `type`: 1 data, 2 instruction, 3 unified. */
function cache(type: number, level: number, ways: number, sets: number): CpuidResult {
  const LINE = 64, SELF_INITIALIZING = 1 << 8;
  return [type | (level << 5) | SELF_INITIALIZING, ((ways - 1) << 22) | (LINE - 1), sets - 1, 0];
}

const CACHES: readonly CpuidResult[] = [
  cache(1, 1, 8, 64),
  cache(2, 1, 8, 64),
  cache(3, 2, 8, 512),
  cache(3, 3, 16, 8192),
];

/** Result of CPUID for `leaf` (EAX) and `subleaf` (ECX). */
export function cpuid(leaf: number, subleaf: number, state: CpuidState): CpuidResult {
  const number = leaf >>> 0;
  if (number >= 0x8000_0000 && number <= MAX_EXTENDED) return extendedLeaf(number);
  // Numbers out of range give what the highest basic leaf gives.
  return basicLeaf(number <= MAX_BASIC ? number : MAX_BASIC, subleaf >>> 0, state);
}

function basicLeaf(leaf: number, subleaf: number, { osxsave }: CpuidState): CpuidResult {
  switch (leaf) {
    case 0:
      return [MAX_BASIC, text(VENDOR, 0), text(VENDOR, 8), text(VENDOR, 4)];
    case 1:
      return [SIGNATURE, LEAF1_EBX, LEAF1_ECX | (osxsave ? LEAF1_ECX_OSXSAVE : 0), LEAF1_EDX];
    case 2: // "See leaf 4", no TLB information.
      return [0x00fe_ff01, 0xf0, 0, 0];
    case 4:
      return CACHES[subleaf] ?? NOTHING;
    case 7:
      return subleaf === 0 ? [0, LEAF7_EBX, LEAF7_ECX, 0] : NOTHING;
    case 0xb:
      return topology(subleaf);
    case 0xd:
      if (subleaf === 0) return [XCR0_SUPPORTED, XSAVE_BYTES, XSAVE_BYTES, 0];
      // XSAVEOPT, XSAVEC, XGETBV of register 1; bytes of a compacted area with all components that are enabled.
      return subleaf === 1 ? [bits(0, 1, 2), XSAVE_BYTES, 0, 0] : NOTHING;
    default:
      return NOTHING;
  }
}

/** One thread in one core. */
function topology(subleaf: number): CpuidResult {
  const level = subleaf & 0xff;
  return level < 2 ? [0, 1, level | ((level + 1) << 8), 0] : [0, 0, level, 0];
}

function extendedLeaf(leaf: number): CpuidResult {
  switch (leaf) {
    case 0x8000_0000:
      return [MAX_EXTENDED | 0, 0, 0, 0];
    case 0x8000_0001:
      return [0, 0, EXTENDED1_ECX, EXTENDED1_EDX];
    case 0x8000_0002:
    case 0x8000_0003:
    case 0x8000_0004: {
      const at = 16 * (leaf - 0x8000_0002);
      return [text(BRAND, at), text(BRAND, at + 4), text(BRAND, at + 8), text(BRAND, at + 12)];
    }
    case 0x8000_0006: // L2: 256 KB, 8 ways, lines of 64 bytes.
      return [0, 0, (256 << 16) | (6 << 12) | 64, 0];
    case 0x8000_0007: // Invariant TSC.
      return [0, 0, 0, bits(8)];
    case 0x8000_0008:
      return [PHYSICAL_BITS | (LINEAR_BITS << 8), 0, 0, 0];
    default:
      return NOTHING;
  }
}
