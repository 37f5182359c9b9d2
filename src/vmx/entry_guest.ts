/** Checks of VM entry: guest-state fields. SDM vol. 3C, section 27.3.1. */
import { Blocking, SHADOWS } from "../cpu/state.ts";
import { Flag } from "../cpu/rflags.ts";
import { Activity } from "../cpu/system/activity.ts";
import { Cr0, Cr4, Efer } from "../cpu/system/control_bits.ts";
import { DebugControl } from "../cpu/system/debug_registers.ts";
import { Vector } from "../cpu/fault.ts";
import { CR0_FIXED0, CR4_FIXED0, CR4_FIXED1, REVISION } from "./capabilities.ts";
import { EntryControl, Pin, Secondary } from "./controls.ts";
import {
  EventType,
  holdsCanonical,
  holdsEfer,
  holdsFixed,
  holdsPat,
  holdsPhysical,
  injectionOf,
} from "./entry_fields.ts";
import { segmentsAreValid } from "./entry_segments.ts";
import { FieldCheck, type Fields } from "./field_check.ts";
import { Field } from "./fields.ts";
import { arePdptesValid, guestPdptes, usesPdptes } from "./pdptes.ts";
import { isRegion, revisionOf, SHADOW, type Vmcs } from "./vmcs.ts";
import { Debug, secondaryOf } from "./vmx_state.ts";

/** Exit qualifications of entries that fail on the guest's state. Section 27.8. */
const Failure = { ANY: 0n, PDPTES: 2n, LINK_POINTER: 4n } as const;
const CODE_L = 0x2000;

/** Undefined if they are valid, else the exit qualification. */
export function guestFailure(v: Vmcs): bigint | undefined {
  const valid = REGISTERS.passes(v) && segmentsAreValid(v) && flagsAreValid(v) && stateIsValid(v);
  if (!valid) return Failure.ANY;
  if (!linkPointerIsValid(v)) return Failure.LINK_POINTER;
  return usesPdptes(v) && !arePdptesValid(guestPdptes(v)) ? Failure.PDPTES : undefined;
}

const REGISTERS = new FieldCheck((v) => controlRegistersAreValid(v) && tablesAreValid(v));

const entersLong = (v: Fields): boolean => (v.word(Field.ENTRY_CONTROLS) & EntryControl.LONG) !== 0;

/** Control registers, debug registers and MSRs: section 27.3.1.1. */
function controlRegistersAreValid(v: Fields): boolean {
  const entry = v.word(Field.ENTRY_CONTROLS), cr0 = v.word(Field.GUEST_CR0), cr4 = v.word(Field.GUEST_CR4);
  const unrestricted = (secondaryOf(v) & Secondary.UNRESTRICTED) !== 0;
  const must = unrestricted ? CR0_FIXED0 & ~(Cr0.PE | Cr0.PG) : CR0_FIXED0;
  const long = entersLong(v), paging = (cr0 & Cr0.PG) !== 0;
  if (!holdsFixed(v, Field.GUEST_CR0, must, -1) || (paging && (cr0 & Cr0.PE) === 0)) return false;
  if (!holdsFixed(v, Field.GUEST_CR4, CR4_FIXED0, CR4_FIXED1)) return false;
  if ((entry & EntryControl.LOAD_DEBUG) !== 0) {
    if (!holdsFixed(v, Field.GUEST_DEBUGCTL, 0, DebugControl.ALL) || v.high(Field.GUEST_DR7) !== 0) {
      return false;
    }
  }
  if (long ? !paging || (cr4 & Cr4.PAE) === 0 : (cr4 & Cr4.PCIDE) !== 0) return false;
  if (!holdsPhysical(v, Field.GUEST_CR3)) return false;
  if (!holdsCanonical(v, Field.GUEST_SYSENTER_ESP) || !holdsCanonical(v, Field.GUEST_SYSENTER_EIP)) {
    return false;
  }
  if ((entry & EntryControl.LOAD_PAT) !== 0 && !holdsPat(v, Field.GUEST_PAT)) return false;
  return (entry & EntryControl.LOAD_EFER) === 0 || eferIsValid(v, long, paging);
}

function eferIsValid(v: Fields, long: boolean, paging: boolean): boolean {
  const efer = v.word(Field.GUEST_EFER), lma = (efer & Efer.LMA) !== 0, lme = (efer & Efer.LME) !== 0;
  return holdsEfer(v, Field.GUEST_EFER) && lma === long && (!paging || lme === lma);
}

/** Section 27.3.1.3. */
const tablesAreValid = (v: Fields): boolean =>
  holdsCanonical(v, Field.GUEST_GDTR_BASE) && holdsCanonical(v, Field.GUEST_IDTR_BASE) &&
  v.word(Field.GUEST_GDTR_LIMIT) >>> 16 === 0 && v.word(Field.GUEST_IDTR_LIMIT) >>> 16 === 0;

