/** WORLD_CALL: VMFUNC function 1. docs/crossover.md, "Function 1". */
import { Vector } from "../cpu/fault.ts";
import { Flag, readRflags, writeRflags } from "../cpu/rflags.ts";
import { Activity } from "../cpu/system/activity.ts";
import {
  ATTENTION,
  Attention,
  Blocking,
  CPL,
  CR3,
  EPTP,
  GPR,
  Gpr,
  INTERRUPTIBILITY,
  RIP,
  Segment,
  SHADOWS,
  TLB_BASE,
  VmxMode,
} from "../cpu/state.ts";
import { CODE64, DATA, USER } from "../cpu/system/flat_segments.ts";
import { segmentCell } from "../cpu/system/segments.ts";
import { WorldSwitch } from "../cpu/system/world_switches.ts";
import { EntryControl, ExitControl, Secondary } from "../vmx/controls.ts";
import { getCell, loadGuestState, setCell } from "../vmx/enter.ts";
import { controlsAreValid } from "../vmx/entry_controls.ts";
import { guestFailure } from "../vmx/entry_guest.ts";
import { hostIsValid } from "../vmx/entry_host.ts";
import { loadHostState, saveGuest } from "../vmx/exit.ts";
import { Reason } from "../vmx/exit_reasons.ts";
import { Field } from "../vmx/fields.ts";
import type { VmxState } from "../vmx/vmx_state.ts";
import { LINKED_SEGMENTS_BYTES } from "../memory/world_links.ts";
import { loadSystemContext } from "./system_context.ts";
import type { World } from "./world.ts";
import type { Line, WorldCaches } from "./world_cache.ts";
import { contextKey } from "./world_context.ts";

/** Exit qualification of a miss. */
export const Miss = { CALLEE: 0n, CALLER: 1n } as const;

/** What a call clears of RFLAGS, besides IF. */
export const CLEARED_FLAGS = Flag.TF | Flag.NT | Flag.RF | Flag.AC | Flag.DF;

const RSP = GPR + 8 * Gpr.RSP, RCX = GPR + 8 * Gpr.RCX;

/**
 * Executes WORLD_CALL. `nextLo` and `nextHi`: the address behind the instruction. Returns where to go on; the upper half is
 * in RETURN_HI. After a fault or a VM exit nothing has changed.
 */
export function worldCall(state: VmxState, caches: WorldCaches, nextLo: number, nextHi: number): number {
  const { m, unit } = state, { context } = unit;
  if (!context.isLong || !context.is64) return Number(context.raise(Vector.UD));
  const inHost = state.mode === VmxMode.ROOT;
  const caller = caches.caller(contextKey({
    host: inHost,
    cpl: context.cpl,
    eptp: getCell(m, EPTP),
    cr3: getCell(m, CR3),
  }));
  if (caller === undefined) return miss(state, Miss.CALLER);
  const callee = caches.callee(getCell(m, RCX));
  if (callee === undefined || !isReachable(state, callee.world)) return miss(state, Miss.CALLEE);
  const { world } = callee;
  if (world.host !== inHost) {
    if (!inHost) leave(state, nextLo, nextHi);
    else if (!mayEnter(state)) return Number(context.raise(Vector.GP, 0));
    else enter(state);
  }
  caches.touch(caller);
  caches.touch(callee);
  const from = m[TLB_BASE >> 2]!;
  load(state, world);
  setCell(m, RCX, caller.world.wid);
  state.mmu.enterWorld();
  if (world.host === inHost) link(state, from, caller, callee);
  else state.noteVmFunctions();
  context.switches.count(WorldSwitch.WORLD_CALL);
  return context.wide(Number(BigInt.asIntN(32, world.rip)), Number(BigInt.asIntN(32, world.rip >> 32n)));
}

