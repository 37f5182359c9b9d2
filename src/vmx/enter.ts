/** VM entry: loads the guest's state. SDM vol. 3C, sections 27.3.2 and 27.4. */
import { writeRflags } from "../cpu/rflags.ts";
import { Cr0, Efer } from "../cpu/system/control_bits.ts";
import {
  ATTENTION,
  Attention,
  Blocking,
  CPL,
  CR0,
  CR3,
  CR4,
  DEBUGCTL,
  DR7,
  EFER,
  EPTP,
  EPTP_INDEX,
  GDTR_BASE,
  GDTR_LIMIT,
  GPR,
  Gpr,
  IDTR_BASE,
  IDTR_LIMIT,
  INTERRUPTIBILITY,
  LDTR,
  MSR_PAT,
  MSR_SYSENTER_CS,
  MSR_SYSENTER_EIP,
  MSR_SYSENTER_ESP,
  RIP,
  SEG_ATTRIBUTES,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SELECTOR,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
  segmentBase,
  SHADOW_AT,
  SHADOW_NOW,
  SHADOWS,
  TR,
  VMX_MODE,
  VmxMode,
  VPID,
} from "../cpu/state.ts";
import { EntryControl, Pin, Secondary } from "./controls.ts";
import { EventType } from "./entry_fields.ts";
import { Field } from "./fields.ts";
import { loadMsrs } from "./msr_areas.ts";
import { guestPdptes, loadPdptes, usesPdptes } from "./pdptes.ts";
import { enterVirtualApic } from "./virtual_apic.ts";
import { type CellFields, cellFields, type Vmcs } from "./vmcs.ts";
import type { VmxState } from "./vmx_state.ts";

/** Bits of DR7 that are always 1, and those that can be written. */
const DR7_FIXED = 0x400, DR7_WRITABLE = 0xffff_23ff;
const UNUSABLE = 0x1_0000, DPL = 0x60, RIGHTS = 0xf0ff;

/** State cells of the segment registers in the VMCS's order: ES CS SS DS FS GS LDTR TR. */
export const SEGMENT_CELLS: readonly number[] = [
  ...[0, 1, 2, 3, 4, 5].map((n) => SEGMENT + SEGMENT_STRIDE * n),
  LDTR,
  TR,
];
/** 64-bit state cells that are the same in the guest-state and the host-state area, and their fields there. */
const QUADS: readonly (readonly [cell: number, guest: number, host: number])[] = [
  [CR3, Field.GUEST_CR3, Field.HOST_CR3],
  [GDTR_BASE, Field.GUEST_GDTR_BASE, Field.HOST_GDTR_BASE],
  [IDTR_BASE, Field.GUEST_IDTR_BASE, Field.HOST_IDTR_BASE],
  [MSR_SYSENTER_ESP, Field.GUEST_SYSENTER_ESP, Field.HOST_SYSENTER_ESP],
  [MSR_SYSENTER_EIP, Field.GUEST_SYSENTER_EIP, Field.HOST_SYSENTER_EIP],
  [GPR + 8 * Gpr.RSP, Field.GUEST_RSP, Field.HOST_RSP],
  [RIP, Field.GUEST_RIP, Field.HOST_RIP],
  [CR0, Field.GUEST_CR0, Field.HOST_CR0],
  [CR4, Field.GUEST_CR4, Field.HOST_CR4],
];
/** Those of the guest, and the bases of its segment registers. */
export const GUEST_CELLS: CellFields = cellFields([
  ...QUADS.map(([cell, guest]) => [cell, guest] as const),
  ...SEGMENT_CELLS.map((cell, n) => [cell + SEG_BASE, Field.GUEST_ES_BASE + 2 * n] as const),
]);
/** Those of the host, and the bases of segment registers that it has. */
export const HOST_CELLS: CellFields = cellFields([
  ...QUADS.map(([cell, , host]) => [cell, host] as const),
  [segmentBase(Segment.FS), Field.HOST_FS_BASE],
  [segmentBase(Segment.GS), Field.HOST_GS_BASE],
  [TR + SEG_BASE, Field.HOST_TR_BASE],
]);

/** Writes a 64-bit state cell. */
export function setCell(m: Int32Array, cell: number, value: bigint): void {
  m[cell >> 2] = Number(BigInt.asIntN(32, value));
  m[(cell >> 2) + 1] = Number(BigInt.asIntN(32, value >> 32n));
}
/** Writes one whose upper half is 0. */
export function setWord(m: Int32Array, cell: number, value: number): void {
  m[cell >> 2] = value;
  m[(cell >> 2) + 1] = 0;
}
/** Reads one. */
export function getCell(m: Int32Array, cell: number): bigint {
  return (BigInt(m[(cell >> 2) + 1]! >>> 0) << 32n) | BigInt(m[cell >> 2]! >>> 0);
}

/** Loads the guest's state, and the MSRs of the entry's area. The number of the MSR entry that failed (from 1), or 0. */
export function loadGuest(state: VmxState): number {
  const { mmu } = state;
  loadGuestState(state);
  state.noteVmFunctions();
  mmu.enterWorld();
  // Without VPIDs nothing cached outlives an entry.
  if ((state.secondary & Secondary.VPID) === 0) mmu.flushAll();
  return loadMsrs(state, Field.ENTRY_MSR_LOAD_ADDRESS, Field.ENTRY_MSR_LOAD_COUNT);
}

