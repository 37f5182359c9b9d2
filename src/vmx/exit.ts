/** VM exits: records why, saves the guest's state, loads the host's. SDM vol. 3C, chapter 28. */
import { Vector } from "../cpu/fault.ts";
import { Flag, readRflags, writeRflags } from "../cpu/rflags.ts";
import { Activity } from "../cpu/system/activity.ts";
import { Cr0, Cr4, Efer } from "../cpu/system/control_bits.ts";
import { WorldSwitch } from "../cpu/system/world_switches.ts";
import type { InterceptedEvent } from "../cpu/system/bus.ts";
import {
  ATTENTION,
  Attention,
  Blocking,
  CPL,
  CR0,
  CR4,
  DEBUGCTL,
  DR7,
  EFER,
  EPTP,
  EPTP_INDEX,
  GDTR_LIMIT,
  IDTR_LIMIT,
  INTERRUPTIBILITY,
  LDTR,
  MSR_PAT,
  MSR_SYSENTER_CS,
  SEG_ATTRIBUTES,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SELECTOR,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
  SHADOW_AT,
  SHADOW_NOW,
  SHADOWS,
  TR,
  VMX_MODE,
  VmxMode,
  VPID,
} from "../cpu/state.ts";
import { EntryControl, ExitControl, Pin, Secondary } from "./controls.ts";
import { GUEST_CELLS, HOST_CELLS, SEGMENT_CELLS, setWord } from "./enter.ts";
import { EventType } from "./entry_fields.ts";
import { informationOf, told } from "./exit_instruction.ts";
import { BASIC_REASON, byInstruction, ENTRY_FAILED, Reason } from "./exit_reasons.ts";
import { Field } from "./fields.ts";
import { loadMsrs, storeMsrs } from "./msr_areas.ts";
import { arePdptesValid, loadPdptes, pdptesAt, savePdptes } from "./pdptes.ts";
import type { Vmcs } from "./vmcs.ts";
import type { ExitInformation, VmxState } from "./vmx_state.ts";

const VALID = 1 << 31, DELIVERS_ERROR = 0x800, UNUSABLE = 0x1_0000, PRESENT = 0x80;
/** Bit 12 of interruption information and of the qualification of these exits: NMI unblocking due to IRET. */
const NMI_UNBLOCKED = 0x1000;
const TELLS_OF_IRET: ReadonlySet<number> = new Set([Reason.EPT_VIOLATION, Reason.PML_FULL]);
/** VMX-abort indicators. Section 28.7. */
const Abort = { STORE_MSRS: 1, PDPTES: 2, LOAD_MSRS: 4, LEAVES_LONG_MODE: 6 } as const;

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
  settleResumeFlag(m, exit, during);
  saveGuest(state, controls);
  saveEventState(state, exit, during);
  if (!storeMsrs(state, Field.EXIT_MSR_STORE_ADDRESS, Field.EXIT_MSR_STORE_COUNT)) {
    return abort(state, Abort.STORE_MSRS);
  }
  const byNmi = exit.reason === Reason.EXCEPTION_OR_NMI &&
    ((exit.interruption ?? 0) >> 8 & 7) === EventType.NMI;
  const blocked = state.pin(Pin.VIRTUAL_NMIS) ? 0 : m[INTERRUPTIBILITY >> 2]! & Blocking.NMI;
  if (!loadHost(state, byNmi ? Blocking.NMI : blocked)) return false;
  state.unit.context.switches.count(WorldSwitch.VM_EXIT, exit.reason);
  noteExit(state, exit.reason);
  return true;
}

/** Exits in the middle of an instruction or a delivery, by an access to memory. */
const BY_ACCESS: ReadonlySet<number> = new Set([
  Reason.APIC_ACCESS,
  Reason.EPT_VIOLATION,
  Reason.EPT_MISCONFIGURATION,
  Reason.PML_FULL,
]);

