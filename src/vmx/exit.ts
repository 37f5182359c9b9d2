/** VM exits: records why, saves the guest's state, loads the host's. SDM vol. 3C, chapter 28. */
import { readRflags, writeRflags } from "../cpu/rflags.ts";
import { Cr0, Efer } from "../cpu/system/control_bits.ts";
import { WorldSwitch } from "../cpu/system/world_switches.ts";
import type { InterceptedEvent } from "../cpu/system/bus.ts";
import {
  CPL,
  CR0,
  DR7,
  EFER,
  EPTP,
  GDTR_LIMIT,
  IDTR_LIMIT,
  INTERRUPTIBILITY,
  MSR_PAT,
  SEG_ATTRIBUTES,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SELECTOR,
  Segment,
  VMX_MODE,
  VPID,
} from "../cpu/state.ts";
import { EntryControl, ExitControl, Secondary } from "./controls.ts";
import { getCell, QUAD_CELLS, SEGMENT_CELLS, setCell } from "./enter.ts";
import { EventType } from "./entry_checks.ts";
import { BASIC_REASON, byInstruction, ENTRY_FAILED, Reason } from "./exit_reasons.ts";
import { Field } from "./fields.ts";
import { loadMsrs, storeMsrs } from "./msr_areas.ts";
import { type ExitInformation, VmxMode, type VmxState } from "./vmx_state.ts";

const VALID = 1 << 31, DELIVERS_ERROR = 0x800, UNUSABLE = 0x1_0000, PRESENT = 0x80;
const SHADOWS = 3, NMI_BLOCKED = 8;
/** VMX-abort indicator: a failure in saving or loading MSRs. */
const ABORT_STORE = 1, ABORT_LOAD = 4;

/** Interruption information of an event. SDM vol. 3C, table 25-17. */
export function interruptionOf({ vector, error, kind, length }: InterceptedEvent): number {
  const type = kind === "external"
    ? EventType.EXTERNAL
    : kind === "nmi"
    ? EventType.NMI
    : kind === "software"
    ? (vector === 3 || vector === 4) && length === 1 ? EventType.EXCEPTION : EventType.SOFTWARE
    : kind === "trap" && length > 0
    ? EventType.PRIVILEGED
    : EventType.HARDWARE;
  return vector | (type << 8) | (error !== undefined ? DELIVERS_ERROR : 0) | VALID;
}

/** Completes the exit that is under way: the guest's state goes to the VMCS, the host goes on. False: VMX abort. */
export function leaveGuest(state: VmxState): boolean {
  const { m } = state, v = state.vmcs!, exit = state.pending!, during = state.vectoring;
  state.pending = state.vectoring = undefined;
  recordExit(state, exit, during);
  const controls = v.word(Field.EXIT_CONTROLS);
  saveGuest(state, controls);
  if (!storeMsrs(state, Field.EXIT_MSR_STORE_ADDRESS, Field.EXIT_MSR_STORE_COUNT)) {
    return abort(state, ABORT_STORE);
  }
  const byNmi = exit.reason === Reason.EXCEPTION_OR_NMI &&
    ((exit.interruption ?? 0) >> 8 & 7) === EventType.NMI;
  const blocked = m[INTERRUPTIBILITY >> 2]! & NMI_BLOCKED;
  if (!loadHost(state, byNmi ? NMI_BLOCKED : blocked)) return false;
  state.unit.context.switches.count(WorldSwitch.VM_EXIT, exit.reason);
  tell(state);
  return true;
}

/** VM entry has failed on the guest's state or its MSRs: only reason and qualification are recorded. */
export function failEntry(state: VmxState, reason: number, qualification: bigint): boolean {
  const v = state.vmcs!;
  v.write(Field.EXIT_REASON, (reason | ENTRY_FAILED) >>> 0);
  v.write(Field.EXIT_QUALIFICATION, qualification);
  if (!loadHost(state, state.m[INTERRUPTIBILITY >> 2]! & NMI_BLOCKED)) return false;
  tell(state);
  return true;
}