/** Whether a callee may be entered: it is valid, and a host world finds a 64-bit host. */
function isReachable(state: VmxState, { valid, host }: World): boolean {
  if (!valid || !host || state.mode === VmxMode.ROOT) return valid;
  return (state.word(Field.EXIT_CONTROLS) & ExitControl.HOST_64) !== 0;
}

/** Neither cache is changed, nor RCX: the hypervisor fills them and resumes at the same instruction. */
function miss(state: VmxState, qualification: bigint): number {
  if (state.mode === VmxMode.ROOT) return Number(state.unit.context.raise(Vector.GP, 0));
  state.record({ reason: Reason.WORLD_CALL_MISS, qualification });
  return 0;
}

/** Makes the callee's what it registered. This is all that a call within root or within non-root operation loads. */
function load(state: VmxState, world: World): void {
  const { m, unit } = state, { cpl, cs, ss } = world;
  const user = cpl === 0 ? 0 : USER;
  unit.segments.write(segmentCell(Segment.CS), cs, -1, CODE64 | user, 0);
  unit.segments.write(segmentCell(Segment.SS), ss, -1, DATA | user, 0);
  m[CPL >> 2] = cpl;
  setCell(m, CR3, world.cr3);
  if (!world.host) setCell(m, EPTP, world.eptp);
  if (world.systemContext !== undefined) loadSystemContext(m, world.systemContext);
  writeRflags(m, readRflags(m) & ~(CLEARED_FLAGS | (world.keepsInterrupts ? 0 : Flag.IF)));
  m[INTERRUPTIBILITY >> 2]! &= ~SHADOWS;
}

/** Lets translated code repeat the call: this is what `load` makes of the processor. */
function link({ m, mmu }: VmxState, from: number, caller: Line, { world, place }: Line): void {
  const segments = segmentCell(Segment.CS) >> 2;
  const system = CLEARED_FLAGS & ~Flag.DF;
  mmu.links.linkCall(from, {
    caller: caller.world.wid,
    callee: world.wid,
    cr3: world.cr3,
    rip: world.rip,
    cpl: world.cpl,
    segments: m.slice(segments, segments + LINKED_SEGMENTS_BYTES / 4),
    flags: ~(world.keepsInterrupts ? system : system | Flag.IF),
    callerUse: caller.place,
    calleeUse: place,
    systemContext: world.systemContext,
  });
}

/** From non-root to root operation: as an exit, but nothing is told of it, and RSP and RFLAGS stay. */
function leave(state: VmxState, nextLo: number, nextHi: number): void {
  const { m } = state, v = state.vmcs!, flags = readRflags(m), rsp = getCell(m, RSP);
  m[RIP >> 2] = nextLo;
  m[(RIP >> 2) + 1] = nextHi;
  saveGuest(state, v.word(Field.EXIT_CONTROLS));
  loadHostState(state, m[INTERRUPTIBILITY >> 2]! & Blocking.NMI);
  setCell(m, RSP, rsp);
  writeRflags(m, flags);
  // Which interrupts may be taken, and which timers run, is another matter now.
  m[ATTENTION >> 2]! |= Attention.NOW;
}

/** From root to non-root operation: as an entry, but no event is injected, and RSP stays. */
function enter(state: VmxState): void {
  const { m } = state, rsp = getCell(m, RSP);
  loadGuestState(state);
  // The world is called: it waits for nothing, and what was pending is not its own.
  state.debug = 0;
  state.surroundings.waiting.activity = Activity.ACTIVE;
  setCell(m, RSP, rsp);
}

/** Whether the current VMCS can be entered: launched, valid as for VMRESUME, with EPT and a guest in IA-32e mode. */
function mayEnter(state: VmxState): boolean {
  const v = state.vmcs;
  return v !== undefined && v.isLaunched && controlsAreValid(v, state.vmFunctions) &&
    hostIsValid(v, state.unit.context.isLong) && guestFailure(v) === undefined &&
    (state.secondary & Secondary.EPT) !== 0 && (v.word(Field.ENTRY_CONTROLS) & EntryControl.LONG) !== 0;
}