/** The resume flag that the exit saves: what the event would have pushed, or what lets the access be tried again. Section 28.3.3. */
function settleResumeFlag(m: Int32Array, exit: ExitInformation, during: InterceptedEvent | undefined): void {
  const { reason, interruption = 0 } = exit;
  let resumes: boolean;
  if (reason === Reason.EXCEPTION_OR_NMI) {
    resumes = ((interruption >> 8) & 7) === EventType.HARDWARE && (interruption & 0xff) !== Vector.DB;
  } else if (BY_ACCESS.has(reason)) {
    resumes = during === undefined || during.kind === "fault";
  } else if (byInstruction(reason)) {
    resumes = false;
  } else {
    return;
  }
  writeRflags(m, (readRflags(m) & ~Flag.RF) | (resumes ? Flag.RF : 0));
}

/** VM entry has failed on the guest's state or its MSRs: only reason and qualification are recorded. */
export function failEntry(state: VmxState, reason: number, qualification: bigint): boolean {
  const v = state.vmcs!;
  v.put(Field.EXIT_REASON, reason | ENTRY_FAILED);
  v.write(Field.EXIT_QUALIFICATION, qualification);
  if (!loadHost(state, state.m[INTERRUPTIBILITY >> 2]! & Blocking.NMI)) return false;
  noteExit(state, reason);
  return true;
}

/** Counts an exit, and tells the observer what the VMCS now says of it. */
function noteExit({ exitCounts, exitObserver, vmcs }: VmxState, basicReason: number): void {
  exitCounts.set(basicReason, (exitCounts.get(basicReason) ?? 0) + 1);
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
  const causes = byInstruction(exit.reason), accesses = BY_ACCESS.has(exit.reason) && during === undefined;
  const current = causes || accesses ? state.surroundings.instruction() : undefined;
  const instruction = causes ? current : undefined;
  // Reading the instruction may have met a page that is not there; that is no exit.
  state.pending = undefined;
  // The manual leaves it undefined for accesses. Processors have it there, and KVM skips by it what writes to devices.
  const length = exit.length ?? during?.length ?? current?.length ?? 0;
  const unblocked = state.unblockedNmis && during === undefined ? NMI_UNBLOCKED : 0;
  const recorded = { qualification: exit.qualification, linear: exit.linear };
  const { qualification, linear } = instruction === undefined
    ? recorded
    : told(state.m, exit.reason, instruction, recorded, state.unit.context.is64);
  v.put(Field.EXIT_REASON, exit.reason);
  const tellsOfIret = unblocked !== 0 && TELLS_OF_IRET.has(exit.reason);
  v.write(Field.EXIT_QUALIFICATION, tellsOfIret ? qualification | BigInt(unblocked) : qualification);
  v.put(
    Field.EXIT_INTERRUPTION,
    (exit.interruption ?? 0) | (exit.reason === Reason.EXCEPTION_OR_NMI ? unblocked : 0),
  );
  v.put(Field.EXIT_ERROR_CODE, exit.errorCode ?? 0);
  v.put(Field.VECTORING, during === undefined ? 0 : interruptionOf(during));
  v.put(Field.VECTORING_ERROR_CODE, during?.error ?? 0);
  v.put(Field.EXIT_INSTRUCTION_LENGTH, length);
  v.put(
    Field.EXIT_INSTRUCTION_INFORMATION,
    instruction === undefined ? 0 : informationOf(exit.reason, instruction),
  );
  v.write(Field.GUEST_LINEAR_ADDRESS, linear ?? 0n);
  v.write(Field.GUEST_PHYSICAL_ADDRESS, exit.physical ?? 0n);
  v.put(Field.ENTRY_INTERRUPTION, v.word(Field.ENTRY_INTERRUPTION) & ~VALID);
}

