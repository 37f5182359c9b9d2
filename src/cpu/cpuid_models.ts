/** Processor models: which of the implemented features CPUID reports. SDM vol. 2A, "CPUID". */
import { bits, type CpuidResult, XSAVE_BYTES } from "./cpuid.ts";
import { LINEAR_BITS } from "./address_widths.ts";
import { LINEAR_WIDTH } from "./machine_cpuid.ts";
import { Cr4 } from "./system/control_bits.ts";

/** Feature bits that a model keeps, for each register that reports features. */
interface FeatureMasks {
  readonly leaf1: { readonly ecx: number; readonly edx: number };
  readonly leaf7: { readonly ebx: number; readonly ecx: number };
  readonly extended1: { readonly ecx: number; readonly edx: number };
}

const ALL = -1;

/** Leaf 1, ECX: what operating systems use, whatever programs do: MONITOR VMX PCID x2APIC TSC-deadline, a hypervisor. */
const SYSTEM_ECX: number = bits(3, 5, 17, 21, 24, 31);
/** SSE3 SSSE3 CMPXCHG16B SSE4.1 SSE4.2 POPCNT. */
const V2_ECX: number = bits(0, 9, 13, 19, 20, 23);
/** TSC-adjust SMEP INVPCID SMAP. */
const SYSTEM_LEAF7_EBX: number = bits(1, 7, 10, 20);
const LAHF: number = bits(0);
/** VMX of leaf 1 (ECX), LA57 of leaf 7 (ECX). */
const VMX: number = bits(5), LA57: number = bits(16);
/** PKU of leaf 7 (ECX), and the component of XCR0 that comes with it. */
const PKU: number = bits(3), PKRU_COMPONENT = 9;

/** The models, by name; System V ABI for x86-64, section 3.1.1, defines the levels. */
export const CPU_MODELS = {
  /** x86-64-v2, and of v3 and later what needs no wider registers; with 4-level paging. */
  causeway: {
    leaf1: { ecx: ALL, edx: ALL },
    leaf7: { ebx: ALL, ecx: ~LA57 },
    extended1: { ecx: ALL, edx: ALL },
  },
  "x86-64-v2": {
    leaf1: { ecx: SYSTEM_ECX | V2_ECX, edx: ALL },
    leaf7: { ebx: SYSTEM_LEAF7_EBX, ecx: 0 },
    extended1: { ecx: LAHF, edx: ALL },
  },
  "x86-64": {
    leaf1: { ecx: SYSTEM_ECX, edx: ALL },
    leaf7: { ebx: SYSTEM_LEAF7_EBX, ecx: 0 },
    extended1: { ecx: 0, edx: ALL },
  },
  /** The default with 5-level paging (57-bit linear addresses), which VMX here does not know. */
  "causeway-la57": {
    leaf1: { ecx: ~VMX, edx: ALL },
    leaf7: { ebx: ALL, ecx: ALL },
    extended1: { ecx: ALL, edx: ALL },
  },
} as const satisfies Record<string, FeatureMasks>;

/** Name of a model. */
export type CpuModelName = keyof typeof CPU_MODELS;
/** Names of the models, the default first. */
export const CPU_MODEL_NAMES: readonly CpuModelName[] = ["causeway", "x86-64-v2", "x86-64", "causeway-la57"];

/** Bits of CR4 that a feature of leaf 1 (ECX) or leaf 7 (EBX, ECX) brings. */
const CONTROLS:
  readonly (readonly [register: "1.ecx" | "7.ebx" | "7.ecx", feature: number, control: number])[] = [
    ["1.ecx", 5, Cr4.VMXE],
    ["1.ecx", 17, Cr4.PCIDE],
    ["1.ecx", 26, Cr4.OSXSAVE],
    ["7.ebx", 0, Cr4.FSGSBASE],
    ["7.ebx", 7, Cr4.SMEP],
    ["7.ebx", 20, Cr4.SMAP],
    ["7.ecx", 2, Cr4.UMIP],
    ["7.ecx", 3, Cr4.PKE],
    ["7.ecx", 16, Cr4.LA57],
  ];

/** Whether a model can have VMX. */
export function mayHaveVmx(name: CpuModelName): boolean {
  return (CPU_MODELS[name].leaf1.ecx & VMX) !== 0;
}

/** Bits of CR4 that are reserved in a model, since CPUID does not report what they enable. */
export function reservedInCr4(name: CpuModelName): number {
  const { leaf1, leaf7 }: FeatureMasks = CPU_MODELS[name];
  const masks = { "1.ecx": leaf1.ecx, "7.ebx": leaf7.ebx, "7.ecx": leaf7.ecx };
  return CONTROLS.reduce(
    (reserved, [register, feature, control]) =>
      (masks[register] & (1 << feature)) === 0 ? reserved | control : reserved,
    0,
  );
}

/** Widths of addresses with 4-level paging. */
const fourLevels = (widths: number): number => (widths & ~LINEAR_WIDTH) | (LINEAR_BITS << 8);

/** What a model reports of what is implemented. */
export function asModelled(
  name: CpuModelName,
  leaf: number,
  subleaf: number,
  [eax, ebx, ecx, edx]: CpuidResult,
): CpuidResult {
  const { leaf1, leaf7, extended1 }: FeatureMasks = CPU_MODELS[name];
  switch (leaf >>> 0) {
    case 1:
      return [eax, ebx, ecx & leaf1.ecx, edx & leaf1.edx];
    case 7:
      return subleaf === 0 ? [eax, ebx & leaf7.ebx, ecx & leaf7.ecx, edx] : [eax, ebx, ecx, edx];
    case 0xd:
      if ((leaf1.ecx & bits(26)) === 0) return [0, 0, 0, 0];
      if ((leaf7.ecx & PKU) !== 0) return [eax, ebx, ecx, edx];
      if (subleaf === PKRU_COMPONENT) return [0, 0, 0, 0];
      return subleaf === 0
        ? [eax & ~bits(PKRU_COMPONENT), XSAVE_BYTES, XSAVE_BYTES, edx]
        : [eax, ebx, ecx, edx];
    case 0x8000_0008:
      return (leaf7.ecx & LA57) !== 0 ? [eax, ebx, ecx, edx] : [fourLevels(eax), ebx, ecx, edx];
    case 0x8000_0001:
      return [eax, ebx, ecx & extended1.ecx, edx & extended1.edx];
    default:
      return [eax, ebx, ecx, edx];
  }
}
