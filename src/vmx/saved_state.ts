/** VMX's state outside the processor's registers and guest memory, for snapshots. */
import { VmxMode } from "../cpu/state.ts";
import {
  bool,
  fields,
  i32,
  list,
  maybe,
  type Shape,
  such,
  time,
  u32,
  u64,
  whole,
} from "../snapshot/shape.ts";
import type { LinearMemory } from "../memory/physical.ts";
import { isRegion, Vmcs } from "./vmcs.ts";
import { type ExitInformation, NO_VMCS, type VmxState } from "./vmx_state.ts";

/** Of a write to a virtual-APIC page: its last offset, and its largest size. */
const LAST_OFFSET = 0xfff, REGISTER_BYTES = 4;

/** An exit that follows: `ExitInformation` with all its fields. */
type SavedExit = {
  readonly reason: number;
  readonly qualification: bigint;
  readonly interruption: number | undefined;
  readonly errorCode: number | undefined;
  readonly linear: bigint | undefined;
  readonly physical: bigint | undefined;
  readonly length: number | undefined;
};
const EXIT: Shape<SavedExit> = fields({
  reason: u32,
  qualification: u64,
  interruption: maybe(i32),
  errorCode: maybe(i32),
  linear: maybe(u64),
  physical: maybe(u64),
  length: maybe(u32),
});

/** How many exits there were of a basic reason. */
type ExitCount = { readonly reason: number; readonly count: number };
const EXIT_COUNT: Shape<ExitCount> = fields({ reason: u32, count: whole(1, Number.MAX_SAFE_INTEGER) });

/** The saved state. An exit that is under way is none: snapshots are taken between instructions. */
export type VmxSavedState = {
  readonly vmxon: bigint;
  readonly vmcs: bigint;
  readonly following: SavedExit | undefined;
  readonly recognized: boolean;
  readonly apicWrite: { readonly offset: number; readonly size: number } | undefined;
  readonly isAborted: boolean;
  readonly entered: boolean;
  readonly trapPending: boolean;
  readonly debug: number;
  readonly unblockedNmis: boolean;
  readonly firstPause: number;
  readonly lastPause: number;
  readonly deadline: number;
  readonly exitCounts: readonly ExitCount[];
};

/** What it looks like: regions lie in the RAM there is. */
export function vmxSavedState(memory: LinearMemory): Shape<VmxSavedState> {
  const region = such(u64, (pointer) => pointer === NO_VMCS || isRegion(memory, pointer), "a VMX region");
  return fields({
    vmxon: region,
    vmcs: region,
    following: maybe(EXIT),
    recognized: bool,
    apicWrite: maybe(fields({ offset: whole(0, LAST_OFFSET), size: whole(1, REGISTER_BYTES) })),
    isAborted: bool,
    entered: bool,
    trapPending: bool,
    debug: i32,
    unblockedNmis: bool,
    firstPause: time,
    lastPause: time,
    deadline: time,
    exitCounts: list(EXIT_COUNT),
  });
}

/** Saves what VMX of a processor knows. */
export function saveVmx(state: VmxState): VmxSavedState {
  const { following } = state;
  return {
    vmxon: state.vmxon,
    vmcs: state.vmcs?.pointer ?? NO_VMCS,
    following: following === undefined ? undefined : {
      reason: following.reason,
      qualification: following.qualification,
      interruption: following.interruption === undefined ? undefined : following.interruption | 0,
      errorCode: following.errorCode === undefined ? undefined : following.errorCode | 0,
      linear: following.linear,
      physical: following.physical,
      length: following.length,
    },
    recognized: state.recognized,
    apicWrite: state.apicWrite && { ...state.apicWrite },
    isAborted: state.isAborted,
    entered: state.entered,
    trapPending: state.trapPending,
    debug: state.debug,
    unblockedNmis: state.unblockedNmis,
    firstPause: state.firstPause,
    lastPause: state.lastPause,
    deadline: state.deadline,
    exitCounts: [...state.exitCounts].map(([reason, count]) => ({ reason, count })),
  };
}

/** Restores it, for the processor that sits in the seat, when its registers have been restored. */
export function loadVmx(state: VmxState, saved: VmxSavedState): void {
  const { following } = saved;
  state.vmxon = saved.vmxon;
  state.vmcs = saved.vmcs === NO_VMCS ? undefined : new Vmcs(state.memory, saved.vmcs);
  state.pending = state.vectoring = undefined;
  state.following = following === undefined ? undefined : given(following);
  state.recognized = saved.recognized;
  state.apicWrite = saved.apicWrite;
  state.isAborted = saved.isAborted;
  state.entered = saved.entered;
  state.trapPending = saved.trapPending;
  state.debug = saved.debug;
  state.unblockedNmis = saved.unblockedNmis;
  state.firstPause = saved.firstPause;
  state.lastPause = saved.lastPause;
  state.deadline = saved.deadline;
  state.exitCounts.clear();
  for (const { reason, count } of saved.exitCounts) state.exitCounts.set(reason, count);
  state.unit.intercepts = state.mode === VmxMode.GUEST ? state.intercepts : undefined;
  state.noteApicAccessPage();
  state.noteVmFunctions();
}

/** The fields that are there. */
function given(exit: SavedExit): ExitInformation {
  const { reason, qualification, ...rest } = exit;
  const present = Object.entries(rest).filter(([, value]) => value !== undefined);
  return { reason, qualification, ...Object.fromEntries(present) };
}
