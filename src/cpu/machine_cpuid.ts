/** CPUID of a processor in a machine: what operating systems use, on top of what programs use. SDM vol. 2A, "CPUID". */
import { LINEAR_BITS_57 } from "./address_widths.ts";
import { bits, cpuid, type CpuidResult, type CpuidState, text, XSAVE_BYTES } from "./cpuid.ts";
import { COMPACTED_PKRU_AT, PKRU_AT, PKRU_BYTES, XSAVE_AREA } from "./x87/fxsave.ts";
import { MONITOR_LINE } from "./system/monitor.ts";

/** What it reports of the machine. */
export interface CpuidMachine {
  /** ID of the processor's local APIC. */
  readonly apicId: number;
  /** IA32_APIC_BASE says that there is a local APIC. */
  readonly hasApic: boolean;
  /** The processor has VMX. */
  readonly hasVmx?: boolean;
  /** IA32_MISC_ENABLE says that there are MONITOR and MWAIT. */
  readonly hasMonitor?: boolean;
  /** IA32_MISC_ENABLE limits the leaves that leaf 0 tells of. Default: no. */
  readonly isLimited?: boolean;
  /** IA32_MISC_ENABLE has not disabled XD. Default: so. */
  readonly hasXd?: boolean;
  /** How many processors there are: cores of one package. Default: 1. */
  readonly processors?: number;
}

const MAX_BASIC = 0x15, LIMITED_BASIC = 2;

/** PCID X2APIC TSC-deadline, and the bit that processors leave to hypervisors. */
const LEAF1_ECX = bits(17, 21, 24, 31);
const LEAF1_ECX_VMX = bits(5), LEAF1_ECX_MONITOR = bits(3);
/** MWAIT: extensions are enumerated; masked interrupts can end it. C1 has one sub-state. */
const LEAF5_ECX = bits(0, 1), LEAF5_EDX = 0x10;
/** VME DE MSR MCE SEP MTRR PGE MCA PAT PSE-36. */
const LEAF1_EDX = bits(1, 2, 5, 7, 11, 12, 13, 14, 16, 17);
const LEAF1_EDX_APIC = bits(9);
/** HTT: bits 23:16 of EBX count logical processors. */
const LEAF1_EDX_HTT = bits(28), LOGICAL_PROCESSORS = 0xff_0000;
/** Subleaf of leaf 4 that describes the cache of all cores. */
const SHARED_CACHE = 3;
/** The local APIC's timer never stops. */
const LEAF6_EAX = bits(2);
/** TSC-adjust SMEP INVPCID SMAP. */
const LEAF7_EBX = bits(1, 7, 10, 20);
/** PKU, LA57; OSPKE, which is CR4.PKE. */
const LEAF7_ECX = bits(3, 16), LEAF7_ECX_OSPKE = bits(4);
/** The component of XCR0 that is PKRU. */
const PKRU_COMPONENT = 9;
/** IBRS and IBPB, STIBP, IA32_ARCH_CAPABILITIES. */
const LEAF7_EDX = bits(26, 27, 29);
/** Subleaf 2 of leaf 7, the last: BHI_DIS_S. Without it Linux clears the history of branches by a loop at each system call. */
const LEAF7_SUBLEAVES = 2, LEAF7_2_EDX = bits(4);
/** 1 GB pages. */
const EXTENDED1_EDX = bits(26), EXTENDED1_EDX_XD = bits(20);
/** Leaf 80000008H, EAX: bits of a linear address. */
export const LINEAR_WIDTH = 0xff00;
/**
 * The leaf that hypervisors tell their names in, as QEMU does. Systems that find one wait for spinlocks as suits processors
 * that take turns, and leave alone what models have beside the architecture, such as counters of the uncore.
 */
const HYPERVISOR_LEAF = 0x4000_0000, HYPERVISOR = "Causeway x86";
/** Ticks of the TSC in a second, and of the local APIC's timer before it divides: one a guest instruction. */
const CRYSTAL_HERTZ = 1_000_000_000;

