/** Checks of VM entry, in the manual's order. SDM vol. 3C, chapter 27. */
import { PHYSICAL_BITS } from "../cpu/address_widths.ts";
import { Flag } from "../cpu/rflags.ts";
import { Cr0, Cr4, Efer } from "../cpu/system/control_bits.ts";
import { CR0_FIXED0, CR3_TARGETS, CR4_FIXED0, CR4_FIXED1, MAX_MSRS, VM_FUNCTIONS } from "./capabilities.ts";
import { ALLOWED, EntryControl, ExitControl, isAllowed, Pin, Primary, Secondary } from "./controls.ts";
import { isEptp } from "./ept.ts";
import { Field } from "./fields.ts";
import { NO_VMCS, secondaryOf } from "./vmx_state.ts";
import type { Vmcs } from "./vmcs.ts";

const isPhysical = (address: bigint): boolean => address >> BigInt(PHYSICAL_BITS) === 0n;
const isPage = (address: bigint): boolean => (address & 0xfffn) === 0n && isPhysical(address);
const isCanonical = (address: bigint): boolean => BigInt.asUintN(64, BigInt.asIntN(48, address)) === address;
const EFER_BITS = BigInt(Efer.SCE | Efer.LME | Efer.LMA | Efer.NXE);

/** Interruption types. SDM vol. 3C, section 25.8.3. */
export const EventType = {
  EXTERNAL: 0,
  NMI: 2,
  HARDWARE: 3,
  SOFTWARE: 4,
  PRIVILEGED: 5,
  EXCEPTION: 6,
  OTHER: 7,
} as const;
/** Vectors that push an error code. */
const WITH_ERROR: readonly number[] = [8, 10, 11, 12, 13, 14, 17];

/** VM-execution, VM-exit and VM-entry control fields: section 27.2.1. `functions`: the VM functions that there are. */
export function controlsAreValid(v: Vmcs, functions: number = VM_FUNCTIONS): boolean {
  const pin = v.word(Field.PIN_CONTROLS), primary = v.word(Field.PRIMARY_CONTROLS);
  const secondary = secondaryOf(v), exit = v.word(Field.EXIT_CONTROLS), entry = v.word(Field.ENTRY_CONTROLS);
  const has = (bit: number): boolean => (primary & bit) !== 0;
  const hasSecondary = (bit: number): boolean => (secondary & bit) !== 0;
  return isAllowed(pin, ALLOWED.pin) && isAllowed(primary, ALLOWED.primary) &&
    isAllowed(secondary, ALLOWED.secondary) &&
    v.word(Field.CR3_TARGET_COUNT) >>> 0 <= CR3_TARGETS &&
    (!has(Primary.IO_BITMAPS) || (isPage(v.read(Field.IO_BITMAP_A)) && isPage(v.read(Field.IO_BITMAP_B)))) &&
    (!has(Primary.MSR_BITMAPS) || isPage(v.read(Field.MSR_BITMAPS))) &&
    (!hasSecondary(Secondary.VPID) || v.read(Field.VPID) !== 0n) &&
    (!hasSecondary(Secondary.EPT) || isEptp(v.read(Field.EPTP))) &&
    (!hasSecondary(Secondary.UNRESTRICTED) || hasSecondary(Secondary.EPT)) &&
    (!hasSecondary(Secondary.VMFUNC) || vmFunctionsAreValid(v, secondary, functions)) &&
    isAllowed(exit, ALLOWED.exit) &&
    ((pin & Pin.PREEMPTION_TIMER) !== 0 || (exit & ExitControl.SAVE_TIMER) === 0) &&
    isMsrArea(v, Field.EXIT_MSR_STORE_COUNT, Field.EXIT_MSR_STORE_ADDRESS) &&
    isMsrArea(v, Field.EXIT_MSR_LOAD_COUNT, Field.EXIT_MSR_LOAD_ADDRESS) &&
    isAllowed(entry, ALLOWED.entry) && injectionIsValid(v, secondary) &&
    isMsrArea(v, Field.ENTRY_MSR_LOAD_COUNT, Field.ENTRY_MSR_LOAD_ADDRESS);
}