/** Tells the observer what the VMCS now says of the exit. */
function tell({ exitObserver, vmcs }: VmxState): void {
  if (exitObserver === undefined) return;
  const v = vmcs!, reason = v.word(Field.EXIT_REASON), entryFailed = (reason & ENTRY_FAILED) !== 0;
  exitObserver({
    reason: reason & BASIC_REASON,
    entryFailed,
    qualification: v.read(Field.EXIT_QUALIFICATION),
    instructionLength: entryFailed ? 0 : v.word(Field.EXIT_INSTRUCTION_LENGTH),
  });
}

function recordExit(state: VmxState, exit: ExitInformation, during: InterceptedEvent | undefined): void {
  const v = state.vmcs!;
  const software = during?.kind === "software" ? during.length : 0;
  const length = exit.length ??
    (software > 0 ? software : byInstruction(exit.reason) ? state.surroundings.instructionLength() : 0);
  v.write(Field.EXIT_REASON, exit.reason);
  v.write(Field.EXIT_QUALIFICATION, exit.qualification);
  v.write(Field.EXIT_INTERRUPTION, (exit.interruption ?? 0) >>> 0);
  v.write(Field.EXIT_ERROR_CODE, (exit.errorCode ?? 0) >>> 0);
  v.write(Field.VECTORING, during === undefined ? 0 : interruptionOf(during) >>> 0);
  v.write(Field.VECTORING_ERROR_CODE, (during?.error ?? 0) >>> 0);
  v.write(Field.EXIT_INSTRUCTION_LENGTH, length);
  v.write(Field.EXIT_INSTRUCTION_INFORMATION, 0);
  v.write(Field.GUEST_LINEAR_ADDRESS, exit.linear ?? 0n);
  v.write(Field.GUEST_PHYSICAL_ADDRESS, exit.physical ?? 0n);
  v.write(Field.ENTRY_INTERRUPTION, v.word(Field.ENTRY_INTERRUPTION) & ~VALID);
}

/** Saves the registers to the guest-state area, and what goes with them. Section 28.3. */
export function saveGuest(state: VmxState, controls: number): void {
  const { m } = state, v = state.vmcs!;
  for (const [cell, guest] of QUAD_CELLS) v.write(guest, getCell(m, cell));
  v.write(Field.GUEST_GDTR_LIMIT, m[GDTR_LIMIT >> 2]! & 0xffff);
  v.write(Field.GUEST_IDTR_LIMIT, m[IDTR_LIMIT >> 2]! & 0xffff);
  for (const [n, cell] of SEGMENT_CELLS.entries()) saveSegment(state, n, cell);
  v.write(Field.GUEST_RFLAGS, readRflags(m) >>> 0);
  if ((controls & ExitControl.SAVE_DEBUG) !== 0) v.write(Field.GUEST_DR7, getCell(m, DR7));
  if ((controls & ExitControl.SAVE_PAT) !== 0) v.write(Field.GUEST_PAT, getCell(m, MSR_PAT));
  if ((controls & ExitControl.SAVE_EFER) !== 0) v.write(Field.GUEST_EFER, getCell(m, EFER));
  const lma = (m[EFER >> 2]! & Efer.LMA) !== 0;
  const entry = v.word(Field.ENTRY_CONTROLS);
  v.write(Field.ENTRY_CONTROLS, (lma ? entry | EntryControl.LONG : entry & ~EntryControl.LONG) >>> 0);
  // A shadow that STI or MOV SS casts is not known to be still there.
  v.write(Field.GUEST_INTERRUPTIBILITY, m[INTERRUPTIBILITY >> 2]! & ~SHADOWS);
  v.write(Field.GUEST_ACTIVITY, 0);
  v.write(Field.GUEST_PENDING_DEBUG, 0);
  if ((controls & ExitControl.SAVE_TIMER) !== 0) {
    const left = Math.max(0, state.deadline - state.surroundings.now());
    v.write(Field.PREEMPTION_TIMER, BigInt(left));
  }
}