/** Loads the registers from the guest-state area, and begins non-root operation. Nothing is invalidated. */
export function loadGuestState(state: VmxState): void {
  const { m } = state, v = state.vmcs!;
  const entry = v.word(Field.ENTRY_CONTROLS), secondary = state.secondary;
  v.loadAll(GUEST_CELLS);
  v.load(Field.GUEST_SYSENTER_CS, MSR_SYSENTER_CS);
  m[CR0 >> 2]! |= Cr0.ET;
  m[GDTR_LIMIT >> 2] = v.word(Field.GUEST_GDTR_LIMIT);
  m[IDTR_LIMIT >> 2] = v.word(Field.GUEST_IDTR_LIMIT);
  for (let n = 0; n < SEGMENT_CELLS.length; n++) loadSegment(m, v, n);
  m[CPL >> 2] = (v.word(Field.GUEST_SS_RIGHTS) >> 5) & 3;
  writeRflags(m, v.word(Field.GUEST_RFLAGS));
  if ((entry & EntryControl.LOAD_DEBUG) !== 0) {
    setWord(m, DR7, (v.word(Field.GUEST_DR7) & DR7_WRITABLE) | DR7_FIXED);
    v.load(Field.GUEST_DEBUGCTL, DEBUGCTL);
  }
  if (usesPdptes(v)) loadPdptes(state.memory, guestPdptes(v)!);
  if ((entry & EntryControl.LOAD_PAT) !== 0) v.load(Field.GUEST_PAT, MSR_PAT);
  loadEfer(state, entry);
  m[INTERRUPTIBILITY >> 2] = v.word(Field.GUEST_INTERRUPTIBILITY) & (SHADOWS | Blocking.NMI);
  m[SHADOW_AT >> 2] = SHADOW_NOW;
  state.debug = debugAfterEntry(v);
  state.surroundings.waiting.activity = v.word(Field.GUEST_ACTIVITY);
  state.firstPause = state.lastPause = -Infinity;
  m[VMX_MODE >> 2] = VmxMode.GUEST;
  if ((secondary & Secondary.EPT) !== 0) v.load(Field.EPTP, EPTP);
  else setWord(m, EPTP, 0);
  m[EPTP_INDEX >> 2] = v.word(Field.EPTP_INDEX);
  m[VPID >> 2] = (secondary & Secondary.VPID) !== 0 ? v.word(Field.VPID) : 0;
  state.unit.intercepts = state.intercepts;
  state.noteApicAccessPage();
  enterVirtualApic(state);
  const timer = (v.word(Field.PIN_CONTROLS) & Pin.PREEMPTION_TIMER) !== 0;
  state.deadline = timer ? state.surroundings.now() + (v.word(Field.PREEMPTION_TIMER) >>> 0) : Infinity;
  // Events to inject, windows and timers are looked at before the first instruction.
  m[ATTENTION >> 2]! |= Attention.NOW;
}

/** Debug exceptions that are pending after the entry. Section 27.7.3. */
function debugAfterEntry(v: Vmcs): number {
  const injected = v.word(Field.ENTRY_INTERRUPTION), type = (injected >> 8) & 7;
  const blocked = (v.word(Field.GUEST_INTERRUPTIBILITY) & Blocking.MOV_SS) !== 0;
  const software = type === EventType.SOFTWARE || type === EventType.PRIVILEGED;
  const dropped = injected < 0 && type !== EventType.OTHER && (!software || !blocked);
  return dropped ? 0 : v.word(Field.GUEST_PENDING_DEBUG);
}

/** Base and limit of an unusable register are undefined behind it; processors keep them, so that the next exit saves them. */
function loadSegment(m: Int32Array, v: Vmcs, n: number): void {
  const cell = SEGMENT_CELLS[n]!, rights = v.word(Field.GUEST_ES_RIGHTS + 2 * n);
  const unusable = (rights & UNUSABLE) !== 0;
  m[(cell + SEG_SELECTOR) >> 2] = v.word(Field.GUEST_ES + 2 * n);
  m[(cell + SEG_LIMIT) >> 2] = v.word(Field.GUEST_ES_LIMIT + 2 * n);
  m[(cell + SEG_ATTRIBUTES) >> 2] = unusable ? (n === Segment.SS ? rights & DPL : 0) : rights & RIGHTS;
}

function loadEfer({ m, vmcs }: VmxState, entry: number): void {
  if ((entry & EntryControl.LOAD_EFER) !== 0) return vmcs!.load(Field.GUEST_EFER, EFER);
  const long = (entry & EntryControl.LONG) !== 0;
  const paging = (m[CR0 >> 2]! & Cr0.PG) !== 0;
  const kept = m[EFER >> 2]! & ~(paging ? Efer.LMA | Efer.LME : Efer.LMA);
  m[EFER >> 2] = kept | (long ? Efer.LMA | (paging ? Efer.LME : 0) : 0);
}