function vmFunctionsAreValid(v: Vmcs, secondary: number, supported: number): boolean {
  const functions = v.read(Field.VMFUNC_CONTROLS);
  if (functions === 0n) return true;
  if ((functions & ~BigInt(supported)) !== 0n || (secondary & Secondary.EPT) === 0) return false;
  return (functions & BigInt(VM_FUNCTIONS)) === 0n || isPage(v.read(Field.EPTP_LIST_ADDRESS));
}

function isMsrArea(v: Vmcs, count: number, address: number): boolean {
  const entries = v.word(count) >>> 0, first = v.read(address);
  if (entries === 0) return true;
  return entries <= MAX_MSRS && (first & 15n) === 0n && isPhysical(first + BigInt(16 * entries) - 1n);
}

function injectionIsValid(v: Vmcs, secondary: number): boolean {
  const information = v.word(Field.ENTRY_INTERRUPTION);
  if (information >= 0) return true;
  const vector = information & 0xff,
    type = (information >> 8) & 7,
    deliversError = (information & 0x800) !== 0;
  if ((information & 0x7fff_f000) !== 0 || type === 1 || type === EventType.OTHER) return false;
  if (type === EventType.NMI && vector !== 2) return false;
  if (type === EventType.HARDWARE && vector > 31) return false;
  const unrestricted = (secondary & Secondary.UNRESTRICTED) !== 0;
  const protectedMode = !unrestricted || (v.word(Field.GUEST_CR0) & Cr0.PE) !== 0;
  if (deliversError !== (type === EventType.HARDWARE && protectedMode && WITH_ERROR.includes(vector))) {
    return false;
  }
  if (deliversError && v.word(Field.ENTRY_ERROR_CODE) >>> 16 !== 0) return false;
  if (type < EventType.SOFTWARE) return true;
  const length = v.word(Field.ENTRY_INSTRUCTION_LENGTH) >>> 0;
  return length >= 1 && length <= 15;
}

const fixed = (value: bigint, one: number, mayBeOne: number): boolean => {
  const low = Number(BigInt.asIntN(32, value));
  return value >> 32n === 0n && (low & one) === one && (low & ~mayBeOne) === 0;
};

/** Host-state fields: sections 27.2.2 to 27.2.4. The host is in 64-bit mode if the exit control says so. */
export function hostIsValid(v: Vmcs, long: boolean): boolean {
  const exit = v.word(Field.EXIT_CONTROLS), entry = v.word(Field.ENTRY_CONTROLS);
  const to64 = (exit & ExitControl.HOST_64) !== 0;
  const selectors = [
    Field.HOST_CS,
    Field.HOST_SS,
    Field.HOST_DS,
    Field.HOST_ES,
    Field.HOST_FS,
    Field.HOST_GS,
    Field.HOST_TR,
  ]; // deno-fmt-ignore
  const bases = [Field.HOST_FS_BASE, Field.HOST_GS_BASE, Field.HOST_GDTR_BASE, Field.HOST_IDTR_BASE, Field.HOST_TR_BASE];
  return fixed(v.read(Field.HOST_CR0), CR0_FIXED0, -1) &&
    fixed(v.read(Field.HOST_CR4), CR4_FIXED0, CR4_FIXED1) &&
    isPhysical(v.read(Field.HOST_CR3)) && isCanonical(v.read(Field.HOST_SYSENTER_ESP)) &&
    isCanonical(v.read(Field.HOST_SYSENTER_EIP)) &&
    ((exit & ExitControl.LOAD_PAT) === 0 || isPat(v.read(Field.HOST_PAT))) &&
    ((exit & ExitControl.LOAD_EFER) === 0 || isHostEfer(v.read(Field.HOST_EFER), to64)) &&
    selectors.every((field) => (v.word(field) & 7) === 0) && v.word(Field.HOST_CS) !== 0 &&
    v.word(Field.HOST_TR) !== 0 && (to64 || v.word(Field.HOST_SS) !== 0) &&
    bases.every((field) => isCanonical(v.read(field))) &&
    long === to64 && (to64 || (entry & EntryControl.LONG) === 0) &&
    (to64
      ? (v.word(Field.HOST_CR4) & Cr4.PAE) !== 0 && isCanonical(v.read(Field.HOST_RIP))
      : (v.word(Field.HOST_CR4) & Cr4.PCIDE) === 0 && v.read(Field.HOST_RIP) >> 32n === 0n);
}