function saveSegment({ m, vmcs }: VmxState, n: number, cell: number): void {
  const v = vmcs!, attributes = m[(cell + SEG_ATTRIBUTES) >> 2]!;
  v.write(Field.GUEST_ES + 2 * n, m[(cell + SEG_SELECTOR) >> 2]! & 0xffff);
  v.write(Field.GUEST_ES_BASE + 2 * n, getCell(m, cell + SEG_BASE));
  v.write(Field.GUEST_ES_LIMIT + 2 * n, m[(cell + SEG_LIMIT) >> 2]! >>> 0);
  v.write(Field.GUEST_ES_RIGHTS + 2 * n, (attributes & PRESENT) !== 0 ? attributes : attributes | UNUSABLE);
}

const FLAT_DATA = 0xc093, FLAT_CODE = 0xc09b, LONG_CODE = 0xa09b, BUSY_TSS = 0x8b, TSS_LIMIT = 0x67;

/** Section 28.5. */
function loadHost(state: VmxState, interruptibility: number): boolean {
  const { mmu } = state, hadVpid = (state.secondary & Secondary.VPID) !== 0;
  loadHostState(state, interruptibility);
  mmu.enterWorld();
  if (!hadVpid) mmu.flushAll();
  if (loadMsrs(state, Field.EXIT_MSR_LOAD_ADDRESS, Field.EXIT_MSR_LOAD_COUNT) !== 0) {
    return abort(state, ABORT_LOAD);
  }
  return true;
}

/** Loads the registers from the host-state area, and begins root operation. Nothing is invalidated. */
export function loadHostState(state: VmxState, interruptibility: number): void {
  const { m } = state, v = state.vmcs!;
  const controls = v.word(Field.EXIT_CONTROLS), to64 = (controls & ExitControl.HOST_64) !== 0;
  for (const [cell, , host] of QUAD_CELLS) setCell(m, cell, v.read(host));
  m[CR0 >> 2]! |= Cr0.ET;
  setCell(m, DR7, 0x400n);
  if ((controls & ExitControl.LOAD_PAT) !== 0) setCell(m, MSR_PAT, v.read(Field.HOST_PAT));
  const long = Efer.LMA | Efer.LME;
  if ((controls & ExitControl.LOAD_EFER) !== 0) setCell(m, EFER, v.read(Field.HOST_EFER));
  else m[EFER >> 2] = (m[EFER >> 2]! & ~long) | (to64 ? long : 0);
  m[GDTR_LIMIT >> 2] = m[IDTR_LIMIT >> 2] = 0xffff;
  for (const n of [0, 1, 2, 3, 4, 5]) {
    const selector = v.word(Field.HOST_ES + 2 * n);
    const base = n === Segment.FS
      ? v.read(Field.HOST_FS_BASE)
      : n === Segment.GS
      ? v.read(Field.HOST_GS_BASE)
      : 0n;
    const code = to64 ? LONG_CODE : FLAT_CODE;
    const usable = n === Segment.CS || selector !== 0;
    setSegment(m, SEGMENT_CELLS[n]!, selector, base, -1, n === Segment.CS ? code : usable ? FLAT_DATA : 0);
  }
  setSegment(m, SEGMENT_CELLS[6]!, 0, 0n, 0, 0);
  setSegment(m, SEGMENT_CELLS[7]!, v.word(Field.HOST_TR), v.read(Field.HOST_TR_BASE), TSS_LIMIT, BUSY_TSS);
  m[CPL >> 2] = 0;
  writeRflags(m, 2);
  m[INTERRUPTIBILITY >> 2] = interruptibility;
  m[VMX_MODE >> 2] = VmxMode.ROOT;
  setCell(m, EPTP, 0n);
  m[VPID >> 2] = 0;
  state.deadline = Infinity;
  state.unit.intercepts = undefined;
}

function setSegment(
  m: Int32Array,
  cell: number,
  selector: number,
  base: bigint,
  limit: number,
  attributes: number,
): void {
  m[(cell + SEG_SELECTOR) >> 2] = selector;
  setCell(m, cell + SEG_BASE, base);
  m[(cell + SEG_LIMIT) >> 2] = limit;
  m[(cell + SEG_ATTRIBUTES) >> 2] = attributes;
}

function abort(state: VmxState, indicator: number): false {
  state.vmcs!.abort = indicator;
  return false;
}