const RFLAGS_RESERVED = ~0x003f_7fd7;

/** RIP and RFLAGS: section 27.3.1.4. */
function flagsAreValid(v: Fields): boolean {
  const long = entersLong(v), is64 = long && (v.word(Field.GUEST_CS_RIGHTS) & CODE_L) !== 0;
  const flags = v.word(Field.GUEST_RFLAGS);
  if (is64 ? !holdsCanonical(v, Field.GUEST_RIP) : v.high(Field.GUEST_RIP) !== 0) return false;
  if (v.high(Field.GUEST_RFLAGS) !== 0 || (flags & RFLAGS_RESERVED) !== 0) return false;
  if ((flags & Flag.FIXED) === 0) return false;
  const real = (v.word(Field.GUEST_CR0) & Cr0.PE) === 0;
  if ((flags & Flag.VM) !== 0 && (long || real)) return false;
  return (flags & Flag.IF) !== 0 || injectionOf(v)?.type !== EventType.EXTERNAL;
}

/** What is not a register: section 27.3.1.5. */
const stateIsValid = (v: Fields): boolean =>
  activityIsValid(v) && interruptibilityIsValid(v) && pendingDebugIsValid(v);

function activityIsValid(v: Fields): boolean {
  const activity = v.word(Field.GUEST_ACTIVITY) >>> 0;
  if (activity === Activity.ACTIVE) return true;
  if (activity > Activity.WAIT_FOR_SIPI) return false;
  if (activity === Activity.HLT && ((v.word(Field.GUEST_SS_RIGHTS) >> 5) & 3) !== 0) return false;
  if ((v.word(Field.GUEST_INTERRUPTIBILITY) & SHADOWS) !== 0) return false;
  return mayEndBy(activity, v);
}

/** Whether the event to inject is one that can arrive in the activity state. */
function mayEndBy(activity: number, v: Fields): boolean {
  const injection = injectionOf(v);
  if (injection === undefined) return true;
  const { type, vector } = injection, isMachineCheck = type === EventType.HARDWARE && vector === Vector.MC;
  switch (activity) {
    case Activity.HLT:
      return type === EventType.EXTERNAL || type === EventType.NMI || type === EventType.OTHER ||
        isMachineCheck || (type === EventType.HARDWARE && vector === Vector.DB);
    case Activity.SHUTDOWN:
      return type === EventType.NMI || isMachineCheck;
    default:
      return false;
  }
}

const INTERRUPTIBILITY_BITS = SHADOWS | Blocking.NMI;

function interruptibilityIsValid(v: Fields): boolean {
  const blocking = v.word(Field.GUEST_INTERRUPTIBILITY), type = injectionOf(v)?.type;
  const sti = (blocking & Blocking.STI) !== 0, movSs = (blocking & Blocking.MOV_SS) !== 0;
  if ((blocking & ~INTERRUPTIBILITY_BITS) !== 0 || (sti && movSs)) return false;
  if (sti && (v.word(Field.GUEST_RFLAGS) & Flag.IF) === 0) return false;
  if (type === EventType.EXTERNAL) return !sti && !movSs;
  if (type !== EventType.NMI) return true;
  const virtual = (v.word(Field.PIN_CONTROLS) & Pin.VIRTUAL_NMIS) !== 0;
  return !movSs && !(virtual && (blocking & Blocking.NMI) !== 0);
}

const PENDING_DEBUG_BITS = Debug.BREAKPOINTS | Debug.ENABLED | Debug.STEP;

function pendingDebugIsValid(v: Fields): boolean {
  if (!holdsFixed(v, Field.GUEST_PENDING_DEBUG, 0, PENDING_DEBUG_BITS)) return false;
  const blocked = (v.word(Field.GUEST_INTERRUPTIBILITY) & SHADOWS) !== 0;
  if (!blocked && v.word(Field.GUEST_ACTIVITY) !== Activity.HLT) return true;
  const byBranch = (v.word(Field.GUEST_DEBUGCTL) & DebugControl.BTF) !== 0;
  const steps = (v.word(Field.GUEST_RFLAGS) & Flag.TF) !== 0 && !byBranch;
  return steps === ((v.word(Field.GUEST_PENDING_DEBUG) & Debug.STEP) !== 0);
}

function linkPointerIsValid(v: Vmcs): boolean {
  if (v.word(Field.VMCS_LINK_POINTER) === -1 && v.high(Field.VMCS_LINK_POINTER) === -1) return true;
  const link = v.read(Field.VMCS_LINK_POINTER);
  if (!isRegion(v.memory, link) || link === v.pointer) return false;
  const shadows = (secondaryOf(v) & Secondary.SHADOWING) !== 0;
  return revisionOf(v.memory, link) === (shadows ? REVISION | SHADOW : REVISION);
}