/** Bytes of an XSAVE area with the components that XCR0 enables, if it ends at `end` with PKRU. */
function extendedBytes({ xcr0 = 0 }: CpuidState, end: number): number {
  return (xcr0 & bits(PKRU_COMPONENT)) !== 0 ? end : XSAVE_BYTES;
}

/** Result of CPUID for `leaf` (EAX) and `subleaf` (ECX). */
export function machineCpuid(
  leaf: number,
  subleaf: number,
  state: CpuidState,
  { apicId, hasApic, hasVmx = false, hasMonitor = false, isLimited = false, hasXd = true, processors = 1 }:
    CpuidMachine,
): CpuidResult {
  const number = leaf >>> 0;
  if (number === HYPERVISOR_LEAF) {
    return [HYPERVISOR_LEAF, text(HYPERVISOR, 0), text(HYPERVISOR, 4), text(HYPERVISOR, 8)];
  }
  const outOfRange = number < 0x8000_0000 ? number > MAX_BASIC : number > 0x8000_0008;
  const known = outOfRange ? MAX_BASIC : number;
  const [eax, ebx, ecx, edx] = known > 0xd && known <= MAX_BASIC
    ? [0, 0, 0, 0] as const
    : cpuid(known, subleaf, state);
  switch (known) {
    case 0:
      return [isLimited ? LIMITED_BASIC : MAX_BASIC, ebx, ecx, edx];
    case 1:
      return [
        eax,
        (ebx & ~LOGICAL_PROCESSORS) | (processors << 16) | (apicId << 24),
        ecx | LEAF1_ECX | (hasVmx ? LEAF1_ECX_VMX : 0) | (hasMonitor ? LEAF1_ECX_MONITOR : 0),
        edx | LEAF1_EDX | (hasApic ? LEAF1_EDX_APIC : 0) | (processors > 1 ? LEAF1_EDX_HTT : 0),
      ];
    case 4:
      // Each core has its own caches but the last; bits 31:26 count the cores, 25:14 the threads that share.
      if (eax === 0) return [eax, ebx, ecx, edx];
      return [
        eax | ((processors - 1) << 26) | (subleaf === SHARED_CACHE ? (processors - 1) << 14 : 0),
        ebx,
        ecx,
        edx,
      ];
    case 5:
      return hasMonitor ? [MONITOR_LINE, MONITOR_LINE, LEAF5_ECX, LEAF5_EDX] : [0, 0, 0, 0];
    case 6:
      return [LEAF6_EAX, 0, 0, 0];
    case 7:
      if (subleaf === LEAF7_SUBLEAVES) return [0, 0, 0, LEAF7_2_EDX];
      if (subleaf !== 0) return [eax, ebx, ecx, edx];
      return [
        LEAF7_SUBLEAVES,
        ebx | LEAF7_EBX,
        ecx | LEAF7_ECX | (state.ospke === true ? LEAF7_ECX_OSPKE : 0),
        edx | LEAF7_EDX,
      ];
    case 0xb:
      // Level 1, the cores: how far to shift an APIC ID for the package's, and how many there are.
      if ((subleaf & 0xff) === 1) return [Math.ceil(Math.log2(processors)), processors, ecx, apicId];
      return [eax, ebx, ecx, apicId];
    case 0xd:
      if (subleaf === PKRU_COMPONENT) return [PKRU_BYTES, PKRU_AT, 0, 0];
      if (subleaf === 1) return [eax, extendedBytes(state, COMPACTED_PKRU_AT + PKRU_BYTES), ecx, edx];
      if (subleaf !== 0) return [eax, ebx, ecx, edx];
      return [eax | bits(PKRU_COMPONENT), extendedBytes(state, XSAVE_AREA), XSAVE_AREA, 0];
    case MAX_BASIC:
      return [1, 1, CRYSTAL_HERTZ, 0];
    case 0x8000_0001:
      return [eax, ebx, ecx, (hasXd ? edx : edx & ~EXTENDED1_EDX_XD) | EXTENDED1_EDX];
    case 0x8000_0008:
      return [(eax & ~LINEAR_WIDTH) | (LINEAR_BITS_57 << 8), ebx, ecx, edx];
    default:
      return [eax, ebx, ecx, edx];
  }
}
