/** VMFUNC. SDM vol. 3C, section 26.5.5. */
import { Vector } from "../cpu/fault.ts";
import { WorldSwitch } from "../cpu/system/world_switches.ts";
import { EPTP, EPTP_INDEX, GPR, Gpr, RETURN_HI, TLB_BASE, VmxMode } from "../cpu/state.ts";
import { RAM_BASE } from "../memory/physical.ts";
import { Secondary } from "./controls.ts";
import { isEptp } from "./ept.ts";
import { Reason } from "./exit_reasons.ts";
import { Field } from "./fields.ts";
import type { VmxState } from "./vmx_state.ts";

/** Functions, as EAX names them. */
const EPTP_SWITCHING = 0, WORLD_CALL = 1, MANAGE_WTC = 2;
const LAST_FUNCTION = 63, LIST_ENTRIES = 512;

/**
 * Executes VMFUNC; on a fault or VM exit nothing has changed. `nextLo` and `nextHi`: the address behind the instruction.
 * Returns where to go on; the upper half is in RETURN_HI.
 */
export function vmfunc(state: VmxState, nextLo: number, nextHi: number): number {
  const { m, unit, worldFunctions } = state;
  const leaf = m[(GPR >> 2) + 2 * Gpr.RAX]! >>> 0;
  if (state.mode === VmxMode.ROOT && worldFunctions?.isEnabled === true) {
    if (leaf === WORLD_CALL) return worldFunctions.call(nextLo, nextHi);
    if (leaf === MANAGE_WTC) {
      worldFunctions.manage();
      return unit.context.wide(nextLo, nextHi);
    }
  }
  m[RETURN_HI >> 2] = nextHi;
  if (state.mode !== VmxMode.GUEST || (state.secondary & Secondary.VMFUNC) === 0 || leaf > LAST_FUNCTION) {
    unit.context.raise(Vector.UD);
    return nextLo;
  }
  const enabled = state.vmcs!.read(Field.VMFUNC_CONTROLS) & BigInt(state.vmFunctions);
  const isEnabled = ((enabled >> BigInt(leaf)) & 1n) !== 0n;
  if (isEnabled && leaf === EPTP_SWITCHING) switchEptp(state);
  else if (isEnabled && worldFunctions?.isEnabled === true) return worldFunctions.call(nextLo, nextHi);
  else disabled(state);
  return nextLo;
}

/** What causes an exit because of VMFUNC leaves everything as it is. */
function disabled(state: VmxState): void {
  state.record({ reason: Reason.VMFUNC, qualification: 0n });
}

function switchEptp(state: VmxState): void {
  const { m, unit, vmcs, memory } = state;
  const index = m[(GPR >> 2) + 2 * Gpr.RCX]! >>> 0;
  const place = vmcs!.address(Field.EPTP_LIST_ADDRESS) + 8 * index;
  if (index >= LIST_ENTRIES || place + 8 > memory.ramBytes) return disabled(state);
  const value = memory.view.getBigUint64(RAM_BASE + place, true);
  if (!isEptp(value)) return disabled(state);
  m[EPTP >> 2] = Number(BigInt.asIntN(32, value));
  m[(EPTP >> 2) + 1] = Number(BigInt.asIntN(32, value >> 32n));
  // Whatever the control "EPT-violation #VE" is: it is enough that there is one.
  m[EPTP_INDEX >> 2] = index;
  const from = m[TLB_BASE >> 2]!;
  state.mmu.enterWorld();
  unit.context.switches.count(WorldSwitch.VMFUNC);
  if ((state.secondary & Secondary.VPID) === 0) state.mmu.flushAll();
  else state.mmu.links.linkEptp(from, index);
}