/** Saves the registers to the guest-state area, and what goes with them. Section 28.3. */
export function saveGuest(state: VmxState, controls: number): void {
  const { m } = state, v = state.vmcs!;
  v.storeAll(GUEST_CELLS);
  v.store(Field.GUEST_SYSENTER_CS, MSR_SYSENTER_CS);
  v.put(Field.GUEST_GDTR_LIMIT, m[GDTR_LIMIT >> 2]! & 0xffff);
  v.put(Field.GUEST_IDTR_LIMIT, m[IDTR_LIMIT >> 2]! & 0xffff);
  for (let n = 0; n < SEGMENT_CELLS.length; n++) saveSegment(m, v, n);
  v.put(Field.GUEST_RFLAGS, readRflags(m));
  if ((controls & ExitControl.SAVE_DEBUG) !== 0) {
    v.store(Field.GUEST_DR7, DR7);
    v.store(Field.GUEST_DEBUGCTL, DEBUGCTL);
  }
  if ((state.secondary & Secondary.EPT) !== 0) {
    saveEptp(v);
    if (isPae(m)) savePdptes(v);
  }
  if ((controls & ExitControl.SAVE_PAT) !== 0) v.store(Field.GUEST_PAT, MSR_PAT);
  if ((controls & ExitControl.SAVE_EFER) !== 0) v.store(Field.GUEST_EFER, EFER);
  const lma = (m[EFER >> 2]! & Efer.LMA) !== 0;
  const entry = v.word(Field.ENTRY_CONTROLS);
  v.put(Field.ENTRY_CONTROLS, lma ? entry | EntryControl.LONG : entry & ~EntryControl.LONG);
  v.put(Field.GUEST_INTERRUPTIBILITY, m[INTERRUPTIBILITY >> 2]! & Blocking.NMI);
  v.put(Field.GUEST_ACTIVITY, Activity.ACTIVE);
  v.put(Field.GUEST_PENDING_DEBUG, 0);
  // Controls that VM entry has not checked may ask for the value of a timer that does not run.
  if ((controls & ExitControl.SAVE_TIMER) !== 0 && state.deadline !== Infinity) {
    const left = Math.max(0, state.deadline - state.surroundings.now());
    v.write(Field.PREEMPTION_TIMER, left);
  }
}

/** Writes the fields that VM functions change: the processor keeps them until the exit, whoever looks at the region's memory. */
function saveEptp(v: Vmcs): void {
  v.store(Field.EPTP, EPTP);
  v.put(Field.EPTP_INDEX, v.memory.i32[EPTP_INDEX >> 2]!);
}

/** Exits that follow an instruction leave its debug exceptions pending. Section 28.3.4. */
const AFTER_INSTRUCTION: ReadonlySet<number> = new Set([
  Reason.INIT,
  Reason.MONITOR_TRAP_FLAG,
  Reason.TPR_BELOW_THRESHOLD,
  Reason.VIRTUALIZED_EOI,
  Reason.APIC_WRITE,
]);

/** Saves what holds the next events back, and whether the processor waits. Section 28.3.4. */
function saveEventState(
  state: VmxState,
  { reason }: ExitInformation,
  during: InterceptedEvent | undefined,
): void {
  const { m, surroundings } = state, v = state.vmcs!, at = m[SHADOW_AT >> 2]!;
  const shadowed = at === SHADOW_NOW || at === (surroundings.now() | 0);
  const blocking = m[INTERRUPTIBILITY >> 2]! & (shadowed ? SHADOWS | Blocking.NMI : Blocking.NMI);
  const keepsDebug = (blocking & Blocking.MOV_SS) !== 0 || AFTER_INSTRUCTION.has(reason);
  v.put(Field.GUEST_INTERRUPTIBILITY, blocking);
  v.put(Field.GUEST_ACTIVITY, during === undefined ? surroundings.waiting.activity : Activity.ACTIVE);
  v.put(Field.GUEST_PENDING_DEBUG, keepsDebug ? state.debug : 0);
}

function saveSegment(m: Int32Array, v: Vmcs, n: number): void {
  const cell = SEGMENT_CELLS[n]!, attributes = m[(cell + SEG_ATTRIBUTES) >> 2]!;
  v.put(Field.GUEST_ES + 2 * n, m[(cell + SEG_SELECTOR) >> 2]! & 0xffff);
  v.put(Field.GUEST_ES_LIMIT + 2 * n, m[(cell + SEG_LIMIT) >> 2]!);
  v.put(Field.GUEST_ES_RIGHTS + 2 * n, (attributes & PRESENT) !== 0 ? attributes : attributes | UNUSABLE);
}

const FLAT_DATA = 0xc093, FLAT_CODE = 0xc09b, LONG_CODE = 0xa09b, BUSY_TSS = 0x8b, TSS_LIMIT = 0x67;
const CS = SEGMENT + SEGMENT_STRIDE * Segment.CS, HOST_SEGMENTS = 6;