function isHostEfer(efer: bigint, to64: boolean): boolean {
  const long = BigInt(Efer.LMA | Efer.LME);
  return (efer & ~EFER_BITS) === 0n && (efer & long) === (to64 ? long : 0n);
}

function isPat(value: bigint): boolean {
  for (let at = 0n; at < 64n; at += 8n) {
    const type = (value >> at) & 0xffn;
    if (type > 7n || type === 2n || type === 3n) return false;
  }
  return true;
}

/** Guest-state fields: section 27.3.1. Undefined if they are valid, else the exit qualification. */
export function guestFailure(v: Vmcs): bigint | undefined {
  const valid = controlRegistersAreValid(v) && segmentsAreValid(v) && tablesAreValid(v) && flagsAreValid(v);
  if (!valid) return 0n;
  // Not all states that a processor can be in are supported: see IA32_VMX_MISC.
  if (v.read(Field.VMCS_LINK_POINTER) !== NO_VMCS) return 4n;
  return undefined;
}

function controlRegistersAreValid(v: Vmcs): boolean {
  const entry = v.word(Field.ENTRY_CONTROLS), cr0 = v.word(Field.GUEST_CR0), cr4 = v.word(Field.GUEST_CR4);
  const unrestricted = (secondaryOf(v) & Secondary.UNRESTRICTED) !== 0;
  const must = unrestricted ? CR0_FIXED0 & ~(Cr0.PE | Cr0.PG) : CR0_FIXED0;
  const long = (entry & EntryControl.LONG) !== 0, paging = (cr0 & Cr0.PG) !== 0;
  if (!fixed(v.read(Field.GUEST_CR0), must, -1) || (paging && (cr0 & Cr0.PE) === 0)) return false;
  if (!fixed(v.read(Field.GUEST_CR4), CR4_FIXED0, CR4_FIXED1)) return false;
  if ((entry & EntryControl.LOAD_DEBUG) !== 0) {
    if (v.read(Field.GUEST_DEBUGCTL) !== 0n || v.read(Field.GUEST_DR7) >> 32n !== 0n) return false;
  }
  if (long ? !paging || (cr4 & Cr4.PAE) === 0 : (cr4 & Cr4.PCIDE) !== 0) return false;
  if (!isPhysical(v.read(Field.GUEST_CR3))) return false;
  if (!isCanonical(v.read(Field.GUEST_SYSENTER_ESP)) || !isCanonical(v.read(Field.GUEST_SYSENTER_EIP))) {
    return false;
  }
  if ((entry & EntryControl.LOAD_PAT) !== 0 && !isPat(v.read(Field.GUEST_PAT))) return false;
  return (entry & EntryControl.LOAD_EFER) === 0 || isGuestEfer(v.read(Field.GUEST_EFER), long, paging);
}

function isGuestEfer(efer: bigint, long: boolean, paging: boolean): boolean {
  const lma = (efer & BigInt(Efer.LMA)) !== 0n, lme = (efer & BigInt(Efer.LME)) !== 0n;
  return (efer & ~EFER_BITS) === 0n && lma === long && (!paging || lme === lma);
}

