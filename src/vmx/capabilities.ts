/** VMX capability MSRs: what is supported, exactly. SDM vol. 3D, appendix A. */
import { ALLOWED, type Allowed } from "./controls.ts";
import { HIGHEST_INDEX } from "./fields.ts";

/** Revision of our VMCS layout. */
export const REVISION = 0x0043_5732;
/** CR0 and CR4 in VMX operation: bits that must be 1. */
export const CR0_FIXED0 = 0x8000_0021 | 0, CR4_FIXED0 = 0x2000;
/** Bits that may be 1: what CR4 holds (cpu/system/control_registers.ts) in processor models that have VMX. */
export const CR4_FIXED1 = 0x0077_2fff;
/** CR3-target values, and entries of an MSR area. */
export const CR3_TARGETS = 4, MAX_MSRS = 512;
/** VM functions, as bits: EPTP switching, and world calls where the processor has them (src/crossover). */
export const VM_FUNCTIONS = 1, WORLD_CALL_FUNCTION = 2;

const IA32_FEATURE_CONTROL = 0x3a, IA32_VMX_VMFUNC = 0x491;
/** Locked, VMX outside SMX enabled. */
const FEATURE_CONTROL = 5;

/**
 * Execute-only; 4 levels; UC and WB; 2 MB and 1 GB pages; INVEPT (both types); accessed and dirty flags; advanced VM-exit
 * information for EPT violations. INVVPID.
 */
const EPT_VPID = { lo: 0x0673_4141, hi: 0xf01 } as const;

/** Bit 5 of IA32_VMX_MISC: exits store EFER.LMA as the "IA-32e mode guest" control. */
const MISC_STORES_LMA = 1 << 5;
/** Bits 8:6: HLT, shutdown and wait-for-SIPI are supported. */
const MISC_ACTIVITY = 0x1c0;
/** Bit 29: VMWRITE writes VM-exit information fields, too. */
const MISC_WRITES_ALL = 1 << 29;

interface Value {
  readonly lo: number;
  readonly hi: number;
}

const controls = ({ one, mayBeOne }: Allowed): Value => ({ lo: one, hi: mayBeOne });
const trueControls = ({ trueOne, mayBeOne }: Allowed): Value => ({ lo: trueOne, hi: mayBeOne });

const MSRS = new Map<number, Value>([
  [IA32_FEATURE_CONTROL, { lo: FEATURE_CONTROL, hi: 0 }],
  // Size 4096, write back, information of INS and OUTS, TRUE controls.
  [0x480, { lo: REVISION, hi: 0x1000 | (6 << 18) | (1 << 22) | (1 << 23) }],
  [0x481, controls(ALLOWED.pin)],
  [0x482, controls(ALLOWED.primary)],
  [0x483, controls(ALLOWED.exit)],
  [0x484, controls(ALLOWED.entry)],
  [0x485, { lo: MISC_STORES_LMA | MISC_ACTIVITY | (CR3_TARGETS << 16) | MISC_WRITES_ALL, hi: 0 }],
  [0x486, { lo: CR0_FIXED0, hi: 0 }],
  [0x487, { lo: -1, hi: 0 }],
  [0x488, { lo: CR4_FIXED0, hi: 0 }],
  [0x489, { lo: CR4_FIXED1, hi: 0 }],
  [0x48a, { lo: HIGHEST_INDEX << 1, hi: 0 }],
  [0x48b, controls(ALLOWED.secondary)],
  [0x48c, EPT_VPID],
  [0x48d, trueControls(ALLOWED.pin)],
  [0x48e, trueControls(ALLOWED.primary)],
  [0x48f, trueControls(ALLOWED.exit)],
  [0x490, trueControls(ALLOWED.entry)],
]);

/**
 * A capability MSR or IA32_FEATURE_CONTROL; undefined if it is none. They cannot be written.
 *
 * @param functions the VM functions that the processor has
 */
export const capability = (index: number, functions: number = VM_FUNCTIONS): Value | undefined =>
  index === IA32_VMX_VMFUNC ? { lo: functions, hi: 0 } : MSRS.get(index);