/** Section 28.5. */
function loadHost(state: VmxState, interruptibility: number): boolean {
  const { m, mmu } = state, v = state.vmcs!, hadVpid = (state.secondary & Secondary.VPID) !== 0;
  const to64 = (v.word(Field.EXIT_CONTROLS) & ExitControl.HOST_64) !== 0;
  if (!to64 && (m[EFER >> 2]! & Efer.LMA) !== 0) return abort(state, Abort.LEAVES_LONG_MODE);
  loadHostState(state, interruptibility);
  if (isPae(m)) {
    const entries = pdptesAt(state.memory, v.read(Field.HOST_CR3));
    if (!arePdptesValid(entries)) return abort(state, Abort.PDPTES);
    loadPdptes(state.memory, entries);
  }
  state.noteVmFunctions();
  mmu.enterWorld();
  if (!hadVpid) mmu.flushAll();
  if (loadMsrs(state, Field.EXIT_MSR_LOAD_ADDRESS, Field.EXIT_MSR_LOAD_COUNT) !== 0) {
    return abort(state, Abort.LOAD_MSRS);
  }
  return true;
}

/** Loads the registers from the host-state area, and begins root operation. Nothing is invalidated. */
export function loadHostState(state: VmxState, interruptibility: number): void {
  const { m } = state, v = state.vmcs!;
  const controls = v.word(Field.EXIT_CONTROLS), to64 = (controls & ExitControl.HOST_64) !== 0;
  for (let n = 0; n < HOST_SEGMENTS; n++) {
    const selector = v.word(Field.HOST_ES + 2 * n), data = selector !== 0 ? FLAT_DATA : 0;
    setSegment(m, SEGMENT + SEGMENT_STRIDE * n, selector, -1, data);
  }
  m[(CS + SEG_ATTRIBUTES) >> 2] = to64 ? LONG_CODE : FLAT_CODE;
  setSegment(m, LDTR, 0, 0, 0);
  setSegment(m, TR, v.word(Field.HOST_TR), TSS_LIMIT, BUSY_TSS);
  v.loadAll(HOST_CELLS);
  v.load(Field.HOST_SYSENTER_CS, MSR_SYSENTER_CS);
  m[CR0 >> 2]! |= Cr0.ET;
  setWord(m, DR7, 0x400);
  setWord(m, DEBUGCTL, 0);
  if ((controls & ExitControl.LOAD_PAT) !== 0) v.load(Field.HOST_PAT, MSR_PAT);
  const long = Efer.LMA | Efer.LME;
  if ((controls & ExitControl.LOAD_EFER) !== 0) v.load(Field.HOST_EFER, EFER);
  else m[EFER >> 2] = (m[EFER >> 2]! & ~long) | (to64 ? long : 0);
  m[GDTR_LIMIT >> 2] = m[IDTR_LIMIT >> 2] = 0xffff;
  m[CPL >> 2] = 0;
  writeRflags(m, 2);
  m[INTERRUPTIBILITY >> 2] = interruptibility;
  m[VMX_MODE >> 2] = VmxMode.ROOT;
  setWord(m, EPTP, 0);
  m[EPTP_INDEX >> 2] = 0;
  m[VPID >> 2] = 0;
  state.deadline = Infinity;
  state.following = state.apicWrite = undefined;
  state.recognized = false;
  state.noteApicAccessPage();
  state.trapPending = state.entered = false;
  state.debug = 0;
  state.surroundings.waiting.activity = Activity.ACTIVE;
  state.unit.intercepts = undefined;
}

/** Whether the registers are those of PAE paging. */
const isPae = (m: Int32Array): boolean =>
  (m[CR0 >> 2]! & Cr0.PG) !== 0 && (m[CR4 >> 2]! & Cr4.PAE) !== 0 && (m[EFER >> 2]! & Efer.LMA) === 0;

/** Sets a segment register that begins at 0. */
function setSegment(m: Int32Array, cell: number, selector: number, limit: number, attributes: number): void {
  m[(cell + SEG_SELECTOR) >> 2] = selector;
  setWord(m, cell + SEG_BASE, 0);
  m[(cell + SEG_LIMIT) >> 2] = limit;
  m[(cell + SEG_ATTRIBUTES) >> 2] = attributes;
}

/** VMX abort: the processor shuts down. Section 28.7. */
function abort(state: VmxState, indicator: number): false {
  state.isAborted = true;
  state.m[ATTENTION >> 2]! |= Attention.NOW;
  state.vmcs!.abort = indicator;
  return false;
}