const UNUSABLE = 0x1_0000,
  S = 0x10,
  P = 0x80,
  L = 0x2000,
  DB = 0x4000,
  G = 0x8000,
  RESERVED = 0xfffe_0f00 | 0;
const VIRTUAL_8086_RIGHTS = 0xf3;

interface SegmentFields {
  readonly selector: number;
  readonly base: bigint;
  readonly limit: number;
  readonly rights: number;
}

/** The fields of a segment register in the VMCS's order: ES CS SS DS FS GS LDTR TR. */
export function segmentFields(v: Vmcs, n: number): SegmentFields {
  return {
    selector: v.word(Field.GUEST_ES + 2 * n),
    base: v.read(Field.GUEST_ES_BASE + 2 * n),
    limit: v.word(Field.GUEST_ES_LIMIT + 2 * n),
    rights: v.word(Field.GUEST_ES_RIGHTS + 2 * n),
  };
}

/** Section 27.3.1.2. */
function segmentsAreValid(v: Vmcs): boolean {
  const [es, cs, ss, ds, fs, gs, ldtr, tr] = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => segmentFields(v, n)) as [
    SegmentFields,
    SegmentFields,
    SegmentFields,
    SegmentFields,
    SegmentFields,
    SegmentFields,
    SegmentFields,
    SegmentFields,
  ]; // deno-fmt-ignore
  const virtual = (v.word(Field.GUEST_RFLAGS) & Flag.VM) !== 0;
  const unrestricted = (secondaryOf(v) & Secondary.UNRESTRICTED) !== 0;
  const long = (v.word(Field.ENTRY_CONTROLS) & EntryControl.LONG) !== 0;
  const usable = ({ rights }: SegmentFields): boolean => (rights & UNUSABLE) === 0;
  if ((tr.selector & 4) !== 0 || (usable(ldtr) && (ldtr.selector & 4) !== 0)) return false;
  if (!virtual && !unrestricted && (ss.selector & 3) !== (cs.selector & 3)) return false;
  const all = [cs, ss, ds, es, fs, gs];
  if (virtual && all.some(({ base, selector }) => base !== BigInt(selector << 4))) return false;
  if (![tr.base, fs.base, gs.base].every(isCanonical) || (usable(ldtr) && !isCanonical(ldtr.base))) {
    return false;
  }
  if (cs.base >> 32n !== 0n || [ss, ds, es].some((s) => usable(s) && s.base >> 32n !== 0n)) return false;
  if (virtual) {
    if (!all.every(({ limit, rights }) => limit === 0xffff && rights === VIRTUAL_8086_RIGHTS)) return false;
  } else if (
    !codeIsValid(cs, ss, long, unrestricted) || !dataAreValid(v, cs, ss, [ds, es, fs, gs], unrestricted)
  ) {
    return false;
  }
  const trType = tr.rights & 15;
  if ((trType !== 11 && (trType !== 3 || long)) || !systemIsValid(tr) || !usable(tr)) return false;
  return !usable(ldtr) || ((ldtr.rights & 15) === 2 && systemIsValid(ldtr));
}

function codeIsValid(cs: SegmentFields, ss: SegmentFields, long: boolean, unrestricted: boolean): boolean {
  const { rights } = cs, type = rights & 15, dpl = (rights >> 5) & 3, stackDpl = (ss.rights >> 5) & 3;
  const isData = type === 3 && unrestricted;
  if (!isData && ![9, 11, 13, 15].includes(type)) return false;
  const privilege = isData ? dpl === 0 : type < 12 ? dpl === stackDpl : dpl <= stackDpl;
  const contradicts = long && (rights & L) !== 0 && (rights & DB) !== 0;
  return privilege && (rights & S) !== 0 && (rights & P) !== 0 && (rights & RESERVED) === 0 && !contradicts &&
    granularityFits(cs);
}

function dataAreValid(
  v: Vmcs,
  cs: SegmentFields,
  ss: SegmentFields,
  data: readonly SegmentFields[],
  unrestricted: boolean,
): boolean {
  const ssDpl = (ss.rights >> 5) & 3;
  if (!unrestricted && ssDpl !== (ss.selector & 3)) return false;
  const real = (v.word(Field.GUEST_CR0) & Cr0.PE) === 0;
  if (((cs.rights & 15) === 3 || real) && ssDpl !== 0) return false;
  if ((ss.rights & UNUSABLE) === 0) {
    if (![3, 7].includes(ss.rights & 15) || !presentData(ss)) return false;
  }
  return data.filter(({ rights }) => (rights & UNUSABLE) === 0).every((segment) => {
    const { rights, selector } = segment, type = rights & 15;
    if ((type & 1) === 0 || ((type & 8) !== 0 && (type & 2) === 0) || !presentData(segment)) return false;
    return unrestricted || type > 11 || ((rights >> 5) & 3) >= (selector & 3);
  });
}

const presentData = (segment: SegmentFields): boolean =>
  (segment.rights & S) !== 0 && (segment.rights & P) !== 0 && (segment.rights & RESERVED) === 0 &&
  granularityFits(segment);

const systemIsValid = (segment: SegmentFields): boolean =>
  (segment.rights & S) === 0 && (segment.rights & P) !== 0 && (segment.rights & RESERVED) === 0 &&
  granularityFits(segment);

function granularityFits({ limit, rights }: SegmentFields): boolean {
  const pages = (rights & G) !== 0;
  return pages ? (limit & 0xfff) === 0xfff : limit >>> 20 === 0;
}

/** Section 27.3.1.3. */
function tablesAreValid(v: Vmcs): boolean {
  return isCanonical(v.read(Field.GUEST_GDTR_BASE)) && isCanonical(v.read(Field.GUEST_IDTR_BASE)) &&
    v.word(Field.GUEST_GDTR_LIMIT) >>> 16 === 0 && v.word(Field.GUEST_IDTR_LIMIT) >>> 16 === 0;
}

const RFLAGS_RESERVED = ~0x003f_7fd7;

/** RIP, RFLAGS and what is not a register: sections 27.3.1.4 and 27.3.1.5. */
function flagsAreValid(v: Vmcs): boolean {
  const long = (v.word(Field.ENTRY_CONTROLS) & EntryControl.LONG) !== 0;
  const is64 = long && (v.word(Field.GUEST_CS_RIGHTS) & L) !== 0;
  const rip = v.read(Field.GUEST_RIP), flags = v.word(Field.GUEST_RFLAGS);
  if (is64 ? !isCanonical(rip) : rip >> 32n !== 0n) return false;
  if (
    v.read(Field.GUEST_RFLAGS) >> 32n !== 0n || (flags & RFLAGS_RESERVED) !== 0 || (flags & Flag.FIXED) === 0
  ) {
    return false;
  }
  const real = (v.word(Field.GUEST_CR0) & Cr0.PE) === 0;
  if ((flags & Flag.VM) !== 0 && (long || real)) return false;
  const injected = v.word(Field.ENTRY_INTERRUPTION);
  const external = injected < 0 && ((injected >> 8) & 7) === EventType.EXTERNAL;
  const nmi = injected < 0 && ((injected >> 8) & 7) === EventType.NMI;
  const interrupts = (flags & Flag.IF) !== 0;
  if (external && !interrupts) return false;
  const blocking = v.word(Field.GUEST_INTERRUPTIBILITY), shadows = blocking & 3;
  if (v.word(Field.GUEST_ACTIVITY) !== 0 || (blocking & ~15) !== 0 || (blocking & 4) !== 0 || shadows === 3) {
    return false;
  }
  if ((shadows & 1) !== 0 && !interrupts) return false;
  if (shadows !== 0 && external) return false;
  if ((shadows & 2) !== 0 && nmi) return false;
  return (v.read(Field.GUEST_PENDING_DEBUG) & ~0x1_500fn) === 0n;
}
